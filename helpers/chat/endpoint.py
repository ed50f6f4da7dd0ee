"""Reach an OpenAI-compatible endpoint: the client, its key, and what each way to fail is called."""

from __future__ import annotations

import json
import math
import os
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..errors import CourseError

if TYPE_CHECKING:
    import httpx2
    import openai

NO_KEY = "no-key-needed"  # the SDK insists on one; a server on this machine ignores it
BEARER_ONLY = {"bearer_auth": True}  # the SDK would also send OPENAI_ADMIN_KEY, to any host


def make_client(base_url: str, api_key_env: str | None = None) -> openai.AsyncOpenAI:
    """A client for the endpoint at ``base_url`` (".../v1"). Use one per event loop, in ``async with``.

    The key comes from the environment variable ``api_key_env``. Without a name that is DASHSCOPE_API_KEY for Alibaba
    Cloud, OPENAI_API_KEY for any other host, and no key at all for a server on this machine.

    The client follows no redirect and never tries again by itself: both would hide what happened from a benchmark.
    Raises CourseError for an address that cannot be used, for plain http to another machine, and for a missing key.
    """
    import openai

    url = _checked(base_url)
    key = _key(api_key_env or _key_variable(url))
    # a proxy set for the network would answer for this machine, too
    http_client = openai.DefaultAsyncHttpxClient(
        follow_redirects=False, trust_env=not _is_loopback(url.host), event_hooks={"request": [_note_sending]}
    )
    client = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0, http_client=http_client)
    client.organization = client.project = None  # the SDK takes them from the environment, whoever the host is
    return client


async def models(client: openai.AsyncOpenAI) -> list[str]:
    """The ids that the endpoint lists. Raises CourseError, saying what to do, where it is not there or refuses."""
    import openai

    try:
        listing = await client.get("/models", cast_to=object, options={"timeout": 10.0, "security": BEARER_ONLY})
        return [entry["id"] for entry in listing["data"]]
    except openai.OpenAIError as error:
        problem = redact_error(RequestFailed.from_error(error).text, client)
    except (KeyError, TypeError, ValueError):
        problem = "what came back is no list of models"
    advice = "`course serve` starts one." if _is_loopback(client.base_url.host) else "Check the address and the key."
    # raised out here: the SDK's error holds the server's own words, and must not come along as a cause
    raise CourseError(f"The models at {client.base_url} cannot be listed: {problem}. {advice}")


async def _note_sending(request: httpx2.Request) -> None:
    """Keep the moment a request has gone out: to connect and to build it is not the server's time.

    https://www.python-httpx.org/advanced/extensions/#trace
    """

    async def trace(event: str, info: dict) -> None:
        if event.endswith("send_request_body.complete"):
            request.extensions["sent"] = time.perf_counter()

    request.extensions["trace"] = trace


class RequestFailed(Exception):
    """A request that came to nothing, by the name of its outcome (``Reply.outcome``)."""

    def __init__(self, outcome: str, text: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(outcome)
        self.outcome, self.text, self.status, self.retry_after = outcome, text, status, retry_after

    @classmethod
    def from_error(cls, error: Exception, streaming: bool = False) -> RequestFailed:
        """Name what the SDK raised; ``streaming`` says that an answer had begun."""
        import httpx2
        import openai

        if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
            return cls("timeout", f"the server did not answer in time ({_cause(error)})")
        if isinstance(error, openai.APIStatusError):
            outcome = "refused" if _is_refusal(error) else _outcome_of(error.status_code)
            text = f"HTTP {error.status_code}: {_said(error.body)}"
            return cls(outcome, text, error.status_code, _retry_after(error.response.headers))
        if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
            # an error instead of the next chunk: a few servers say in it what the HTTP status would have been
            status = int(error.code) if re.fullmatch("[45][0-9][0-9]", error.code or "") else 500
            outcome = "refused" if _is_refusal(error) else _outcome_of(status)
            return cls(outcome, f"in the stream: {_said(error.body)}")
        return cls("broken_stream" if streaming else "connection", f"the connection failed ({_cause(error)})")


def redact(text: str, client: openai.AsyncOpenAI, shortest: int = 1) -> str:
    """The text without the client's key, if that has so many characters."""
    key = client.api_key
    return text if key in ("", NO_KEY) or len(key) < shortest else text.replace(key, "[key]")


def mended(text: str) -> str:
    """The text as valid Unicode: halves of a character that a server cut in two (surrogates) are put together."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def redact_error(text: str, client: openai.AsyncOpenAI) -> str:
    """A server's complaint as one short line without any key, also none that the server abridged ("sk-ab***yz")."""
    line = re.sub(r"\bsk-[\w*.…-]+", "[key]", " ".join(redact(text, client).split()))
    return line if len(line) <= 300 else line[:299] + "…"


def _checked(base_url: str) -> httpx2.URL:
    """The address, or a CourseError that does not repeat what may be a secret in it."""
    import httpx2

    try:
        url = httpx2.URL(base_url.strip())
    except httpx2.InvalidURL as error:
        raise CourseError(f"{base_url!r} is no address ({error}). A base URL looks like https://host/v1.") from error
    if url.userinfo or url.query or url.fragment:
        raise CourseError("The base URL must hold no user, key or query: put the key into an environment variable.")
    if url.scheme not in ("http", "https") or not url.host:
        raise CourseError(f"{base_url!r} is no address of a server. A base URL looks like https://host/v1.")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise CourseError(f"{base_url} would send key and questions in the clear. Use https:// for another machine.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _key_variable(url: httpx2.URL) -> str | None:
    if _is_loopback(url.host):
        return None
    return "DASHSCOPE_API_KEY" if f".{url.host}".endswith(".aliyuncs.com") else "OPENAI_API_KEY"


def _key(variable: str | None) -> str:
    if variable is None:
        return NO_KEY
    key = os.environ.get(variable, "").strip()
    if not key:
        raise CourseError(f"{variable} is not set. Set it to your key in the environment, never in a notebook.")
    if not re.fullmatch("[!-~]+", key):  # the HTTP library would quote the whole header in its complaint
        raise CourseError(f"{variable} holds characters that no key has. Copy the key again.")
    return key


def _outcome_of(status: int) -> str:
    if status >= 500:
        return "server_error"
    named = {401: "unauthorized", 403: "forbidden", 408: "timeout", 429: "rate_limited"}
    return named.get(status, "bad_request")


def _is_refusal(error: openai.APIError) -> bool:
    """Whether a content filter spoke: DashScope's DataInspectionFailed, or the codes of OpenAI and Azure."""
    inspection = "datainspectionfailed" in str(error.body).replace("_", "").lower()
    return inspection or error.code in ("content_filter", "content_policy_violation")


def _said(body: object) -> str:
    """What a server wrote about an error."""
    if isinstance(body, dict):
        return str(body.get("message") or json.dumps(body, ensure_ascii=False))
    return str(body or "no explanation")


def _cause(error: Exception) -> str:
    """The SDK says "Connection error."; what it was made from says which."""
    error = error.__cause__ or error
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):  # no date, or one without a time zone
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
