"""From a model's text to a Python program: the code in its fences, and the whole function around a completion."""

from __future__ import annotations

import re
import textwrap

FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
PYTHON = ("", "python", "python3", "py")
STARTS_CODE = re.compile(r"^(?:def|class|import|from|async def|@|if|for|while|return|[ \t]+\S|\w+ *=)", re.MULTILINE)


def code(answer: str) -> str | None:
    """The program in an answer: its Python fences, one after the other, or all of it where it is bare code.

    A fence that is not closed runs to the end. None where nothing looks like code.
    """
    fences = FENCE.findall(answer)
    blocks = [block for language, block in fences if language.lower() in PYTHON]
    if blocks:
        return "\n".join(textwrap.dedent(block) if block[:1].isspace() else block for block in blocks)
    return answer.strip("\n") if not fences and STARTS_CODE.search(answer) else None


def complete(prompt: str, entry_point: str, answer: str) -> str:
    """The program that HumanEval grades: ``prompt`` opens a function, the code ``answer`` continues or repeats it.

    A whole function replaces the prompt's, whose imports and helpers stay. A continuation ends where the function does:
    at the first line that is not indented. One that lost its indentation gets it back.
    """
    definition = re.compile(rf"^(?:async )?def {re.escape(entry_point)}\b", re.MULTILINE)
    if definition.search(answer):
        opening = definition.search(prompt)
        return prompt[: opening.start() if opening else None] + "\n" + answer
    return prompt.rstrip("\n") + "\n" + _body(answer)


def _body(continuation: str) -> str:
    """A function's body, indented by four spaces at least, without what follows the function."""
    body = re.sub(r"\A(?:[ \t]*\n)+", "", continuation)
    if body[:1].strip():
        first, *rest = [line for line in body.split("\n") if line.strip()]
        indents = [len(line) - len(line.lstrip()) for line in rest]
        deeper = 5 if first.rstrip().endswith(":") else 4
        if indents and indents[0] >= deeper and min(indents) >= 4:
            body = "    " + body  # whoever stripped the text took the spaces before its first word
        else:
            body = textwrap.indent(body, "    ")
    after = re.search(r"^\S", body, re.MULTILINE)
    return (body[: after.start()] if after else body) + "\n"
