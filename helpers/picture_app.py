"""The small web app "Your own picture": the cells of its notebook that are tagged ``app``, served by Voilà.

The app is not a second program: ``write_app`` copies the parameters, the functions and the panel out of the notebook,
so that what a reader sees explained is what runs.
"""

from __future__ import annotations

import os
from pathlib import Path

from .errors import CourseError
from .files import write_text
from .profiles import root

SOURCE = Path("notebooks") / "01_blip" / "06_your_own_picture.ipynb"
TARGET = Path("_build") / "app" / "your_own_picture.ipynb"
TITLE = "Your own picture"
KEPT = {"parameters", "app"}
#: JupyterLab extensions that the panel needs. Voilà would load every installed one, also those that do not work in it.
EXTENSIONS = ("@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager", "anywidget")


def write_app() -> Path:
    """Write the app's notebook below ``_build/app`` and return its path.

    Raises CourseError when the notebook it is taken from is missing or has no cell tagged ``app``.
    """
    import nbformat

    source = root() / SOURCE
    restore = f"Restore it with `git checkout -- {SOURCE.as_posix()}`."
    if not source.is_file():
        raise CourseError(f"{SOURCE} is missing. {restore}")
    notebook = nbformat.read(source, as_version=4)
    cells = [cell for cell in notebook.cells if KEPT & set(cell.metadata.get("tags", []))]
    if not any("app" in cell.metadata.tags for cell in cells):
        raise CourseError(f"{SOURCE} has no cell tagged `app`. {restore}")
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# {TITLE}", id="title"), *cells]
    notebook.metadata["title"] = TITLE
    target = root() / TARGET
    write_text(target, nbformat.writes(notebook))
    return target


def voila_arguments() -> list[str]:
    """What follows ``python -m voila`` besides address, port and browser. Writes the app first; raises CourseError."""
    extensions = [f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS]
    return [str(write_app()), "--template=course", *extensions]


def voila_environment() -> dict[str, str]:
    """The environment in which Voilà finds the course's page template (stock pages load fonts from another host)."""
    ours = str(Path(__file__).parent)
    theirs = os.environ.get("JUPYTER_PATH")
    return os.environ | {"JUPYTER_PATH": os.pathsep.join([ours, theirs] if theirs else [ours])}
