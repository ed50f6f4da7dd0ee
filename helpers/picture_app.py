"""The small web app "Your own picture": the cells of its notebook that are tagged ``app``, served by Voilà."""

from __future__ import annotations

from .files import write_text  # noqa: F401
