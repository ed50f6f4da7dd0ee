"""Errors a person can act on: one message that says what to do, and no traceback in a notebook."""

from __future__ import annotations


class CourseError(Exception):
    """An ordinary mistake or a missing piece. The message says what to do next.

    Jupyter shows only the message (``_render_traceback_`` is IPython's hook for that); the command line prints it
    and exits with status 2. ``raise ... from error`` keeps the cause for whoever debugs.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class UnknownName(CourseError):
    """A profile, role, notebook or model that does not exist."""


class MissingModel(CourseError):
    """Weights that are not where they should be, are damaged, or cannot be fetched from here."""


class NotEnoughMemory(CourseError):
    """The machine cannot hold what was asked for."""


class BadImage(CourseError):
    """A file that is no picture, or a picture no model can use."""


def unknown(kind: str, name: object, known: list[str]) -> UnknownName:
    """The error for a name that is not among the known ones, with the nearest one suggested."""
    import difflib

    near = difflib.get_close_matches(str(name), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UnknownName(f"There is no {kind} {name!r}.{hint} Choose one of: {', '.join(known)}.")
