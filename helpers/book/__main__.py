"""``python -m helpers.book STAGED WORK MATHJAX``: the Sphinx run that ``build`` starts in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path


def main(staged: str, work: str, mathjax: str) -> int:
    """Sphinx with Jupyter Book's own reading of ``_config.yml``, warnings as errors, and strict references."""
    import yaml
    from jupyter_book.config import validate_yaml
    from jupyter_book.sphinx import build_sphinx
    from sphinx.util.console import nocolor

    nocolor()
    config = Path(staged, "_config.yml")
    validate_yaml(yaml.safe_load(config.read_text(encoding="utf-8")), raise_on_errors=True)
    overrides = {"nitpicky": True, "course_mathjax": mathjax, "latex_individualpages": False}
    result = build_sphinx(
        staged,
        str(Path(work, "html")),
        path_config=str(config),
        noconfig=True,
        confoverrides=overrides,
        doctreedir=str(Path(work, "doctrees")),
        quiet=True,
        warningiserror=True,
        keep_going=True,
    )
    return result if isinstance(result, int) else 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
