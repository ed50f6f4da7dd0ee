"""What can truthfully be said about a scene, in several wordings, and what is almost true."""

from __future__ import annotations

import random
from dataclasses import replace

from .layout import BACKGROUNDS, COLOURS, DIGITS, FILLS, NOVEL_PAIRS, SHAPES, SIZES, WORDS, Scene, Thing

COUNT_WORDS = ("no", "a", "two", "three", "four", "five")
CROSSES = {"cross": "crosses"}  # the only irregular plural
PROMPT = "a picture of"  # the prompt BLIP was trained with; captions read well after it


def plural(shape: str) -> str:
    return CROSSES.get(shape, shape + "s")


def noun(kind: tuple[str, str, str, str], count: int = 1) -> str:
    """"a large striped red star" or "three small blue circles" (plain things are not called plain)."""
    colour, shape, size, fill = kind
    words = [COUNT_WORDS[count], size, "" if fill == "plain" else fill, colour, plural(shape) if count > 1 else shape]
    return " ".join(word for word in words if word)


def bodies(scene: Scene) -> list[str]:
    """The ways to name everything in the scene but its background."""
    nouns = [noun(kind, count) for kind, count in scene.groups]
    if scene.relation == "left":
        said = [f"{nouns[0]} to the left of {nouns[1]}", f"{nouns[1]} to the right of {nouns[0]}"]
    elif scene.relation == "above":
        said = [f"{nouns[0]} above {nouns[1]}", f"{nouns[1]} below {nouns[0]}"]
    elif scene.relation == "row":
        said = [f"from left to right {nouns[0]}, {nouns[1]} and {nouns[2]}"]
    elif len(nouns) == 2:
        said = [f"{nouns[0]} and {nouns[1]}", f"{nouns[1]} and {nouns[0]}"]
    else:
        said = nouns
    if scene.sign:
        said = [f"{body} with the {'digit' if scene.sign.is_digit else 'word'} {scene.sign.text}" for body in said]
    return said


def captions(scene: Scene) -> list[str]:
    """Every complete caption: each names all things, their relation, the sign and the background."""
    bg = scene.background
    wordings = ("{body} on a {bg} background", "a {bg} background with {body}", "{body} in front of a {bg} wall")
    return [wording.format(body=body, bg=bg) for body in bodies(scene) for wording in wordings]


def catalogue_caption(scene: Scene) -> str:
    """What there is, but not where, in another style ("2 stars: large, striped, red; wall: grey; sign: go").

    No training of the captioning checkpoint has seen this style: chapter 1 fine-tunes for it.
    """
    entries = []
    for (colour, shape, size, fill), count in scene.groups:
        attributes = ", ".join(word for word in (size, "" if fill == "plain" else fill, colour) if word)
        entries.append(f"{count} {plural(shape) if count > 1 else shape}: {attributes}")
    entries.append(f"wall: {scene.background}")
    if scene.sign:
        entries.append(f"sign: {scene.sign.text}")
    return "; ".join(entries)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def short_captions(scene: Scene) -> list[str]:
    """True but partial captions, each about one kind: "a red star", "a star", "something red"."""
    said = []
    for (colour, shape, size, _), count in scene.groups:
        if count == 1:
            said += [f"{_article(colour)} {colour} {shape}", f"a {size} {shape}", f"a {shape}"]
        else:
            said += [f"{COUNT_WORDS[count]} {colour} {plural(shape)}"]
        said.append(f"something {colour}")
    return said


def short_negatives(scene: Scene, rng: random.Random, split: str = "train") -> list[str]:
    """False partial captions: a shape or a colour that is absent, a present colour on a wrong shape."""
    shapes, colours = {t.shape for t in scene.things}, {t.colour for t in scene.things}
    pairs = {t.pair for t in scene.things} | (NOVEL_PAIRS if split == "train" else set())
    wrong = [(c, s) for c in COLOURS for s in SHAPES if (c in colours) != (s in shapes) and (c, s) not in pairs]
    colour, shape = rng.choice(wrong)
    absent_shape = rng.choice([s for s in SHAPES if s not in shapes])
    absent_colour = rng.choice([c for c in COLOURS if c not in colours])
    return [f"{_article(colour)} {colour} {shape}", f"a {absent_shape}", f"something {absent_colour}"]


def hard_negative(scene: Scene, rng: random.Random, split: str = "train") -> tuple[str, str]:
    """A full caption with exactly one attribute wrong, and the name of that attribute.

    The wording is the one ``captions(scene)[k]`` has for the same random k, so only the
    attribute gives it away. In the train split no negative mentions a novel pair either.
    """
    attributes = ["colour", "shape", "size", "background", "fill"]
    attributes += ["relation"] if scene.relation in ("left", "above") else []
    attributes += ["count"] if len(scene.things) > len(scene.groups) else []
    attributes += ["sign"] if scene.sign else []
    wordings = captions(scene)
    true = frozenset(wordings)
    while True:
        attribute = rng.choice(attributes)
        changed = _change(scene, attribute, rng)
        if split == "train" and any(thing.pair in NOVEL_PAIRS for thing in changed.things):
            continue
        if len(changed.groups) != len(scene.groups):  # the change made two kinds one
            continue
        negative = captions(changed)[rng.randrange(len(wordings))]
        if negative not in true:
            return negative, attribute


def _other(options: tuple[str, ...], current: str, rng: random.Random) -> str:
    return rng.choice([option for option in options if option != current])


def _change(scene: Scene, attribute: str, rng: random.Random) -> Scene:
    """A copy of the scene that differs in one attribute."""
    if attribute == "background":
        return replace(scene, background=_other(BACKGROUNDS, scene.background, rng))
    if attribute == "relation":
        return replace(scene, things=scene.things[::-1])
    if attribute == "sign":
        options = DIGITS if scene.sign.is_digit else WORDS
        return replace(scene, sign=replace(scene.sign, text=_other(options, scene.sign.text, rng)))
    if attribute == "count":
        return replace(scene, things=_recount(scene, rng))
    kind = rng.choice(scene.groups)[0]
    options = {"colour": COLOURS, "shape": SHAPES, "size": tuple(SIZES), "fill": FILLS}[attribute]
    value = _other(options, getattr(next(t for t in scene.things if t.kind == kind), attribute), rng)
    return replace(
        scene, things=tuple(replace(t, **{attribute: value}) if t.kind == kind else t for t in scene.things)
    )


def _recount(scene: Scene, rng: random.Random) -> tuple[Thing, ...]:
    """The things with one group made one larger or one smaller (between two and five)."""
    kind, count = rng.choice([group for group in scene.groups if group[1] > 1])
    new = rng.choice([n for n in (count - 1, count + 1) if 2 <= n <= 5])
    example = next(t for t in scene.things if t.kind == kind)
    things: list[Thing] = []
    for other, n in scene.groups:
        things += [example] * new if other == kind else [t for t in scene.things if t.kind == other][:n]
    return tuple(things)
