"""A chat panel over any OpenAI-compatible endpoint: a convenience over ``helpers.chat.ask``.

It knows nothing of weights: it is given an address and the ids of models. What comes back is shown as text, never as
markup, with the reasoning folded away and the times of the reply below it.
"""

from __future__ import annotations

import asyncio
import base64
import io
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

import anywidget
import ipywidgets
import traitlets

from .chat import Reply, ask, is_text_only, make_client
from .errors import BadImage, CourseError
from .images import open_image

EVERY = 0.05  # seconds between two updates of what is shown: a browser need not draw each token
DIRECT = {"chat_template_kwargs": {"enable_thinking": False}}  # how the course's templates are asked not to think
#: What an outcome other than "ok" of the model's own is called in front of a person.
MODELS_OWN = {"truncated": "Cut off at the token limit.", "empty_answer": "The model gave no answer.",
              "refused": "The model, or a filter behind it, refused."}  # fmt: skip

CSS = """
.course-conversation { display: flex; flex-direction: column; gap: 0.5rem; max-width: 48rem; line-height: 1.4; }
.course-conversation > div:not(.course-turns) { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
.course-conversation textarea { display: block; width: 100%; box-sizing: border-box; font: inherit; }
.course-conversation p { margin: 0.25rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.course-conversation input { max-width: 100%; }
.course-turn { border-left: 3px solid #0072b2; padding: 0.1rem 0 0.1rem 0.75rem; margin-bottom: 1rem; }
.course-turn summary { cursor: pointer; }
.course-turn .course-reasoning { padding-left: 1rem; font-style: italic; }
.course-turn .course-said { font-size: 1.2em; }
.course-turn .course-note { font-size: 0.85em; }
.course-turn .course-error, .course-conversation .course-status { font-weight: 600; }
.course-conversation .course-status { min-height: 1.4em; }
.course-conversation :focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
"""


class Conversation(anywidget.AnyWidget):
    """What was said, and a field to say more; ``chat.js`` beside this module is its front end.

    Attributes:
        finished: the turns so far, oldest first; a turn is a dict of texts (see ``new_turn``).
        live: the turn whose reply is coming in; {} for none.
        status: one line of text for the person, read out by screen readers.
        question: what stands in the field at first.
        picture: the bytes of a file as they came; empty for none.
        picture_name: its name.
    """

    _esm = Path(__file__).with_name("chat.js")
    _css = CSS
    finished = traitlets.List().tag(sync=True)
    live = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode().tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    # Arrives as a memoryview, and megabytes need not be echoed to the browser.
    picture = traitlets.Bytes().tag(sync=True, echo_update=False, from_json=lambda value, _: bytes(value))
    picture_name = traitlets.Unicode().tag(sync=True)


class ChatPanel(ipywidgets.VBox):
    """Choose a model, ask, and watch the reply come in.

    Args:
        base_url: the endpoint, ".../v1".
        models: the ids to choose from.
        examples: questions to start from, by name; the first stands in the field.
        api_key_env: the environment variable with the key; ``helpers.chat.make_client`` knows the usual ones.
    """

    def __init__(
        self,
        base_url: str,
        models: Sequence[str],
        examples: Mapping[str, str] | None = None,
        api_key_env: str | None = None,
    ) -> None:
        self.base_url, self.api_key_env = base_url, api_key_env
        self.history: list[dict] = []
        self.opened = None  # the picture to show with the next question
        self._ids = count(1)
        self._clicked: set[asyncio.Task] = set()  # asyncio itself keeps no hold on a task
        self._request: asyncio.Task | None = None
        self._ended: str | None = None  # what to say of a request that was ended here; "" for nothing
        self.model = ipywidgets.Dropdown(description="Model", options=list(models))
        self.example = ipywidgets.Dropdown(description="Example", options=list((examples or {"": ""}).items()))
        self.temperature = ipywidgets.BoundedFloatText(description="Temperature", value=0.6, min=0, max=2, step=0.1)
        self.think = ipywidgets.Checkbox(description="Think first", value=True, indent=False)
        self.remember = ipywidgets.Checkbox(description="Send earlier turns along", indent=False)
        self.clear_button = ipywidgets.Button(description="Clear")
        self.clear_button.on_click(lambda _: self.clear())
        self.conversation = Conversation(question=self.example.value)
        traitlets.dlink((self.example, "value"), (self.conversation, "question"))
        self.conversation.on_msg(self._told)
        self.conversation.observe(self._attach, names="picture")
        settings = [self.model, *([self.example] if examples else []), self.temperature, self.think, self.remember]
        settings.append(self.clear_button)
        for part in settings:
            part.layout.width = "auto"
            if part is not self.clear_button:
                part.style.description_width = "initial"
        self.temperature.layout.width = "10rem"
        row = ipywidgets.HBox(settings, layout={"flex_flow": "row wrap", "grid_gap": "0 1rem"})
        super().__init__([row, self.conversation])
        self.add_class("course-chat")

    async def ask(self, question: str | None = None) -> Reply | None:
        """What the button does: send the question (by default the field's), and show the reply as it comes in.

        Returns the reply; None where nothing was sent, or the reader stopped it. Raises nothing that a server, a
        network or a picture can cause: one line in the panel says what went wrong.
        """
        talk = self.conversation
        question = (talk.question if question is None else question).strip()
        if self._request or not question:
            busy = "An answer is still coming in. Wait for it, or press Stop."
            talk.status = busy if self._request else "Type a question first."
            return None
        turn = new_turn(next(self._ids), self.model.value, question, talk.picture_name if self.opened else "")
        self._ended, talk.status = None, f"Waiting for {self.model.value} …"
        self._request = asyncio.create_task(self._stream(question, turn))
        try:
            reply = await self._request
            talk.status = _finish(turn, reply)
            return reply
        except asyncio.CancelledError:
            if self._ended is None:
                raise
            turn["error"] = talk.status = self._ended
        except CourseError as error:  # before anything was sent
            turn.clear()
            talk.status = str(error)
        except Exception as error:  # nobody reads a kernel's log behind a web page: say it where the person looks
            what = " ".join(f"{type(error).__name__}: {error}".split())
            turn["error"] = talk.status = f"This went wrong, and it is not your fault: {what}"
        finally:
            self._request = None
            with talk.hold_sync():  # in one message: the browser keeps the turn as the reader has unfolded it
                talk.live = {}
                if turn and self._ended != "":
                    talk.finished = [*talk.finished, turn]
        return None

    def stop(self, say: str = "Stopped.") -> None:
        """End the reply that is coming in; the server stops working at it as soon as the connection closes."""
        if self._request:
            self._ended = say
            # not from here: JupyterLab may deliver a click in another thread than the cell's that waits
            self._request.get_loop().call_soon_threadsafe(self._request.cancel)

    def clear(self) -> None:
        """Forget all that was said."""
        self.stop(say="")
        self.history.clear()
        self.conversation.finished, self.conversation.status = [], ""

    async def _stream(self, question: str, turn: dict) -> Reply:
        """Send one request; ``turn`` grows with the reply."""
        model, talk = self.model.value, self.conversation
        message = {"role": "user", "content": _content(question, self.opened)}
        seen = _Times()
        shown = time.perf_counter()

        def show(kind: str, text: str, at: float) -> None:
            nonlocal shown
            turn[kind] += text
            seen.add(kind, at)
            if time.perf_counter() - shown >= EVERY:
                turn["summary"], turn["note"] = seen.summary, seen.note
                talk.live, shown = dict(turn), time.perf_counter()

        talk.live = dict(turn)
        async with make_client(self.base_url, self.api_key_env) as client:
            reply = await ask(
                client, model, [*(self.history if self.remember.value else []), message],
                temperature=self.temperature.value, extra=None if self.think.value else DIRECT, on_delta=show,
            )  # fmt: skip
        if reply.outcome == "ok":
            self.history += [message, {"role": "assistant", "content": reply.answer}]
        return reply

    def _told(self, _, message: dict, buffers: list) -> None:
        """A click in the browser. A kernel has an event loop running, so that Stop is heard while a reply comes in."""
        if message["do"] == "stop":
            self.stop()
            return
        task = asyncio.get_running_loop().create_task(self.ask(message["question"]))
        self._clicked.add(task)
        task.add_done_callback(self._clicked.discard)

    def _attach(self, _) -> None:
        """A file came from the browser, or was taken back: open it, or say why it is not attached."""
        talk, self.opened = self.conversation, None
        if not talk.picture:
            return
        name = talk.picture_name or "your picture"
        try:
            if is_text_only(self.model.value):
                model = self.model.value
                raise BadImage(f"{model} reads text only, so {name} is not attached. Choose a model that sees.")
            self.opened = open_image(talk.picture)
            talk.status = f"{name} will be shown with the question."
        except BadImage as error:
            talk.status, talk.picture = str(error), b""


def new_turn(id: int, model: str, question: str, picture: str = "") -> dict:
    """A turn before anything has come back. ``summary`` is what stands on the folded reasoning."""
    asked = f"To {model}, with {picture}:" if picture else f"To {model}:"
    return {"id": id, "asked": asked, "question": question} | dict.fromkeys(
        ("summary", "reasoning", "answer", "note", "error"), ""
    )


class _Times:
    """The times of a reply that is still coming in, counted in pieces: what ``usage`` says comes last."""

    def __init__(self) -> None:
        self.pieces = {"reasoning": 0, "answer": 0}
        self.first: dict[str, float] = {}
        self.last = 0.0

    def add(self, kind: str, at: float) -> None:
        self.pieces[kind] += 1
        self.first.setdefault(kind, at)
        self.last = at

    @property
    def summary(self) -> str:
        thought = self.first.get("answer", self.last) - self.first.get("reasoning", 0.0)
        return f"{'Thought' if 'answer' in self.first else 'Thinking'} for {thought:.1f} s …"

    @property
    def note(self) -> str:
        n, ttft = sum(self.pieces.values()), min(self.first.values())
        return _note(ttft, self.first.get("answer"), (self.last - ttft) / (n - 1) if n > 1 else None, self.pieces)


def _finish(turn: dict, reply: Reply) -> str:
    """Write into the turn what only the whole reply tells; return the line for the status."""
    if reply.e2e is None:  # a transport failure: no answer and no time
        turn["error"] = f"{reply.outcome}: {reply.error}"
        turn["note"] = ""
        return turn["error"]
    turn["reasoning"], turn["answer"] = reply.reasoning, reply.answer
    turn["error"] = MODELS_OWN.get(reply.outcome, "")
    tokens = {"reasoning": reply.reasoning_tokens, "answer": reply.answer_tokens}
    turn["note"] = _note(reply.ttft, reply.ttft_answer, reply.tpot, tokens) + f" · {reply.e2e:.2f} s in all"
    turn["summary"] = ""
    if reply.ttft_reasoning is not None:
        until = reply.e2e if reply.ttft_answer is None else reply.ttft_answer
        turn["summary"] = f"Thought for {until - reply.ttft_reasoning:.2f} s, {reply.reasoning_tokens} tokens"
    return turn["error"] or f"Done in {reply.e2e:.2f} s."


def _note(ttft: float | None, answer: float | None, tpot: float | None, tokens: dict[str, int | None]) -> str:
    parts = [f"ttft {ttft:.2f} s"] if ttft is not None else []
    parts += [f"answer after {answer:.2f} s"] if answer is not None else []
    parts += [f"tpot {1000 * tpot:.1f} ms"] if tpot is not None else []
    return " · ".join([*parts, f"{tokens['reasoning']} tokens of reasoning, {tokens['answer']} of answer"])


def _content(question: str, picture) -> str | list[dict]:
    """The content of a message: text, or a picture as a data URL and text."""
    if picture is None:
        return question
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": question}]
