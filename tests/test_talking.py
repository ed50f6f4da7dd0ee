"""What notebook 02_reasoning/01_talking writes out, against the course's own timer and reader and against transformers.

The functions are taken from the notebook itself, so what is tested is what a reader runs.
"""

from __future__ import annotations

import ast
import asyncio
from time import perf_counter
from types import SimpleNamespace

import nbformat
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from scripted_server import Response, answer, choice, event, scripted_server
from transformers import MinPLogitsWarper, TemperatureLogitsWarper, TopPLogitsWarper

from helpers.chat import Reply, ask, make_client
from helpers.chat.reasoning import Reading
from helpers.chat.reply import Received
from helpers.profiles import root

NOTEBOOK = root() / "notebooks" / "02_reasoning" / "01_talking.ipynb"
DEFINED = {"timed", "timings", "split_thinking", "tempered", "nucleus", "min_p"}
MESSAGES = [{"role": "user", "content": "What is 6 times 7?"}]


@pytest.fixture(scope="module")
def notebook() -> dict:
    """The functions as the notebook defines them; a solution comes after its stub and replaces it."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    nodes = [node for source in sources for node in ast.parse(source).body]
    functions = [node for node in nodes if getattr(node, "name", "") in DEFINED]
    namespace = {"torch": torch, "perf_counter": perf_counter}
    exec(compile(ast.Module(functions, type_ignores=[]), str(NOTEBOOK), "exec"), namespace)
    assert namespace.keys() >= DEFINED
    return namespace


def heard(script, monkeypatch) -> tuple[Reply, list[tuple[float, dict]]]:
    """What ``ask`` made of a scripted server's stream, and each event with the time (s) at which it took it in."""
    taken = []

    class Recording(Received):
        def take(self, event, at):
            taken.append((at - self.sent, event))
            super().take(event, at)

    async def asked():
        async with make_client(server.base_url) as client:
            return await ask(client, "scripted", MESSAGES)

    monkeypatch.setattr("helpers.chat.request.Received", Recording)
    with scripted_server(script) as server:
        return asyncio.run(asked()), taken


def timed_again(notebook: dict, taken: list[tuple[float, dict]]) -> tuple[dict, list]:
    """The notebook's times of a stream whose events come at the same moments, by a clock that shows just these."""

    async def create(**_):
        async def chunks():
            for _, sent in taken:
                yield ChatCompletionChunk.construct(**sent)  # as OpenAI's client does, without validating

        return chunks()

    clock = iter([0.0, *(at for at, _ in taken)])
    notebook["perf_counter"] = lambda: next(clock)
    notebook["client"] = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
    events, usage = asyncio.run(notebook["timed"]("scripted", MESSAGES))
    return notebook["timings"](events, usage.completion_tokens), events


COUNT = {"prompt_tokens": 7, "completion_tokens": 21, "total_tokens": 28}
WITH_THE_END = answer(["4", "2"], reasoning=["hm ", "hm"], usage=False, done=False)
SCRIPTS = {
    "reasoning and answer": answer("It is 42.", reasoning="six times seven", delay=0.02),
    "an answer alone": answer("It is 42.", delay=0.02),
    "cut off in thought": answer("", reasoning="hm hm hm", delay=0.02, finish_reason="length"),
    "white space first": answer(["\n\n", "42"], reasoning=["\n", "hm"], delay=0.02),
    "tokens that are counted and not shown": answer("a b c", reasoning="d e", delay=0.02, usage=COUNT),
    "usage with the finish reason": Response(
        (*WITH_THE_END.steps[:-1], 0.02, event(choices=[choice({}, "stop")], usage=COUNT), b"data: [DONE]\n\n")
    ),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_the_timer_agrees_with_the_course_s_own(notebook, monkeypatch, script):
    """Of one stream from the scripted server both say the same, to the last digit."""
    reply, taken = heard(script, monkeypatch)
    times, events = timed_again(notebook, taken)
    for name in ("ttft", "ttft_reasoning", "ttft_answer", "e2e", "tpot"):
        assert times[name] == pytest.approx(getattr(reply, name)), name
    assert "".join(event[1] for event in events).strip() == reply.reasoning
    assert "".join(event[2] for event in events).strip() == reply.answer


def test_the_chunk_without_text_is_noted_and_counts_for_nothing(notebook, monkeypatch):
    times, events = timed_again(notebook, heard(answer("42", reasoning="hm", delay=0.1), monkeypatch)[1])
    assert events[0][1:] == ("", "") and events[0][0] < times["ttft"] < times["ttft_answer"]


def test_the_timer_reads_a_real_stream(notebook):
    async def asked():
        async with make_client(server.base_url) as client:
            notebook.update(client=client, perf_counter=perf_counter)
            return await notebook["timed"]("scripted", MESSAGES, temperature=0.6)

    with scripted_server(answer("It is 42.", reasoning="six times seven", delay=0.02)) as server:
        events, usage = asyncio.run(asked())
        body = server.requests[0].body
    times = notebook["timings"](events, usage.completion_tokens)
    assert 0.02 < times["ttft"] < times["ttft_answer"] < times["e2e"] and times["tpot"] > 0.01
    assert (body["stream"], body["temperature"], body["messages"]) == (True, 0.6, MESSAGES)


pieces = st.lists(st.sampled_from(["<think>", "</think>", "a", " ", "\n", "<", "think>", "</th", "42"]), max_size=9)


@settings(deadline=None)
@given(pieces.map("".join))
def test_split_thinking_reads_as_the_course_does(notebook, text):
    reading = Reading()
    reading.add_text(text, 0.0)
    reading.finish()
    assert notebook["split_thinking"](text) == (reading.reasoning.text.strip(), reading.answer.text.strip())


logits = st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=12).map(torch.tensor)


@given(logits, st.floats(0.1, 3.0))
def test_tempered_is_transformers_temperature(notebook, scores, temperature):
    theirs = TemperatureLogitsWarper(temperature)(None, scores[None])[0].softmax(-1)
    assert torch.allclose(notebook["tempered"](scores, temperature), theirs, atol=1e-6)


@given(st.permutations([0.05, 0.4, 0.13, 0.22, 0.2]), st.sampled_from([0.3, 0.5, 0.7, 0.85, 0.99]))
def test_nucleus_is_transformers_top_p(notebook, probabilities, top_p):
    p = torch.tensor(probabilities)
    theirs = TopPLogitsWarper(top_p)(None, p.log()[None])[0].softmax(-1)
    assert torch.allclose(notebook["nucleus"](p, top_p), theirs, atol=1e-6)


@given(st.permutations([0.05, 0.4, 0.13, 0.22, 0.2]), st.sampled_from([0.1, 0.3, 0.52, 0.9]))
def test_min_p_is_transformers_min_p(notebook, probabilities, share):
    theirs = MinPLogitsWarper(share)(None, torch.tensor([probabilities]).log())[0].softmax(-1)
    assert notebook["min_p"](probabilities, share) == pytest.approx(theirs.tolist(), abs=1e-6)
