"""``course lab`` and ``course app``: JupyterLab and the small web apps, reachable from this machine only.

An app is not a second program: it is those cells of a notebook that are tagged ``parameters`` or ``app``, served by
Voilà. So what a reader sees explained is what runs.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import CourseError, unknown
from .files import write_text
from .profiles import root

PORT = 8866  # Voilà's own default
HOST = "127.0.0.1"
KEPT = {"parameters", "app"}
#: End the kernel of a page that was closed, and with it the models it has loaded. The page's own last request, which is
#: meant to do that, is refused by Voilà 0.5.13 (it lacks the token against forged requests). Seconds.
CULLING = {"cull_interval": 5, "cull_idle_timeout": 20}
#: JupyterLab extensions that the panels need. Voilà would load every installed one, also those that do not work in it.
EXTENSIONS = ("@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager", "anywidget")


@dataclass(frozen=True)
class WebApp:
    """An app's title, and the notebook below the repository that it is taken from."""

    title: str
    source: Path


APPS = {
    "picture": WebApp("Your own picture", Path("notebooks") / "01_blip" / "06_your_own_picture.ipynb"),
    "chat": WebApp("Talking to a reasoning model", Path("notebooks") / "02_reasoning" / "01_talking.ipynb"),
    "vision": WebApp("Talking about pictures", Path("notebooks") / "03_vision" / "02_describe_analyse_answer.ipynb"),
    "dashboard": WebApp("Looking at a benchmark", Path("notebooks") / "03_vision" / "06_the_benchmark.ipynb"),
}


def lab() -> int:
    """Open the notebooks in JupyterLab."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.ip={HOST}", f"--notebook-dir={root()}"]
    return _serve(command, dict(os.environ))


def app(name: str = "picture", port: int | None = None, browser: bool = True) -> int:
    """Serve an app of ``APPS`` through Voilà.

    Raises CourseError when there is no such app, its notebook is missing or the port asked for is busy; without one,
    the next free port is taken.
    """
    port, arguments = free_port(port), voila_arguments(write_app(name))
    print(f"{APPS[name].title}: http://{HOST}:{port}/ (the first page takes some seconds; Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "voila", *arguments, f"--port={port}", f"--Voila.ip={HOST}"]
    return _serve(command if browser else [*command, "--no-browser"], voila_environment())


def write_app(name: str) -> Path:
    """Write an app's notebook below ``_build/app`` and return its path.

    Raises UnknownName for an app that does not exist, and CourseError when the notebook it is taken from is missing or
    has no cell tagged ``app``.
    """
    import nbformat

    if name not in APPS:
        raise unknown("app", name, list(APPS))
    title, source = APPS[name].title, APPS[name].source
    restore = f"Restore it with `git checkout -- {source.as_posix()}`."
    if not (root() / source).is_file():
        raise CourseError(f"{source} is missing. {restore}")
    notebook = nbformat.read(root() / source, as_version=4)
    cells = [cell for cell in notebook.cells if KEPT & set(cell.metadata.get("tags", []))]
    if not any("app" in cell.metadata.tags for cell in cells):
        raise CourseError(f"{source} has no cell tagged `app`. {restore}")
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# {title}", id="title"), *cells]
    notebook.metadata["title"] = title
    target = root() / "_build" / "app" / f"{name}.ipynb"
    write_text(target, nbformat.writes(notebook))
    return target


def voila_arguments(notebook: Path) -> list[str]:
    """What follows ``python -m voila`` besides address, port and browser."""
    extensions = [f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS]
    culling = [f"--MappingKernelManager.{name}={seconds}" for name, seconds in CULLING.items()]
    return [str(notebook), "--template=course", *extensions, *culling]


def voila_environment() -> dict[str, str]:
    """The environment in which Voilà finds the course's page template (stock pages load fonts from another host)."""
    ours = str(Path(__file__).parent)
    theirs = os.environ.get("JUPYTER_PATH")
    return os.environ | {"JUPYTER_PATH": os.pathsep.join([ours, theirs] if theirs else [ours])}


def free_port(wanted: int | None = None) -> int:
    """The port asked for, or the first free one from 8866 on. Raises CourseError when there is none."""
    if wanted is not None and not 1 <= wanted <= 65535:
        raise CourseError(f"{wanted} is no port: choose one between 1024 and 65535.")
    for port in [wanted] if wanted else range(PORT, PORT + 50):
        with socket.socket() as probe:
            if sys.platform != "win32":  # there it would let two programs share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except PermissionError as error:
                raise CourseError(f"Port {port} is reserved for the system: choose one above 1024.") from error
            except OSError:  # another program has it
                continue
        return port
    if wanted:
        raise CourseError(f"Port {wanted} is used by another program. Choose another, or leave --port out.")
    raise CourseError(f"No port from {PORT} to {PORT + 49} is free. Name one: `course app --port N`.")


def _serve(command: list[str], env: dict[str, str]) -> int:
    """Become the server, so that Ctrl-C and signals are its own; on Windows, which cannot, wait for it."""
    os.chdir(root())
    if sys.platform == "win32":
        return subprocess.call(command, env=env)
    os.execve(command[0], command, env)
