"""The panel of "Your own picture", driven by code: every button, every mistake, and text that would be markup."""

import ast
import io
from pathlib import Path

import ipywidgets
import pytest
from PIL import Image

from helpers import widgets
from helpers.errors import CourseError, MissingModel
from helpers.profiles import root, spec

EVIL = "<script>alert(1)</script>&"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;"


def png(colour: str = "red", size: tuple[int, int] = (40, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


class Models:
    """Stand-ins for the notebook's functions: they note what they were called with and answer with markup."""

    def __init__(self) -> None:
        self.calls = []
        self.error = None

    def _called(self, *arguments):
        self.calls.append(arguments)
        if self.error:
            raise self.error

    def caption(self, picture, profile):
        self._called(picture, profile)
        return EVIL

    def ask(self, picture, question, profile):
        self._called(picture, question, profile)
        return EVIL

    def match(self, picture, texts, profile):
        self._called(picture, texts, profile)
        return [(text, 0.25) for text in texts]

    def retrieve(self, picture, profile):
        self._called(picture, profile)
        return [(Image.new("RGB", (8, 8)), EVIL, 0.5)] * 3


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def panel(models) -> widgets.PicturePanel:
    choices = {"small one": "nano", "large one": "laptop"}
    return widgets.PicturePanel(models.caption, models.ask, models.match, models.retrieve, choices, "nano")


def parts(widget) -> list[ipywidgets.Widget]:
    return [widget, *(part for child in getattr(widget, "children", ()) for part in parts(child))]


def test_a_picture_is_opened_shown_and_handed_to_every_function(panel, models):
    panel.picture.set_trait("name", "red.png")
    panel.picture.data = png()
    assert panel.picture.status == "Opened red.png." and "40 × 20 pixels" in panel.preview.value
    panel.question.value = "  what colour? "
    panel.texts.value = "a red square\n\n  a cat  \n"
    for button in panel.buttons.values():
        button.click()
        assert panel.picture.status.startswith("Done in") and panel.answer.value and not button.disabled
    pictures = [call[0] for call in models.calls]
    assert [call[1:] for call in models.calls] == [
        ("nano",), ("what colour?", "nano"), (["a red square", "a cat"], "nano"), ("nano",)
    ]  # fmt: skip
    assert all(picture.mode == "RGB" and picture.getpixel((0, 0)) == (255, 0, 0) for picture in pictures)


@pytest.mark.parametrize("name", ["caption", "ask", "match", "retrieve"])
def test_what_models_people_and_files_say_is_text(panel, name):
    panel.picture.set_trait("name", EVIL)
    panel.texts.value = panel.question.value = EVIL
    panel.picture.data = png()
    panel.buttons[name].click()
    for shown in (panel.answer.value, panel.preview.value):
        assert ESCAPED in shown and "<script" not in shown


def test_the_chosen_weights_are_used_and_the_old_answer_goes(panel, models):
    panel.picture.data = png()
    panel.buttons["caption"].click()
    panel.model.value = "laptop"
    assert panel.answer.value == ""
    panel.buttons["caption"].click()
    assert [call[-1] for call in models.calls] == ["nano", "laptop"]


@pytest.mark.parametrize("name", ["caption", "ask", "match", "retrieve"])
def test_without_a_picture_a_button_says_what_to_do(panel, models, name):
    panel.buttons[name].click()
    assert panel.picture.status == "Draw, paste or choose a picture first."
    assert panel.answer.value == "" and not models.calls


@pytest.mark.parametrize("bad", [b"Dear reader", png()[:40], png(size=(1, 1))])
def test_a_bad_file_is_refused_and_takes_picture_and_answer_with_it(panel, models, bad):
    panel.picture.data = png()
    panel.buttons["caption"].click()
    panel.picture.data = bad
    complaint = panel.picture.status
    assert complaint.startswith("The picture") and (panel.answer.value, panel.preview.value) == ("", "")
    panel.buttons["caption"].click()
    assert panel.picture.status == complaint and len(models.calls) == 1


def test_a_cleared_drawing_is_no_picture(panel):
    panel.picture.data = png()
    panel.picture.data = b""
    assert (panel.picture.status, panel.preview.value) == ("", "")
    panel.buttons["caption"].click()
    assert "first" in panel.picture.status


@pytest.mark.parametrize(("name", "field"), [("ask", "question"), ("match", "texts")])
def test_an_empty_field_is_said_not_sent(panel, models, name, field):
    panel.picture.data = png()
    getattr(panel, field).value = " \n "
    panel.buttons[name].click()
    assert panel.picture.status.startswith("Type ") and not models.calls


def test_missing_weights_are_said_in_the_loaders_words(panel, models):
    models.error = MissingModel("They are not here. Run `course models pull --profile laptop`.")
    panel.picture.data = png()
    panel.buttons["caption"].click()
    assert panel.picture.status == str(models.error) and panel.answer.value == ""
    assert not any(button.disabled for button in panel.buttons.values())


def test_an_unforeseen_error_is_shown_and_the_panel_goes_on(panel, models):
    models.error = RuntimeError(EVIL)
    panel.picture.data = png()
    panel.buttons["caption"].click()
    assert "RuntimeError" in panel.picture.status and panel.answer.value == ""
    models.error = None
    panel.buttons["caption"].click()
    assert panel.picture.status.startswith("Done in")


def test_what_comes_from_the_browser_is_bytes_and_is_not_sent_back(panel):
    panel.picture.set_state({"name": "x.png", "data": memoryview(png())})
    assert panel.picture.data == png() and panel.opened.size == (40, 20)
    assert panel.picture.trait_metadata("data", "echo_update") is False


def test_every_field_has_a_label_and_every_button_a_word(panel):
    named = (ipywidgets.Text, ipywidgets.Textarea, ipywidgets.Dropdown, ipywidgets.Button)
    fields = [part for part in parts(panel) if isinstance(part, named)]
    assert len(fields) == 7 and all(field.description.strip() for field in fields)


def test_a_profile_without_weights_of_its_own_starts_with_the_first(models):
    functions = (models.caption, models.ask, models.match, models.retrieve)
    assert widgets.PicturePanel(*functions, {"small one": "nano"}, "api").model.value == "nano"


def test_the_menu_names_what_there_is_and_calls_a_nano_model_one():
    choices = widgets.model_choices("blip-caption")
    assert list(choices.values()) == ["nano", "laptop", "full"]
    assert all(spec("blip-caption", profile).id in label for label, profile in choices.items())
    assert "trained on synthetic data" in next(iter(choices))
    with pytest.raises(CourseError):
        widgets.model_choices("blip-captions")


def test_the_front_end_asks_no_other_host():
    script = str(widgets.PictureInput._esm)
    assert "export default" in script and "http" not in script and "import" not in script


def test_only_the_panels_import_ipywidgets():
    guilty = set()
    for path in [*(root() / "helpers").rglob("*.py"), *(root() / "recipes").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] in ("ipywidgets", "anywidget") for name in names):
                guilty.add(path.relative_to(root()))
    panels = ("widgets.py", "chat_panel.py", "conversation.py", "dashboard.py")
    assert guilty <= {Path("helpers") / name for name in panels}
