"""``course lab`` and ``course app``: JupyterLab and the small web app, reachable from this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from .errors import CourseError
from .picture_app import voila_arguments, voila_environment
from .profiles import root

PORT = 8866  # Voilà's own default
HOST = "127.0.0.1"


def lab() -> int:
    """Open the notebooks in JupyterLab."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.ip={HOST}", f"--notebook-dir={root()}"]
    return _serve(command, dict(os.environ))


def app(port: int | None = None, browser: bool = True) -> int:
    """Serve the notebook "Your own picture" through Voilà.

    Raises CourseError when the notebook is missing or the port asked for is busy; without one, the next free port
    is taken.
    """
    port, arguments = free_port(port), voila_arguments()
    print(f"Your own picture: http://{HOST}:{port}/ (the first page takes some seconds; Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "voila", *arguments, f"--port={port}", f"--Voila.ip={HOST}"]
    return _serve(command if browser else [*command, "--no-browser"], voila_environment())


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
