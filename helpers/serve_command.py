"""``course serve``: the local server in the foreground, for any OpenAI-compatible client on this machine."""

from __future__ import annotations

import time
from typing import NoReturn

from .errors import CourseError
from .profiles import registry, spec
from .server import ServerFailed, serve


def run(
    models: list[str], profile: str = "nano", port: int | None = None, continuous_batching: bool = False
) -> NoReturn:
    """Serve roles (none named: every one that can chat) until Ctrl-C.

    Raises KeyboardInterrupt, then; what ``serve`` raises; CourseError where no role can chat; and ServerFailed when the
    server ends by itself.
    """
    chosen = models or chat_roles()
    if not chosen:
        raise CourseError("No nano checkpoint here can chat. `course models list` says which there are.")
    with serve(chosen, profile, port=port, continuous_batching=continuous_batching) as server:
        print(f"Serving {', '.join(server.models)} at {server.base_url} to this machine only; Ctrl-C ends it.")
        print(f"The server's log is {server.log}", flush=True)
        while server.process.poll() is None:
            time.sleep(0.2)  # and not wait(), which Windows does not let Ctrl-C end
    raise ServerFailed(f"The server ended by itself. Its log, {server.log}, may say why.")


def chat_roles() -> list[str]:
    """The roles whose nano checkpoint is here and has a chat template."""
    return [role for role in registry() if (spec(role).path / "chat_template.jinja").is_file()]
