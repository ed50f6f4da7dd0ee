"""A key goes to the server it is for and nowhere else; an address that cannot be used is one message."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys

import pytest
from asking import FAULTS, closed_port, replies, reply_to
from courses import ROOT
from scripted_server import RESET, Response, answer, begun, choice, event, fault, scripted_server

from helpers.chat import make_client, models
from helpers.errors import CourseError

KEY = "sk-4f1e0c7a9b2d4c6e8f0a1b3c5d7e9f00"


@pytest.fixture
def key(monkeypatch) -> str:
    """The name of the variable that holds KEY."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    return "DASHSCOPE_API_KEY"


def echo(script):
    """The same script from a server that repeats the key it got wherever it can."""

    def respond(request):
        key = request.headers["authorization"].removeprefix("Bearer ").encode()
        steps = [
            step.replace(b"no", key).replace(b"all", key) if isinstance(step, bytes) else step for step in script.steps
        ]
        return Response(tuple(steps), script.status, script.headers)

    return respond


NAMES_THE_KEY = {
    "401": fault(401, "Incorrect API key provided: no"),
    "401, abridged": fault(401, "Incorrect API key provided: sk-4f1e0c7a****9f00"),
    "400 in a page": Response((b"<html>" + b"no " * 20 + b"</html>",), 400, {"content-type": "text/html"}),
    "500": fault(500, "x" * 280 + "no"),
    "an error in the stream": begun(b'data: {"error": {"message": "no"}}\n\n'),
    "a refusal in words": Response((event(choices=[choice({"refusal": "no"}, "stop")]),)),
    "an answer": answer("all I know is no", reasoning="no?"),
    "a finish reason": answer("42", finish_reason="no"),
}


@pytest.mark.parametrize("name", [*FAULTS, *NAMES_THE_KEY])
def test_the_key_goes_to_the_server_and_nowhere_else(name, key, caplog):
    caplog.set_level(logging.DEBUG)
    script = NAMES_THE_KEY[name] if name in NAMES_THE_KEY else FAULTS[name][0]
    with scripted_server(echo(script)) as server:
        (reply,) = replies(server, key=key)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert caplog.records, "the SDK logs at this level"
    for shown in (repr(reply), caplog.text, repr([vars(record) for record in caplog.records])):
        assert KEY[:8] not in shown and KEY[-8:] not in shown


def test_neither_client_nor_complaint_shows_the_key(key, monkeypatch):
    client = make_client("https://dashscope.aliyuncs.com/compatible-mode/v1")
    assert client.api_key == KEY and KEY not in repr(client) + str(client)
    for value in (f"{KEY}\n{KEY}", f"{KEY}é", f"{KEY} {KEY}"):
        monkeypatch.setenv("DASHSCOPE_API_KEY", value)
        with pytest.raises(CourseError, match="DASHSCOPE_API_KEY holds characters") as raised:
            make_client("https://dashscope.aliyuncs.com/compatible-mode/v1")
        assert KEY not in str(raised.value) and raised.value.__cause__ is raised.value.__context__ is None


@pytest.mark.parametrize(
    "base_url, variable",
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
        ("https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("https://aliyuncs.com.example.org/v1", "OPENAI_API_KEY"),
        ("https://notaliyuncs.com/v1", "OPENAI_API_KEY"),
    ],
)
def test_the_host_decides_which_key_it_gets(base_url, variable, monkeypatch):
    with pytest.raises(CourseError, match=f"{variable} is not set.*never in a notebook"):
        make_client(base_url)
    monkeypatch.setenv("DASHSCOPE_API_KEY", "key-of-dashscope")
    monkeypatch.setenv("OPENAI_API_KEY", "  key-of-openai\n")
    assert make_client(base_url).api_key == {"D": "key-of-dashscope", "O": "key-of-openai"}[variable[0]]


def test_this_machine_gets_no_secret_of_the_environment(monkeypatch):
    secrets = {
        "OPENAI_API_KEY": "secret-1", "OPENAI_ADMIN_KEY": "secret-2", "OPENAI_ORG_ID": "secret-3",
        "OPENAI_PROJECT_ID": "secret-4", "DASHSCOPE_API_KEY": "secret-5",
    }  # fmt: skip
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    with scripted_server(answer("my secret-1")) as server:
        (reply,) = replies(server)
        assert "secret" not in json.dumps(server.requests[0].headers)
    assert reply.answer == "my secret-1", "nothing to hide: no key was sent"


def test_a_proxy_of_the_network_is_not_asked_for_this_machine(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    assert reply_to(answer("42")).outcome == "ok"


@pytest.mark.parametrize(
    "base_url, complaint",
    [
        ("http://dashscope.aliyuncs.com/v1", "in the clear.*https://"),
        ("http://192.168.1.2:8000/v1", "in the clear"),
        ("http://localhost.example.org/v1", "in the clear"),
        ("dashscope.aliyuncs.com/v1", "no address of a server.*https://host/v1"),
        ("ftp://localhost/v1", "no address of a server"),
        ("", "no address"),
        ("https://", "no address"),
        ("https://host:port/v1", "no address"),
        ("https://me:hunter2@host.example.org/v1", "must hold no user, key"),
        ("https://host.example.org/v1?api_key=hunter2", "must hold no user, key"),
    ],
)
def test_an_address_that_cannot_be_used(base_url, complaint):
    with pytest.raises(CourseError, match=complaint) as raised:
        make_client(base_url, "DASHSCOPE_API_KEY")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8", "[::1]"])
def test_this_machine_needs_neither_key_nor_https(host):
    assert make_client(f"http://{host}:8000/v1").max_retries == 0


def listed(base_url, key=None):
    async def asked():
        async with make_client(base_url, key) as client:
            return await models(client)

    return asyncio.run(asked())


def test_models_are_listed():
    with scripted_server(answer(""), models=["r1-s", "r1-m"]) as server:
        assert listed(server.base_url) == ["r1-s", "r1-m"]


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "response, problem",
    [
        (fault(401, f"Incorrect API key provided: {KEY}"), r"HTTP 401: Incorrect API key provided: \[key\]"),
        (fault(500, "no cache folder"), "HTTP 500: no cache folder"),
        (Response((b'{"data": 3}',), headers=JSON), "no list of models"),
        (Response((b'{"data": [{"name": "r1-s"}]}',), headers=JSON), "no list of models"),
        (Response((b"[{",), headers=JSON), "no list of models"),
        (Response((b"<html>",), headers={"content-type": "text/html"}), "no list of models"),
        (Response((RESET,)), "the connection failed"),
        (Response((b"[", 0.05, RESET), headers=JSON), "the connection failed"),
    ],
)
def test_a_list_that_cannot_be_had_is_one_message(response, problem, key):
    with scripted_server(answer(""), models=response) as server, pytest.raises(CourseError, match=problem) as raised:
        listed(server.base_url, key)
    message = str(raised.value)
    assert server.base_url in message and "course serve" in message and KEY not in message
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_server_that_is_not_there_is_one_message():
    with pytest.raises(CourseError, match="models at .* cannot be listed: .*ConnectError.*course serve"):
        listed(f"http://127.0.0.1:{closed_port()}/v1")


def test_importing_chat_imports_nothing_heavy():
    code = (
        "import sys, helpers.chat; print({'openai', 'httpx2', 'pydantic', 'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
