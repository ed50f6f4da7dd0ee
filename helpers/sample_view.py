"""One answer of a benchmark as HTML: what was shown and asked, what was said, what was right, and what it is worth.

Whatever a model, a server or a file of items said is escaped.
"""

from __future__ import annotations

import base64
import json
from html import escape
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from . import world_pictures
from .bench import Attempt
from .errors import BadImage, CourseError
from .images import open_image
from .notebook import Html
from .plots import COLOURS, gallery
from .tasks import Item

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 4000  # characters of a text that are shown
#: Side in pixels of each picture, by how many there are at most.
SIDES = ((1, 336), (2, 240), (6, 180), (99, 120))
FOUND = COLOURS[5]  # vermilion; what is true is a thin white line beside a black one, seen on any ground
NOT_KEPT = "(the record keeps what was graded, not the whole text)"
NONE = "(none, or not kept)"
LOST = "(not at hand: only items of this course's tasks can be found again by their names)"


def sample_html(attempt: Attempt, item: Item | None) -> Html:
    """An attempt beside its item; without the item, what the log alone can tell."""
    reply, grade = attempt.reply, attempt.grade
    parts = [f"<h4>{escape(f'{attempt.key.task}, {attempt.key.item}: {attempt.key.model}')}</h4>"]
    parts.append(f"<p><strong>{escape(verdict(attempt))}</strong></p>")
    if item:
        parts.append(_pictures(attempt, item))
    parts.append(_text("Prompt", _prompt(item) if item else LOST))
    if attempt.finished:
        if reply.reasoning:
            parts.append(f"<details><summary>Reasoning</summary>{_text('', reply.reasoning)}</details>")
        parts.append(_text("Answer", reply.answer or (NOT_KEPT if reply.outcome == "ok" else NONE)))
    if grade and grade.extracted not in (None, reply.answer):
        parts.append(_text("Graded as answer", grade.extracted))
    if item:
        parts.append(_text("Reference", _reference(item.reference)))
    if reply.error:
        parts.append(_text("Error", reply.error))
    return Html(f'<div class="course-sample">{"".join(parts)}</div>')


def verdict(attempt: Attempt) -> str:
    """Outcome, score and times in one line; a transport failure has neither score nor times."""
    reply, grade = attempt.reply, attempt.grade
    if not attempt.finished:
        return f"{outcome_of(attempt)}: nothing was said, so nothing is graded or timed"
    said = [outcome_of(attempt)]
    said += [f"score {grade.score:.2f}" + (f" ({grade.detail})" if grade.detail else "")] if grade else []
    times = (("ttft", reply.ttft, 1000, "ms"), ("tpot", reply.tpot, 1000, "ms"), ("in all", reply.e2e, 1, "s"))
    said += [f"{name} {value * factor:.3g} {unit}" for name, value, factor, unit in times if value is not None]
    return " · ".join(said)


def outcome_of(attempt: Attempt) -> str:
    """What an attempt came to, in one word or two; failures of the transport are named as such."""
    if not attempt.finished:
        return f"transport failure: {attempt.reply.outcome}"
    if attempt.grade:
        return attempt.grade.outcome
    return "not graded" if attempt.reply.outcome == "ok" else attempt.reply.outcome


def shown_in(item: Item) -> list[Image.Image]:
    """The pictures and the frames of an item's messages, in order; addresses outside of the course are left out."""
    contents = [message["content"] for message in item.messages if isinstance(message["content"], list)]
    pictures = []
    for part in (part for content in contents for part in content if part.get("type") != "text"):
        video = part.get("video")
        if isinstance(video, str) and video.startswith(world_pictures.SCHEME):
            pictures += world_pictures.frames(video)
        else:
            urls = video if isinstance(video, list) else [part.get("image_url", {}).get("url", "")]
            pictures += _opened(urls)
    return pictures


def _opened(urls: Iterable[str]) -> list[Image.Image]:
    found = []
    for url in urls:
        if url.startswith(world_pictures.SCHEME):
            found.append(world_pictures.resolve(url))
        elif url.startswith("data:image/"):
            found.append(open_image(base64.b64decode(url.partition(",")[2])))
    return found


def _pictures(attempt: Attempt, item: Item) -> str:
    try:
        pictures = shown_in(item)
    except (BadImage, CourseError, ValueError) as error:  # ValueError: no base64
        return _text("Pictures", f"(cannot be drawn: {error})")
    captions = [f"Picture {i} of {len(pictures)}" for i in range(1, len(pictures) + 1)]
    if len(pictures) == 1 and (marked := with_places(pictures[0], attempt, item)):
        pictures, captions = [marked], ["Thin, black and white: what was to be found. Thick: what the answer says"]
    side = next(side for most, side in SIDES if len(pictures) <= most or most == SIDES[-1][0])
    return str(gallery(pictures, captions, side=side)) if pictures else ""


def with_places(picture: Image.Image, attempt: Attempt, item: Item) -> Image.Image | None:
    """The picture, three times as large, with the true boxes and those (or the points) of the answer.

    None where the item asks for none.
    """
    if item.grader not in ("boxes", "points"):
        return None
    scale = 3
    large = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(large)
    extracted = attempt.grade.extracted if attempt.grade else None
    for place in json.loads(extracted) if extracted else []:  # the grader wrote it, in pixels of the picture
        if "bbox" in place:
            draw.rectangle(_ordered([v * scale for v in place["bbox"]]), outline=FOUND, width=5)
        else:
            x, y = (v * scale for v in place["point"])
            draw.ellipse((x - 8, y - 8, x + 8, y + 8), outline=FOUND, width=5)
    for box in item.reference["boxes"]:
        corners = [v * scale for v in box["bbox"]]
        draw.rectangle(corners, outline="black", width=4)
        draw.rectangle(corners, outline="white", width=2)
    return large


def _ordered(box: list[float]) -> list[float]:
    """Corners in the order that Pillow insists on; a box outside of the picture is not drawn, and does no harm."""
    return [min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])]


def _prompt(item: Item) -> str:
    """The texts of all messages; the role is said where there is more than one."""
    contents = [(message["role"], message["content"]) for message in item.messages]
    texts = [
        (role, content if isinstance(content, str) else "\n".join(part.get("text", "[picture]") for part in content))
        for role, content in contents
    ]
    return "\n\n".join(f"{role}: {text}" if len(texts) > 1 else text for role, text in texts)


def _reference(reference: object) -> str:
    return reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False, indent=1)


def _text(name: str, text: str) -> str:
    style = "white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 0.75rem"
    head = f"<div><small>{escape(name)}</small></div>" if name else ""
    return f'{head}<pre style="{style}">{escape(text[:LONGEST])}</pre>'
