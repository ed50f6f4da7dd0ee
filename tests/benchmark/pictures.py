"""What the vision sets' computations share: the ground truth behind an address, and words for it in both languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from helpers.worlds import clips, documents, pairs, scenes

SEED = 7  # of the question sets alone: no notebook measures on it
#: Each word in English and in Chinese.
CHINESE = {
    "red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色", "cyan": "青色", "blue": "蓝色",
    "purple": "紫色", "pink": "粉色", "white": "白色", "black": "黑色", "grey": "灰色", "circle": "圆形",
    "square": "正方形", "triangle": "三角形", "star": "五角星", "cross": "十字", "ring": "圆环",
    "diamond": "菱形", "heart": "心形", "striped": "条纹", "dotted": "圆点", "plain": "", "large": "大",
    "small": "小", "left": "左", "right": "右", "up": "上", "down": "下", "higher": "更高", "lower": "更低",
    "same": "一样",
}  # fmt: skip
#: Other words for the same, longer ones first, so that no part of one is taken for another. "->": from one to another.
SYNONYMS = {
    "en": {
        "light blue": "cyan", "turquoise": "cyan", "violet": "purple", "gray": "grey", "plus signs": "cross",
        "plus sign": "cross", "crosses": "cross", "donut": "ring", "disc": "circle", "rhombuses": "diamond",
        "rhombus": "diamond", "polka dot": "dotted", "big": "large", "backdrop": "background", "dark": "black",
        "bar graph": "bar chart", "two": "2", "three": "3", "four": "4", "five": "5",
        "to the right": "right", " to ": " -> ", "→": "->",
    },
    "zh": {
        "天蓝色": "青色", "浅蓝色": "青色", "橘色": "橙色", "粉红色": "粉色", "星形": "五角星", "爱心": "心形",
        "加号": "十字", "圆圈": "圆形", "环形": "圆环", "波点": "圆点", "白底": "白色", "黑底": "黑色",
        "正方形": "方形", "柱形图": "柱状图", "条形图": "柱状图", "两": "2", "三个": "3", "四": "4",
        "五根": "5根", "变成": "->", "变为": "->", "到": "->", "→": "->",
    },
}  # fmt: skip
#: Words that add nothing to a fact.
FILLERS = {"en": {"a", "is", "background"}, "zh": "的一个背景是为：，、"}


def scene(index: int) -> scenes.Scene:
    return next(scenes.scenes("heldout", 1, SEED, index))


def document(index: int) -> documents.Document:
    return next(documents.documents("heldout", 1, SEED, index))


def content(index: int):
    return document(index).content


def pair(index: int) -> pairs.Pair:
    return next(pairs.pairs("heldout", 1, SEED, index))


def clip(index: int) -> clips.Clip:
    return next(clips.clips("heldout", 1, SEED, index))


def only(things: Iterable):
    """The only element. A question about the one when there are two is a faulty question."""
    (thing,) = things
    return thing


def the(shown: scenes.Scene, shape: str, **attributes) -> scenes.Thing:
    """The only thing of a shape (and of other attributes) in a scene."""
    return only(t for t in shown.things if t.shape == shape and all(getattr(t, k) == v for k, v in attributes.items()))


def both(*words: str) -> tuple[str, str]:
    """Words in English and in Chinese."""
    return " ".join(w for w in words if w != "plain"), "".join(CHINESE[w] for w in words)


def named(thing: scenes.Thing, size: bool = False, count: int = 0) -> tuple[str, str]:
    """A thing in both languages: number, size, pattern, colour and shape."""
    words = ([thing.size] if size else []) + [thing.fill, thing.colour, thing.shape]
    english, chinese = both(*words)
    if count:
        return f"{count} {english}{'s' if thing.shape != 'cross' and count > 1 else ''}", f"{count}个{chinese}"
    return english, chinese


def group(shown: scenes.Scene, shape: str, size: bool = False) -> tuple[str, str]:
    """All things of one shape, which have to be of one kind, with their number."""
    found = [t for t in shown.things if t.shape == shape]
    assert len({t.kind for t in found}) == 1
    return named(found[0], size, count=len(found))


def framed(before: tuple[str, str], text: tuple[str, str], after: tuple[str, str] = ("", "")) -> tuple[str, str]:
    """A phrase with a label before it, and perhaps something after it, in both languages."""
    return before[0] + text[0] + after[0], before[1] + text[1] + after[1]


def same(text: str) -> tuple[str, str]:
    """What is copied from the picture is the same in both languages."""
    return text, text


def meaning(phrase: str, language: str) -> list[Counter]:
    """A phrase without what may differ between right wordings: synonyms, fillers, order, punctuation and case.

    What stands on either side of "->" ("to", "变成") is kept apart.
    """
    phrase = phrase.casefold()
    for word, plain in SYNONYMS[language].items():
        phrase = phrase.replace(word, plain)
    sides = phrase.split("->")
    if language == "zh":
        return [Counter(c for c in side if not c.isspace() and c not in FILLERS["zh"]) for side in sides]
    words = [[word.strip(":,.") for word in side.split()] for side in sides]
    return [Counter(word.removesuffix("s") for word in side if word not in FILLERS["en"]) for side in words]
