"""The process behind ``mathematics``: one request a line on standard input, one reply a line on standard output."""

from __future__ import annotations

import io
import json
import logging
import sys

MEMORY = 2 << 30  # bytes of address space; sympy itself needs about a tenth of it


def main() -> None:
    from math_verify import parse, verify

    _limit_memory()
    logging.disable(logging.WARNING)  # it warns that its own time limits, which use signals, are off
    replies = sys.stdout
    sys.stdout = sys.stderr = io.StringIO()  # nothing that is printed on the way counts as a reply

    def value(text: str) -> list:
        return parse(rf"\boxed{{{text}}}", parsing_timeout=None)

    def found(answer: str) -> str | None:
        texts = [part for part in parse(answer, parsing_timeout=None) if isinstance(part, str)]
        return texts[-1] if texts else None

    def equal(reference: str, answer: str) -> bool:
        return verify(value(reference), value(answer), timeout_seconds=None)

    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        call, *arguments = json.loads(line)
        print(json.dumps({"parse": found, "equal": equal}[call](*arguments)), file=replies, flush=True)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
