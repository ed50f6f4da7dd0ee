"""Thinking and answer read the same whichever way the thinking is marked and wherever the stream is cut."""

from __future__ import annotations

import pytest
from asking import replies, reply_to, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_server import Response, Token, answer, scripted_server

from helpers.chat.reasoning import Reading

THOUGHT, SAID = (
    "6 times 7:\n    the tag <th is text,\nso 42 — 四十二 🙂",
    "    indented <b>\n\nThe </thin answer: 42 (四十二)",
)


@pytest.mark.parametrize("named", ["reasoning_content", "reasoning", "inline", "unopened"])
@pytest.mark.parametrize("starts_thinking", [False, True])
def test_thinking_reads_the_same_by_every_name(named, starts_thinking):
    script = answer(f"\n\n{SAID}\n", reasoning=f"\n{THOUGHT}\n", named=named)
    assert texts(reply_to(script, starts_thinking=starts_thinking)) == ("ok", THOUGHT, SAID)


@pytest.mark.parametrize("starts_thinking", [False, True])
def test_an_opening_tag_in_spite_of_the_template_is_no_text(starts_thinking):
    script = answer("\n<think>\n\n</think>\n\n42")
    assert texts(reply_to(script, starts_thinking=starts_thinking)) == ("ok", "", "42")


def test_a_tag_that_an_answer_speaks_of_is_text():
    about = "The tags are <think> and"
    assert texts(reply_to(answer(about))) == ("ok", "", about)
    after = "Models write <think> first and </think> last."
    for named in ("reasoning_content", "inline"):
        assert texts(reply_to(answer(after, reasoning="hm", named=named))) == ("ok", "hm", after)


@pytest.fixture(scope="module")
def any_server():
    with scripted_server(answer("")) as server:
        yield server


def cut(whole, positions):
    edges = [0, *sorted(n % (len(whole) + 1) for n in positions), len(whole)]
    return [whole[a:b] for a, b in zip(edges, edges[1:]) if a < b]


POSITIONS = st.lists(st.integers(0, 10_000), max_size=40)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_chunks_cut_anywhere_read_the_same(any_server, data):
    """The same text, cut into deltas between any two characters, and the body into pieces between any two bytes."""
    named = data.draw(st.sampled_from(["reasoning_content", "reasoning", "inline", "unopened"]))
    starts_thinking = data.draw(st.booleans())
    if named in ("inline", "unopened"):
        whole = ("\n<think>" if named == "inline" else "") + f"\n{THOUGHT}\n</think>\n\n{SAID}\n"
        script = answer(cut(whole, data.draw(POSITIONS)))
    else:
        thought, said = cut(f"\n{THOUGHT}\n", data.draw(POSITIONS)), cut(f"\n\n{SAID}\n", data.draw(POSITIONS))
        script = answer(said, reasoning=thought, named=named)
    any_server.script = Response(tuple(cut(b"".join(script.steps), data.draw(POSITIONS))))
    (reply,) = replies(any_server, starts_thinking=starts_thinking)
    assert texts(reply) == ("ok", THOUGHT, SAID)
    assert reply.reasoning_tokens + reply.answer_tokens == sum(isinstance(step, Token) for step in script.steps)


TAGGED = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</", "think", ">", " ", "\n", "a", "四", "</think", "<think"]),
    max_size=12,
).map("".join)


def read(chunks, starts_thinking=False, times=None):
    reading = Reading(starts_thinking)
    deltas = [delta for i, chunk in enumerate(chunks) for delta in reading.add_text(chunk, times[i] if times else 0.0)]
    return reading, deltas + reading.finish()


def by_the_rules(text, starts_thinking):
    """The rules of Reading, for a text that is there as a whole."""
    opened = text.lstrip().startswith("<think>")
    text = text.lstrip().removeprefix("<think>") if opened else text
    before, close, after = text.partition("</think>")
    thought, said = (before, after) if close or opened or starts_thinking else ("", text)
    return trimmed(thought), trimmed(said)


def trimmed(text):
    lines = text.rstrip().split("\n")
    while len(lines) > 1 and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines)


@settings(max_examples=500)
@given(TAGGED, POSITIONS, st.booleans())
def test_any_text_with_tags_is_read_by_the_rules(text, positions, starts_thinking):
    reading, deltas = read(cut(text, positions), starts_thinking)
    assert (reading.reasoning.text, reading.answer.text) == by_the_rules(text, starts_thinking)
    assert reading.reasoning.chunks + reading.answer.chunks == len(cut(text, positions))
    assert all(delta.text for delta in deltas)


def test_a_character_that_was_cut_in_two_is_whole_again():
    """Some servers count in UTF-16 and send an emoji as two halves; what is only half there is marked as such."""
    reply = reply_to(Response(tuple(step.replace(b"HIGH", rb"\ud83d").replace(b"LOW", rb"\ude42")
                                    for step in answer(["so HIGH", "LOW!", " HIGH"]).steps)))  # fmt: skip
    assert reply.answer == "so 🙂! \ufffd"
    reply.answer.encode()


def test_text_that_was_held_back_has_the_time_it_arrived():
    reading, _ = read(["\n", "<", "b>bold"], times=[1.0, 2.0, 3.0])
    assert reading.answer.text == "<b>bold" and reading.answer.first == 2.0
    reading, _ = read(["<thi", "nk>so"], times=[1.0, 2.0])
    assert reading.reasoning.text == "so" and reading.reasoning.first == 2.0
    reading, _ = read(["<thi", "nk>", "\n", "so </th", "ink>", "\n\n", "42"], times=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert (reading.reasoning.first, reading.answer.first) == (4.0, 7.0)


def test_text_arrives_as_it_streams():
    heard = []
    reply_to(answer("It is 42", reasoning="6 times 7", named="inline", delay=0.05), on_delta=lambda *d: heard.append(d))
    thought, said = [("reasoning", "6 "), ("reasoning", "times "), ("reasoning", "7")], ["It ", "is ", "42"]
    assert [(kind, text) for kind, text, _ in heard] == thought + [("answer", text) for text in said]
    seconds = [at for _, _, at in heard]
    assert seconds == sorted(seconds) and 0 < seconds[0] < seconds[-1] - 0.1


def test_without_a_hint_an_unopened_thinking_is_moved_when_it_ends():
    script = answer("42", reasoning="6 times 7", named="unopened")
    for hint, kind in ((False, "answer"), (True, "reasoning")):
        kinds = []
        reply = reply_to(script, starts_thinking=hint, on_delta=lambda kind, text, at: kinds.append(kind))  # noqa: B023
        assert kinds == [kind] * 3 + ["answer"] and (reply.reasoning, reply.answer) == ("6 times 7", "42")
        assert reply.ttft_reasoning < reply.ttft_answer


@pytest.mark.parametrize("error", [ValueError("mine"), TimeoutError("mine"), KeyError("mine")])
def test_a_mistake_in_on_delta_is_its_authors(error):
    def on_delta(*delta):
        raise error

    with pytest.raises(type(error), match="mine"):
        reply_to(answer("42"), on_delta=on_delta)
