"""JSON out of a model's text: whatever objects and arrays are whole, whatever stands around them. Nothing is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

# A string in double quotes is left as it is; one in single quotes, where JSON would have a string, gets double ones;
# a comma before a closing bracket goes. The quantifiers are bounded, so that no text takes long.
_REPAIRS = re.compile(
    r'"(?:[^"\\\n]|\\.){0,1000}+"'
    r"|(?P<before>[{\[,:]\s{0,40}+)'(?P<single>[^\n]{0,200}?)'(?=\s{0,40}+[,:}\]])"
    r"|,(?P<after>\s{0,40}+)(?=[}\]])"
)


def repaired(text: str) -> str:
    """A text with the two slips mended that models make most: single quotes, and commas before a closing bracket."""
    return _REPAIRS.sub(_repair, text)


def _repair(found: re.Match) -> str:
    if found["single"] is not None:
        return found["before"] + json.dumps(found["single"].replace("\\'", "'"), ensure_ascii=False)
    return found["after"] if found["after"] is not None else found[0]


def values(text: str, opening: str = "{[", **decoding) -> Iterator[tuple[object, int, int]]:
    """Every whole JSON value that starts with one of ``opening``, outermost first: (value, start, end).

    Where a bracket opens nothing whole (cut off, or no JSON), what stands inside is looked at instead. ``decoding`` are
    ``json.JSONDecoder``'s arguments. Never raises for any text.
    """
    decoder = json.JSONDecoder(**decoding)
    brackets = re.compile(f"[{re.escape(opening)}]")
    at = 0
    while bracket := brackets.search(text, at):
        start = bracket.start()
        try:
            value, at = decoder.raw_decode(text, start)
        except ValueError:  # no JSON from here, or a number of thousands of digits
            at = start + 1
        except RecursionError:  # a thousand brackets, none of them closed: nobody's answer, and slow to try one by one
            at = start + 500
        else:
            yield value, start, at
