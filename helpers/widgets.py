"""The panel of "Your own picture": a convenience over functions that the notebook has called before.

It knows nothing of models: it hands a picture, a text and the chosen weights to the functions it was given, and shows
what they return. What comes out of a model, a file or an exception is text, never markup.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
import traitlets

from .errors import BadImage, CourseError
from .images import open_image
from .plots import gallery, table
from .profiles import PROFILES, spec
from .worlds.scenes.render import BACKGROUND_RGB, RGB

CSS = """
.course-picture { display: flex; flex-direction: column; gap: 0.5rem; max-width: 26rem; }
.course-picture > div { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
.course-canvas { width: 100%; max-width: 20rem; border: 1px solid #767676; touch-action: none; cursor: crosshair; }
.course-picture p { margin: 0; font-size: 0.85em; line-height: 1.4; }
.course-picture .course-status { font-size: 1em; min-height: 1.4em; font-weight: 600; overflow-wrap: anywhere; }
.course-panel figcaption { line-height: 1.4; }
.course-picture :focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
"""


def _css_colours(rgb: dict[str, tuple[int, int, int]]) -> dict[str, str]:
    return {name: f"rgb({r}, {g}, {b})" for name, (r, g, b) in rgb.items()}


class PictureInput(anywidget.AnyWidget):
    """Draw a picture, paste it, drop it or choose a file; ``picture.js`` beside this module is its front end.

    Attributes:
        data: the bytes of an image file exactly as they came, of any kind and in any state; empty for none.
        name: what to call it: the file's name, or "your drawing".
        status: one line of text for the person, read out by screen readers.
    """

    _esm = Path(__file__).with_name("picture.js")
    _css = CSS
    # Arrives as a memoryview, and megabytes need not be echoed to the browser.
    data = traitlets.Bytes().tag(sync=True, echo_update=False, from_json=lambda value, _: bytes(value))
    name = traitlets.Unicode().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    colours = traitlets.Dict(_css_colours(RGB)).tag(sync=True)
    backgrounds = traitlets.Dict(_css_colours(BACKGROUND_RGB)).tag(sync=True)


def model_choices(role: str) -> dict[str, str]:
    """The menu of weights: what to call them → the profile they belong to. Raises UnknownName for an unknown role."""
    found = [spec(role, profile) for profile in PROFILES]  # a profile without weights of its own repeats the nano row
    return {f"{row.profile}: {row.label}": row.profile for row in found}


class PicturePanel(ipywidgets.VBox):
    """Choose a picture and a model, then caption, ask, match or retrieve.

    Args:
        caption: (picture, profile) → text.
        ask: (picture, question, profile) → text.
        match: (picture, texts, profile) → [(text, probability), …].
        retrieve: (picture, profile) → [(image, text, similarity), …].
        choices: label → profile, from ``model_choices``.
        profile: the profile selected at first.
    """

    def __init__(
        self,
        caption: Callable,
        ask: Callable,
        match: Callable,
        retrieve: Callable,
        choices: dict[str, str],
        profile: str,
    ) -> None:
        self.functions = {"caption": caption, "ask": ask, "match": match, "retrieve": retrieve}
        self.opened = None
        self.picture = PictureInput()
        self.preview, self.answer = ipywidgets.HTML(), ipywidgets.HTML()
        chosen = profile if profile in choices.values() else next(iter(choices.values()))
        self.model = _wide(ipywidgets.Dropdown, "Model", options=list(choices.items()), value=chosen)
        self.question = _wide(ipywidgets.Text, "Question", value="what colour is the background?")
        self.texts = _wide(ipywidgets.Textarea, "Texts, one a line", value="a red circle\na blue square", rows=3)
        self.buttons = {name: ipywidgets.Button(description=name.capitalize()) for name in self.functions}
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self.run(name))
        self.picture.observe(self._open, names="data")
        self.model.observe(lambda _: self._clear_answer(), names="value")
        row = ipywidgets.HBox(list(self.buttons.values()), layout={"flex_flow": "row wrap"})
        right = ipywidgets.VBox(
            [self.preview, self.model, self.question, self.texts, row, self.answer],
            layout={"flex": "1 1 20rem", "min_width": "min(20rem, 100%)"},
        )
        both = ipywidgets.HBox([self.picture, right], layout={"flex_flow": "row wrap", "grid_gap": "1.5rem"})
        super().__init__([both])
        for part, name in ((self, "panel"), (self.preview, "preview"), (self.answer, "answer")):
            part.add_class(f"course-{name}")

    def run(self, name: str) -> None:
        """What a button does: call its function on the picture, show the result or one line that says what to do."""
        if self.opened is None:
            if not self.picture.data:  # otherwise the status says what is wrong with it
                self.picture.status = "Draw, paste or choose a picture first."
            return
        self._clear_answer()
        self.picture.status = "Working …"
        for button in self.buttons.values():
            button.disabled = True
        started = time.perf_counter()
        try:
            self.answer.value = getattr(self, f"_{name}")(self.functions[name])
            self.picture.status = f"Done in {time.perf_counter() - started:.1f} s."
        except CourseError as error:
            self.picture.status = str(error)
        except Exception as error:  # nobody reads a kernel's log behind a web page: say it where the person looks
            self.picture.status = f"This went wrong, and it is not your fault: {type(error).__name__}: {error}"
        finally:
            for button in self.buttons.values():
                button.disabled = False

    def _open(self, _) -> None:
        """A new picture came from the browser: open it, or say why it cannot be opened."""
        self._clear_answer()
        self.opened, self.preview.value, self.picture.status = None, "", ""
        if not self.picture.data:
            return
        try:
            self.opened = open_image(self.picture.data)
        except BadImage as error:
            self.picture.status = str(error)
            return
        name, (width, height) = self.picture.name or "your picture", self.opened.size
        small = self.opened.copy()
        small.thumbnail((160, 160))
        self.preview.value = gallery([small], [f"{name}, {width} × {height} pixels"], alts=["The picture to ask about"])
        self.picture.status = f"Opened {name}."

    def _clear_answer(self) -> None:
        self.answer.value = ""  # an answer about another picture or from another model must not stay

    def _caption(self, function: Callable) -> str:
        return _said(function(self.opened, self.model.value))

    def _ask(self, function: Callable) -> str:
        question = self.question.value.strip()
        if not question:
            raise CourseError("Type a question first.")
        return _said(function(self.opened, question, self.model.value))

    def _match(self, function: Callable) -> str:
        texts = [line.strip() for line in self.texts.value.splitlines() if line.strip()]
        if not texts:
            raise CourseError("Type the texts to compare first, one a line.")
        rows = function(self.opened, texts, self.model.value)
        return table([{"text": text, "fits with probability": probability} for text, probability in rows])

    def _retrieve(self, function: Callable) -> str:
        images, texts, scores = zip(*function(self.opened, self.model.value))
        return gallery(images, [f"{text} ({score:.2f})" for text, score in zip(texts, scores)], alts=texts)


def _wide(kind: type, label: str, **options) -> ipywidgets.Widget:
    """A field over the whole width with its label."""
    return kind(description=label, style={"description_width": "initial"}, layout={"width": "auto"}, **options)


def _said(text: str) -> str:
    return f'<p style="font-size:1.2em;overflow-wrap:anywhere">{html.escape(text) or "(the model said nothing)"}</p>'
