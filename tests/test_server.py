"""The local server, started for real: what its clients see, what goes wrong, and that it never outlives its purpose."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import openai
import psutil
import pytest
import yaml
from courses import clean_environment, interruptible
from tiny_checkpoints import THINKS, load_tokenizer, write_checkpoint, write_qwen_vl

from helpers import profiles, serve_command
from helpers.errors import CourseError, MissingModel, UnknownName
from helpers.server import ServerFailed, connect, serve

ANSWERS = {"r1-s": "Yes", "r1-m": "No"}
QUESTION = [{"role": "user", "content": "Is it?"}]
KEY = "sk-very-secret"


@pytest.fixture(scope="session")
def zoo(tmp_path_factory) -> Path:
    """A course with two checkpoints in ``data/models`` and the registry that names them."""
    top = tmp_path_factory.mktemp("course")
    roles = {}
    for role, answer in ANSWERS.items():
        write_checkpoint(top / "data" / "models" / role, answer)
        roles[role] = {"class": "Qwen2ForCausalLM", "profiles": {"nano": {"id": role, "recipe": "r1"}}}
    roles["r1-l"] = {"class": "Qwen2ForCausalLM", "profiles": {"nano": {"id": "r1-l", "recipe": "r1"}}}  # not trained
    (top / "data" / "models.yaml").write_text(yaml.safe_dump({"roles": roles}, sort_keys=False))
    write_qwen_vl(top / "sees", "qwen2_5_vl")
    return top


@pytest.fixture
def course(zoo, monkeypatch) -> Path:
    monkeypatch.setenv("COURSE_ROOT", str(zoo))
    profiles.registry.cache_clear()  # it is read once for each process
    yield zoo
    profiles.registry.cache_clear()


@pytest.fixture
def real_course(monkeypatch):
    """The registry of this repository, whatever course another test looks at."""
    monkeypatch.delenv("COURSE_ROOT", raising=False)
    profiles.registry.cache_clear()
    yield
    profiles.registry.cache_clear()


@pytest.fixture(scope="module")
def server(zoo):
    """One server for all tests that only ask; a key stands in the environment, as on many machines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_ROOT", str(zoo))
        profiles.registry.cache_clear()
        patch.setenv("DASHSCOPE_API_KEY", KEY)
        with serve([*ANSWERS, zoo / "sees"]) as running:
            yield running


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as made:
        yield made


def stream(client: openai.OpenAI, model: str, **more) -> tuple[str, str, object]:
    """Reasoning, answer and the last chunk of a streamed reply."""
    reasoning = answer = ""
    for chunk in client.chat.completions.create(model=model, messages=QUESTION, stream=True, **more):
        delta = chunk.choices[0].delta
        reasoning += getattr(delta, "reasoning_content", None) or ""
        answer += delta.content or ""
    return reasoning, answer, chunk


def gone(process: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(process) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not psutil.pid_exists(process)


@pytest.mark.parametrize("model", ANSWERS)
def test_each_model_thinks_and_then_answers(client, model):
    reasoning, answer, last = stream(client, model)
    assert (reasoning, answer) == (THINKS, ANSWERS[model])
    tokens = client.chat.completions.create(model=model, messages=QUESTION).usage  # the same without streaming
    assert last.usage == tokens and last.choices[0].finish_reason == "stop"
    said = f"{THINKS}</think>\n\n{ANSWERS[model]}<|im_end|>"
    assert last.usage.completion_tokens == count(said)
    assert last.usage.prompt_tokens == count("<|im_start|>user\nIs it?<|im_end|>\n<|im_start|>assistant\n<think>\n")


def count(text: str) -> int:
    return len(load_tokenizer()(text).input_ids)


def test_a_client_can_ask_for_a_direct_answer(client):
    direct = {"chat_template_kwargs": {"enable_thinking": False}}
    assert stream(client, "r1-s", extra_body=direct)[:2] == ("", "Yes")


def test_a_reply_cut_off_says_so(client):
    reasoning, answer, last = stream(client, "r1-s", max_tokens=3)
    assert THINKS.startswith(reasoning) and answer == ""
    assert last.choices[0].finish_reason == "length" and last.usage.completion_tokens == 3


def test_the_models_are_listed_and_no_other_is_served(client, server):
    assert [model.id for model in client.models.list()] == server.models == ["r1-s", "r1-m", "sees"]
    with pytest.raises(openai.NotFoundError, match="no model 'r1-xl' here. This server has: r1-s, r1-m, sees"):
        stream(client, "r1-xl")


def test_an_error_of_the_server_reaches_the_client_in_words(client):
    with pytest.raises(openai.UnprocessableEntityError, match="top_k"):
        stream(client, "r1-s", extra_body={"top_k": 3})
    with pytest.raises(openai.InternalServerError, match="500 - ValueError: could not convert string to float"):
        stream(client, "r1-s", extra_body={"temperature": "hot"})


def test_the_server_keeps_to_this_machine_and_knows_no_key(server):
    process = psutil.Process(server.process.pid)
    addresses = {connection.laddr.ip for connection in process.net_connections("inet")}
    assert addresses == {"127.0.0.1"} and server.base_url.startswith("http://127.0.0.1:")
    assert KEY not in process.environ().values() and process.environ()["HF_HUB_OFFLINE"] == "1"
    assert KEY not in server.log.read_text() and "POST /v1/chat/completions" in server.log.read_text()


def test_several_clients_at_once(course):
    async def ask(client, i):
        model = "r1-s"
        reply = await client.chat.completions.create(model=model, messages=QUESTION, seed=i)
        return reply.choices[0].message.content

    async def ask_all(base_url):
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(ask(client, i) for i in range(8)))

    with serve(["r1-s"], continuous_batching=True) as server:
        assert asyncio.run(ask_all(server.base_url)) == ["Yes"] * 8
        memory = psutil.Process(server.process.pid).memory_info().rss
        assert memory < 1.5e9  # not 60 % of the machine, which transformers would take for its cache
        with pytest.raises(ZeroDivisionError), server:
            1 / 0  # noqa: B018
        assert gone(server.process.pid, seconds=0)


def test_what_is_not_there_is_said_before_anything_starts(course, tmp_path):
    before = psutil.Process().children()
    with pytest.raises(UnknownName, match="role 'r1-xs'.*'r1-s'"):
        serve(["r1-s", "r1-xs"])
    with pytest.raises(MissingModel, match="r1-l is missing.*course models train r1"):
        serve(["r1-s", "r1-l"])
    with pytest.raises(MissingModel, match="no checkpoint"):
        serve([tmp_path])
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(CourseError, match="used by another program"):
        serve(["r1-s"], port=other.getsockname()[1])
    assert psutil.Process().children() == before


def test_hosted_models_are_reached_and_not_served(real_course):
    with connect(["r1-s", "r1-l"], "api") as there:
        assert there.base_url.startswith("https://")
        assert there.models == ["deepseek-r1-distill-qwen-7b", "deepseek-r1-distill-qwen-32b"]
    with pytest.raises(MissingModel, match="deepseek-r1-distill-qwen-7b is hosted"):
        serve(["r1-s"], "api")


def test_a_role_that_no_model_plays_at_the_profile_is_left_out(real_course, monkeypatch):
    monkeypatch.setattr("helpers.server.serve", lambda roles, profile: (roles, profile))
    assert connect(["r1-m", "r1-s"], "laptop") == (["r1-s"], "laptop")
    assert connect(["blip-vqa"], "api") == (["blip-vqa"], "api")  # none of them: the nano model stands in


def test_connect_serves_here_what_has_weights_here(course):
    with connect(["r1-s", "r1-m"]) as server:
        assert server.models == ["r1-s", "r1-m"] and server.base_url.startswith("http://127.0.0.1:")


def test_a_server_that_cannot_start_says_why(course, tmp_path):
    shutil.copytree(course / "data" / "models" / "r1-s", tmp_path / "r1-x")
    config = json.loads((tmp_path / "r1-x" / "config.json").read_text())
    (tmp_path / "r1-x" / "config.json").write_text(json.dumps(config | {"hidden_size": 128}))
    with pytest.raises(ServerFailed, match=r"ended before it was ready[\s\S]*server-.*\.log[\s\S]*mismatch"):
        serve([tmp_path / "r1-x"])


def test_a_server_that_is_too_slow_is_ended(course):
    before = psutil.Process().children()
    with pytest.raises(ServerFailed, match="not ready after 0 s"):
        serve(["r1-s"], ready_seconds=0)
    assert psutil.Process().children() == before


def start_command(zoo: Path, *arguments: str) -> tuple[subprocess.Popen, str]:
    """``course serve`` in a process of its own, and the address that it prints."""
    code = "import sys; from helpers import serve_command; sys.exit(serve_command.run(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=clean_environment(zoo), cwd=zoo, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=interruptible,
    )  # fmt: skip
    return process, process.stdout.readline()


@pytest.mark.skipif(os.name == "nt", reason="signals as on Linux and macOS")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_the_server_ends_with_the_command_however_that_ends(course, end):
    process, line = start_command(course)
    assert line.startswith("Serving r1-s, r1-m at http://127.0.0.1:")
    (server,) = psutil.Process(process.pid).children()
    process.send_signal(end)
    process.communicate(timeout=60)
    assert gone(server.pid)


def test_without_checkpoints_the_command_says_what_to_do(tiny_course, monkeypatch):
    monkeypatch.setenv("COURSE_ROOT", str(tiny_course))
    with pytest.raises(CourseError, match="course models list"):
        serve_command.run([])
