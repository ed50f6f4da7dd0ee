"""A chat panel over any OpenAI-compatible endpoint: a convenience over ``helpers.chat.ask``.

It knows nothing of weights: it is given an address and the ids of models. What comes back is shown as text, never as
markup, with the reasoning folded away and the times of the reply below it (see ``helpers.conversation``).
"""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

import ipywidgets
import traitlets

from .bench.plan import Settings, host_of
from .chat import Reply, ask, is_text_only, make_client
from .conversation import Conversation, Times, finish, new_turn, thumbnail
from .errors import BadImage, CourseError
from .images import open_image, picture_message

if TYPE_CHECKING:
    from PIL import Image

EVERY = 0.05  # seconds between two updates of what is shown: a browser need not draw each token


class ChatPanel(ipywidgets.VBox):
    """Choose a model, ask, and watch the reply come in.

    Args:
        base_url: the endpoint, ".../v1".
        models: the ids to choose from.
        examples: questions to start from, by name; the first stands in the field.
        api_key_env: the environment variable with the key; ``helpers.chat.make_client`` knows the usual ones.
        pictures: pictures to start from, by name; a menu offers them beside files of one's own.
        max_pixels: limits to choose from for the pictures, width times height. With several models of different
            patch size it is the same budget for all.
        thinks: whether the models think unless they are asked not to. "Think first" begins there.
        temperature: what the field for it begins with.
        remember: whether "Send earlier turns along" begins switched on. While it is, a picture is attached to one
            question and stays in the conversation; otherwise it stays attached, for each question stands alone.
    """

    def __init__(
        self,
        base_url: str,
        models: Sequence[str],
        examples: Mapping[str, str] | None = None,
        api_key_env: str | None = None,
        *,
        pictures: Mapping[str, Image.Image] | None = None,
        max_pixels: Sequence[int] = (),
        thinks: bool = True,
        temperature: float = 0.6,
        remember: bool = False,
    ) -> None:
        self.base_url, self.api_key_env, self.thinks = base_url, api_key_env, thinks
        self.history: list[dict] = []
        self.opened = None  # the picture to show with the next question
        self._ids = count(1)
        self._clicked: set[asyncio.Task] = set()  # asyncio itself keeps no hold on a task
        self._request: asyncio.Task | None = None
        self._ended: str | None = None  # what to say of a request that was ended here; "" for nothing
        self._pictures = dict(pictures or {})
        limits = [("the model's own", None), *((f"{limit:,}", limit) for limit in max_pixels)]
        self.model = ipywidgets.Dropdown(description="Model", options=list(models))
        self.example = ipywidgets.Dropdown(description="Example", options=list((examples or {"": ""}).items()))
        self.sample = ipywidgets.Dropdown(
            description="Example picture", options=[("none", ""), *((name, name) for name in self._pictures)]
        )
        self.max_pixels = ipywidgets.Dropdown(description="Most pixels", options=limits)
        self.temperature = ipywidgets.BoundedFloatText(
            description="Temperature", value=temperature, min=0, max=2, step=0.1
        )
        self.think = ipywidgets.Checkbox(description="Think first", value=thinks, indent=False)
        self.remember = ipywidgets.Checkbox(description="Send earlier turns along", value=remember, indent=False)
        self.clear_button = ipywidgets.Button(description="Clear")
        self.clear_button.on_click(lambda _: self.clear())
        self.conversation = Conversation(question=self.example.value)
        traitlets.dlink((self.example, "value"), (self.conversation, "question"))
        self.sample.observe(self._choose, names="value")
        self.conversation.on_msg(self._told)
        self.conversation.observe(self._attach, names="picture")
        super().__init__([self._settings(bool(examples), bool(pictures), bool(max_pixels)), self.conversation])
        self.add_class("course-chat")

    def _settings(self, examples: bool, pictures: bool, limits: bool) -> ipywidgets.HBox:
        """The row of fields, without those that have nothing to choose from."""
        shown = [self.model, *([self.example] if examples else []), *([self.sample] if pictures else [])]
        shown += [*([self.max_pixels] if limits else []), self.temperature, self.think, self.remember]
        for part in shown:
            part.layout.width, part.style.description_width = "auto", "initial"
        self.temperature.layout.width = "10rem"
        self.clear_button.layout.width = "auto"
        return ipywidgets.HBox([*shown, self.clear_button], layout={"flex_flow": "row wrap", "grid_gap": "0 1rem"})

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
        shown = (talk.picture_name, talk.preview) if self.opened else ("", "")
        turn = new_turn(next(self._ids), self.model.value, question, *shown)
        self._ended, talk.status = None, f"Waiting for {self.model.value} …"
        self._request = asyncio.create_task(self._stream(question, turn))
        try:
            reply = await self._request
            talk.status = finish(turn, reply)
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
        sent = self.opened
        pictures = [sent] if sent else []
        message = picture_message(question, *pictures, max_pixels=self.max_pixels.value)
        seen = Times()
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
                temperature=self.temperature.value, extra=self._thinking(), on_delta=show,
            )  # fmt: skip
        if reply.outcome == "ok":
            self.history += [message, {"role": "assistant", "content": reply.answer}]
            if self.remember.value and self.opened is sent:  # and none that was chosen meanwhile
                self.detach()  # it is in the conversation now
        return reply

    def _thinking(self) -> dict | None:
        """What a request says about thinking, in the words of its server: nothing where the models do so anyway."""
        if self.think.value == self.thinks:
            return None
        return Settings(host_of(self.base_url), think=self.think.value).arguments(0)["extra"]

    def detach(self) -> None:
        """Show no picture with the next question."""
        with self.conversation.hold_sync():
            self.conversation.picture_name, self.conversation.picture = "", b""

    def _told(self, _, message: dict, buffers: list) -> None:
        """A click in the browser. A kernel has an event loop running, so that Stop is heard while a reply comes in."""
        if message["do"] == "stop":
            self.stop()
            return
        task = asyncio.get_running_loop().create_task(self.ask(message["question"]))
        self._clicked.add(task)
        task.add_done_callback(self._clicked.discard)

    def _choose(self, change) -> None:
        """An example was chosen: attach it as if it were a file; or "none", after one."""
        talk = self.conversation
        if change.new:
            buffer = io.BytesIO()
            self._pictures[change.new].save(buffer, "PNG")
            with talk.hold_sync():
                talk.picture_name, talk.picture = change.new, buffer.getvalue()
        elif change.old == talk.picture_name:
            self.detach()

    def _attach(self, _) -> None:
        """A picture came, or was taken back: open it, or say why it is not attached."""
        talk, self.opened = self.conversation, None
        talk.preview = ""
        if self.sample.value != talk.picture_name:
            self.sample.value = ""
        if not talk.picture:
            return
        name = talk.picture_name or "your picture"
        try:
            if is_text_only(self.model.value):
                model = self.model.value
                raise BadImage(f"{model} reads text only, so {name} is not attached. Choose a model that sees.")
            self.opened = open_image(talk.picture)
            talk.preview = thumbnail(self.opened)
            talk.status = f"{name} will be shown with the question."
        except BadImage as error:
            talk.status = str(error)
            self.detach()
