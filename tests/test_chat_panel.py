"""The chat panel, driven by code against a scripted server: what it sends, what it shows, and what it refuses."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import ipywidgets
import pytest
from PIL import Image
from scripted_server import HANG, RESET, answer, begun, fault, scripted_server
from tiny_checkpoints import THINKS, write_qwen_vl

from helpers import chat_panel
from helpers.chat_panel import ChatPanel
from helpers.conversation import Conversation
from helpers.images import to_data_url
from helpers.server import serve

EVIL = "<img src=x onerror=alert(1)>&"
MODELS = ["r1-s", "sees"]


def png(colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


def panel_on(server, **more) -> ChatPanel:
    return ChatPanel(server.base_url, MODELS, **more)


def asked(script, *questions: str, prepare=None) -> tuple[ChatPanel, list[dict], list]:
    """The panel after it asked, its finished turns, and the requests that a server with this script saw."""
    with scripted_server(script) as server:
        panel = panel_on(server)
        if prepare:
            prepare(panel)
        for question in questions:
            asyncio.run(panel.ask(question))
        return panel, panel.conversation.finished, server.requests


def attach(panel: ChatPanel, data: bytes, name: str = "cat.png") -> None:
    """What the browser sends when a file is chosen."""
    panel.conversation.set_state({"picture_name": name, "picture": memoryview(data)})


def test_a_reply_is_shown_with_its_reasoning_apart_and_its_times():
    panel, (turn,), (request,) = asked(answer("It is 42.", reasoning="6 times 7 is 42", delay=0.02), "  6 * 7? ")
    assert (turn["reasoning"], turn["answer"], turn["error"]) == ("6 times 7 is 42", "It is 42.", "")
    assert turn["question"] == "6 * 7?" and turn["asked"] == "To r1-s:"
    assert turn["summary"].startswith("Thought for 0.") and "5 tokens" in turn["summary"]
    for name in ("ttft 0.", "answer after 0.", "tpot ", "5 tokens of reasoning, 3 of answer"):
        assert name in turn["note"]
    assert panel.conversation.status.startswith("Done in 0.") and panel.conversation.live == {}
    assert request.body["messages"] == [{"role": "user", "content": "6 * 7?"}]
    assert request.body["model"] == "r1-s" and request.body["temperature"] == 0.6
    assert "chat_template_kwargs" not in request.body


def test_the_reply_is_shown_while_it_comes_in():
    """Reasoning first, in its own field, then the answer; each state of the turn continues the one before."""
    seen = []
    watch = lambda panel: panel.conversation.observe(lambda change: seen.append(change.new), "live")  # noqa: E731
    asked(answer("a b c d", reasoning="e f g h", delay=0.06), "?", prepare=watch)
    states = [turn for turn in seen if turn]
    assert len(states) > 5 and seen[-1] == {}
    for name, whole in (("reasoning", "e f g h"), ("answer", "a b c d")):
        texts = [turn[name] for turn in states]
        assert texts == sorted(texts, key=len) and all(whole.startswith(text) for text in texts)
    thinking = [turn for turn in states if turn["reasoning"] and not turn["answer"]]
    assert thinking and all(turn["summary"].startswith("Thinking for") for turn in thinking)
    assert "ttft" in states[-1]["note"] and "tpot" in states[-1]["note"] and states[-1]["summary"].startswith("Thought")


def test_updates_are_not_more_frequent_than_a_browser_draws():
    seen = []
    watch = lambda panel: panel.conversation.observe(lambda change: seen.append(change.new), "live")  # noqa: E731
    _, (turn,), _ = asked(answer(["word "] * 2000), "?", prepare=watch)
    assert len(turn["answer"].split()) == 2000 and len(seen) < 200


def test_what_models_people_and_files_say_is_text():
    """The front end takes the texts of a turn as they are, and has no way to make markup of them."""

    def prepare(panel):
        panel.model.value = "sees"
        attach(panel, png(), EVIL)

    _, (turn,), _ = asked(answer(EVIL, reasoning=EVIL), EVIL, prepare=prepare)
    assert turn["question"] == turn["reasoning"] == turn["answer"] == EVIL and EVIL in turn["asked"]
    script = str(Conversation._esm)
    assert "textContent" in script and "export default" in script
    for markup in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "srcdoc"):
        assert markup not in script
    assert "http" not in script and "import" not in script


def test_the_reasoning_is_in_a_native_fold_that_is_closed_at_first():
    script = str(Conversation._esm)
    assert '"details", {}' in script and 'element("summary")' in script and ".open" not in script


def test_the_chosen_model_temperature_and_way_of_answering_are_sent():
    def prepare(panel):
        panel.model.value, panel.temperature.value, panel.think.value = "sees", 1.2, False

    _, (turn,), (request,) = asked(answer("4"), "2 + 2?", prepare=prepare)
    body = request.body
    assert (body["model"], body["temperature"]) == ("sees", 1.2) and turn["asked"] == "To sees:"
    assert body["chat_template_kwargs"] == {"enable_thinking": False} and turn["summary"] == ""


def test_each_question_stands_alone_unless_earlier_turns_are_sent_along():
    script = [answer("one", reasoning="hm"), answer("two"), fault(500), answer("four")]
    panel, turns, _ = asked(script, "1?", "2?", "3?")
    panel.remember.value = True
    with scripted_server(answer("four")) as server:
        panel.base_url = server.base_url
        asyncio.run(panel.ask("4?"))
        sent = server.requests[0].body["messages"]
    said = [(message["role"], message["content"]) for message in sent]
    assert said == [("user", "1?"), ("assistant", "one"), ("user", "2?"), ("assistant", "two"), ("user", "4?")]
    panel.clear()
    assert panel.history == [] and panel.conversation.finished == []


def test_without_the_switch_nothing_earlier_is_sent():
    _, _, requests = asked(answer("yes"), "1?", "2?")
    assert [len(request.body["messages"]) for request in requests] == [1, 1]


def test_a_text_only_model_is_shown_no_picture_and_the_reason_is_said_at_once():
    with scripted_server(answer("no")) as server:
        panel = panel_on(server)
        attach(panel, png())
        assert "r1-s reads text only, so cat.png is not attached" in panel.conversation.status
        assert panel.conversation.picture == b"" and panel.opened is None
        panel.model.value = "sees"
        attach(panel, png())
        assert panel.conversation.status == "cat.png will be shown with the question."
        panel.model.value = "r1-s"  # the picture is still attached
        asyncio.run(panel.ask("what is this?"))
        assert "r1-s reads text only" in panel.conversation.status
        assert server.requests == [] and panel.conversation.finished == []
        attach(panel, b"", "")  # "Remove picture"
        asyncio.run(panel.ask("what is this?"))
        assert len(server.requests) == 1 and panel.conversation.finished[0]["answer"] == "no"


def test_a_model_that_sees_is_sent_the_picture():
    def prepare(panel):
        panel.model.value = "sees"
        attach(panel, png())

    _, (turn,), (request,) = asked(answer("a cat"), "what is this?", prepare=prepare)
    picture, text = request.body["messages"][0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,") and text["text"] == "what is this?"
    assert turn["asked"] == "To sees, with cat.png:"


def test_a_file_that_is_no_picture_is_refused():
    with scripted_server(answer("?")) as server:
        panel = panel_on(server)
        panel.model.value = "sees"
        attach(panel, b"Dear reader", "letter.png")
        assert "cannot be read as a picture" in panel.conversation.status
        assert panel.opened is None and panel.conversation.picture == b""


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (fault(429, "slow\ndown"), "rate_limited: HTTP 429: slow down"),
        (fault(500, EVIL), f"server_error: HTTP 500: {EVIL}"),
        (begun(RESET), "broken_stream: "),
        (answer("cut", finish_reason="length"), "Cut off at the token limit."),
        (answer("", reasoning="hm"), "The model gave no answer."),
    ],
)
def test_what_goes_wrong_is_one_line_and_the_panel_goes_on(script, says):
    panel, (first, second), _ = asked([script, answer("fine")], "1?", "2?")
    assert first["error"].startswith(says) and "\n" not in first["error"]
    assert (second["answer"], second["error"]) == ("fine", "") and panel.conversation.status.startswith("Done")


def test_a_failure_of_the_transport_has_no_times():
    _, (turn,), _ = asked(begun(0.2, RESET), "?")
    assert turn["error"] and turn["note"] == "" and turn["answer"] == "all well"[: len(turn["answer"])]


def test_a_missing_key_and_a_wrong_address_are_said(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for base_url, says in (("https://example.org/v1", "OPENAI_API_KEY is not set"), ("nonsense", "no address")):
        panel = ChatPanel(base_url, MODELS)
        asyncio.run(panel.ask("?"))
        assert says in panel.conversation.status and panel.conversation.finished == []


def test_an_unforeseen_error_is_shown_and_the_panel_goes_on(monkeypatch):
    async def broken(*_, **__):
        raise RuntimeError("two\nlines")

    with scripted_server(answer("fine")) as server:
        panel = panel_on(server)
        with monkeypatch.context() as patch:
            patch.setattr(chat_panel, "ask", broken)
            asyncio.run(panel.ask("?"))
        assert panel.conversation.status.endswith("RuntimeError: two lines")
        asyncio.run(panel.ask("?"))
        assert panel.conversation.status.startswith("Done")


async def until(holds, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


def test_stop_ends_the_reply_keeps_what_came_and_frees_the_panel():
    with scripted_server([begun(HANG), answer("fine")]) as server:
        panel = panel_on(server)

        async def click():
            panel._told(panel.conversation, {"do": "ask", "question": "1?"}, [])
            await until(lambda: server.requests and panel._request)
            await asyncio.sleep(0.2)
            panel._told(panel.conversation, {"do": "ask", "question": "2?"}, [])
            await until(lambda: panel.conversation.status.startswith("An answer is still coming in"))
            panel._told(panel.conversation, {"do": "stop"}, [])
            await until(lambda: panel._request is None)
            assert panel.conversation.status == "Stopped." and panel.conversation.live == {}
            await panel.ask("3?")

        asyncio.run(click())
        first, second = panel.conversation.finished
        assert first["error"] == "Stopped." and "all well".startswith(first["answer"].strip() or "all")
        assert second["answer"] == "fine"
        assert [request.body["messages"][0]["content"] for request in server.requests] == ["1?", "3?"]


def test_clearing_ends_the_reply_and_leaves_nothing():
    with scripted_server(begun(HANG)) as server:
        panel = panel_on(server)

        async def click():
            panel._told(panel.conversation, {"do": "ask", "question": "1?"}, [])
            await until(lambda: server.requests)
            panel.clear_button.click()
            await until(lambda: panel._request is None)

        asyncio.run(click())
        assert panel.conversation.finished == [] and panel.conversation.live == {}


def test_a_cell_that_is_interrupted_while_it_waits_is_interrupted():
    """Only Stop ends quietly: a cancellation from outside is not swallowed, and ends the request."""
    with scripted_server(begun(HANG)) as server:
        panel = panel_on(server)

        async def interrupted():
            waiting = asyncio.create_task(panel.ask("1?"))
            await until(lambda: server.requests)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert panel._request is None

        asyncio.run(interrupted())


def test_an_empty_question_is_said_not_sent():
    panel, turns, requests = asked(answer("?"), " \n ")
    assert panel.conversation.status == "Type a question first." and not turns and not requests


def test_examples_can_be_asked_at_once():
    with scripted_server(answer("yes")) as server:
        panel = panel_on(server, examples={"short": "Is it?", "long": "Is it really?"})
        reply = asyncio.run(panel.ask())
        panel.example.value = "Is it really?"
        asyncio.run(panel.ask())
    assert reply.answer == "yes"
    assert [turn["question"] for turn in panel.conversation.finished] == ["Is it?", "Is it really?"]


def test_every_field_has_a_label():
    panel = ChatPanel("http://127.0.0.1:9/v1", MODELS, {"short": "Is it?"})
    fields = [part for part in panel.children[0].children if isinstance(part, ipywidgets.DOMWidget)]
    assert len(fields) == 6 and all(field.description.strip() for field in fields)
    script = str(Conversation._esm)
    assert 'element("label", {}, "Question' in script and 'element("label", {}, "Picture "' in script


def test_it_knows_nothing_of_weights():
    source = Path(chat_panel.__file__).read_text(encoding="utf-8")
    assert "transformers" not in source and "torch" not in source and "profile" not in source


# Panels for models that see

SCENES = {"one": Image.new("RGB", (56, 56), "red"), "two": Image.new("RGB", (56, 56), "blue")}


def seeing_panel(server, **more) -> ChatPanel:
    options = {"pictures": SCENES, "max_pixels": (3136, 12544), "thinks": False, "remember": True, "temperature": 0.0}
    return ChatPanel(server.base_url, ["sees", "sees too", "r1-s"], **options | more)


def shown(request) -> list[list[str]]:
    """For each message of a request, the data URLs of its pictures."""
    contents = [message["content"] for message in request.body["messages"]]
    parts = [content if isinstance(content, list) else [] for content in contents]
    return [[part["image_url"]["url"] for part in some if part["type"] == "image_url"] for some in parts]


def test_a_picture_is_sent_once_and_stays_in_the_conversation():
    with scripted_server([answer("red"), answer("blue"), answer("no")]) as server:
        panel = seeing_panel(server)
        panel.sample.value = "one"
        assert panel.conversation.preview.startswith("data:image/png;base64,")
        asyncio.run(panel.ask("What colour?"))
        assert panel.sample.value == "" and panel.opened is None and panel.conversation.preview == ""
        panel.model.value = "sees too"
        panel.sample.value = "two"
        asyncio.run(panel.ask("And now?"))
        asyncio.run(panel.ask("The same?"))
        one, two = to_data_url(SCENES["one"]), to_data_url(SCENES["two"])
        assert [shown(request) for request in server.requests] == [
            [[one]], [[one], [], [two]], [[one], [], [two], [], []],
        ]  # fmt: skip
        assert [request.body["model"] for request in server.requests] == ["sees", "sees too", "sees too"]
    turns = panel.conversation.finished
    assert [turn["asked"] for turn in turns] == ["To sees, with one:", "To sees too, with two:", "To sees too:"]
    assert [bool(turn["preview"]) for turn in turns] == [True, True, False]


def test_a_picture_that_is_chosen_while_a_reply_comes_in_is_kept():
    with scripted_server([answer("red and so on", delay=0.1), answer("blue")]) as server:
        panel = seeing_panel(server)
        panel.sample.value = "one"

        async def choose_meanwhile():
            reply = asyncio.create_task(panel.ask("What colour?"))
            await until(lambda: server.requests)
            panel.sample.value = "two"
            await reply
            await panel.ask("And now?")

        asyncio.run(choose_meanwhile())
        assert shown(server.requests[1])[-1] == [to_data_url(SCENES["two"])]


def test_where_each_question_stands_alone_the_picture_stays_attached():
    with scripted_server(answer("red")) as server:
        panel = seeing_panel(server, remember=False)
        panel.sample.value = "one"
        for _ in range(2):
            asyncio.run(panel.ask("What colour?"))
        assert [shown(request) for request in server.requests] == [[[to_data_url(SCENES["one"])]]] * 2
        panel.sample.value = ""  # "none"
        asyncio.run(panel.ask("What colour?"))
        assert shown(server.requests[2]) == [[]]


def test_a_file_of_ones_own_replaces_the_example_and_the_other_way_round():
    with scripted_server(answer("red")) as server:
        panel = seeing_panel(server)
        panel.sample.value = "one"
        attach(panel, png("green"), "mine.png")
        assert panel.sample.value == "" and panel.opened.getpixel((0, 0)) == (0, 128, 0)
        panel.sample.value = "two"
        assert panel.opened.getpixel((0, 0)) == (0, 0, 255) and panel.conversation.picture_name == "two"
        attach(panel, b"", "")
        assert panel.sample.value == "" and panel.opened is None


def test_a_failed_question_keeps_its_picture_for_another_try():
    with scripted_server([fault(500), answer("red")]) as server:
        panel = seeing_panel(server)
        panel.sample.value = "one"
        asyncio.run(panel.ask("What colour?"))
        assert panel.sample.value == "one" and panel.history == []
        asyncio.run(panel.ask("What colour?"))
        assert panel.sample.value == "" and shown(server.requests[1]) == [[to_data_url(SCENES["one"])]]


def test_a_limit_goes_with_the_picture():
    with scripted_server(answer("red")) as server:
        panel = seeing_panel(server)
        panel.max_pixels.value, panel.sample.value = 3136, "one"
        asyncio.run(panel.ask("What colour?"))
        panel.max_pixels.value = None
        asyncio.run(panel.ask("Sure?"))
        first, second = (request.body["messages"][0]["content"][0] for request in server.requests)
        assert first["max_pixels"] == second["max_pixels"] == 3136  # as it was shown then


def test_models_that_do_not_think_unless_asked_are_asked():
    with scripted_server(answer("red")) as server:
        panel = seeing_panel(server)
        asyncio.run(panel.ask("What colour?"))
        panel.think.value = True
        asyncio.run(panel.ask("What colour?"))
        first, second = server.requests
        assert "chat_template_kwargs" not in first.body and first.body["temperature"] == 0
        assert second.body["chat_template_kwargs"] == {"enable_thinking": True}


def test_a_model_that_reads_text_only_is_sent_no_earlier_picture():
    with scripted_server(answer("red")) as server:
        panel = seeing_panel(server)
        panel.sample.value = "one"
        asyncio.run(panel.ask("What colour?"))
        panel.model.value = "r1-s"
        asyncio.run(panel.ask("What colour?"))
        assert "reads text only" in panel.conversation.status and len(server.requests) == 1
        panel.sample.value = "two"
        assert panel.sample.value == "" and panel.opened is None and "reads text only" in panel.conversation.status


def test_the_fields_of_a_seeing_panel_have_labels():
    panel = seeing_panel(type("Nowhere", (), {"base_url": "http://127.0.0.1:9/v1"}))
    labels = [part.description for part in panel.children[0].children]
    assert {"Example picture", "Most pixels"} < set(labels) and "Example" not in labels
    assert all(part.description.strip() for part in panel.children[0].children)


def test_a_conversation_about_pictures_with_a_real_server(tmp_path):
    """Qwen2.5-VL and Qwen3-VL of the real classes, untrained: two turns, a switch of models, thinking."""
    for family in ("qwen2_5_vl", "qwen3_vl"):
        write_qwen_vl(tmp_path / family, family, "a red star")
    with serve([tmp_path / "qwen2_5_vl", tmp_path / "qwen3_vl"]) as server:
        options = {"pictures": SCENES, "max_pixels": (3136,), "thinks": False, "remember": True}
        panel = ChatPanel(server.base_url, server.models, **options)
        panel.sample.value, panel.max_pixels.value = "one", 3136
        asyncio.run(panel.ask("What is this?"))
        panel.model.value, panel.think.value, panel.sample.value = "qwen3_vl", True, "two"
        asyncio.run(panel.ask("And this?"))
    first, second = panel.conversation.finished
    assert (first["answer"], first["error"], first["reasoning"]) == ("a red star", "", "")
    assert (second["answer"], second["error"], second["reasoning"]) == ("a red star", "", THINKS)
    assert "ttft" in second["note"] and second["summary"].startswith("Thought for")
