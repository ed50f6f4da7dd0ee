"""Why a training is refused: one error, with a short name for each reason and a message that says what to do."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import CourseError, unknown

EMPTY, ONE_CLASS, MISSING_IMAGE, COUNTS, CUT = "empty data set", "one class", "missing image", "counts differ", "cut"
NO_LABEL, EMPTY_THOUGHT, CONTROL = "no label left", "empty thought", "control tokens"
NOTHING_TRAINABLE, TOO_MUCH_TRAINABLE = "nothing trainable", "too much trainable"
NO_GRADIENT, MEMORY = "no gradient", "memory"
#: Every reason that there is, in the order in which preflight looks for them.
REASONS = (
    EMPTY, ONE_CLASS, MISSING_IMAGE, COUNTS, CONTROL, CUT, NO_LABEL, EMPTY_THOUGHT, NOTHING_TRAINABLE,
    TOO_MUCH_TRAINABLE, MEMORY, NO_GRADIENT,
)  # fmt: skip
#: What can be allowed: a training is possible, only bad.
ALLOWABLE = (ONE_CLASS, EMPTY_THOUGHT, TOO_MUCH_TRAINABLE, MEMORY, NO_GRADIENT)


class Refused(CourseError):
    """These data, this model and these settings must not be trained together as they are.

    Attributes:
        reason: one of REASONS.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self):  # so that it survives the way out of another process
        return Refused, (self.reason, str(self))


class Findings:
    """Raises what is found, or keeps it as a warning where it is allowed. Raises UnknownName for what cannot be."""

    def __init__(self, allow: Collection[str] = ()) -> None:
        if wrong := sorted(set(allow) - set(ALLOWABLE)):
            raise unknown("refusal that can be allowed called", wrong[0], list(ALLOWABLE))
        self.allow, self.warnings = set(allow), []

    def refuse(self, reason: str, message: str) -> None:
        if reason not in self.allow:
            raise Refused(reason, message)
        self.warnings.append(f"allowed ({reason}): {message}")
