"""From the text of an answer to a score: extractors, graders, the sandbox for code, and a judge for the rest."""

from __future__ import annotations

from .extract import EXTRACTORS
from .grade import Grade, grade, grade_number
from .sandbox import SandboxOff, SandboxResult, allow, run_code

__all__ = ["EXTRACTORS", "Grade", "SandboxOff", "SandboxResult", "allow", "grade", "grade_number", "run_code"]
