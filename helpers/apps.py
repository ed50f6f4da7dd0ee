"""``course lab`` and ``course app``: JupyterLab and the small web app, reachable from this machine only."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from .errors import CourseError
from .profiles import root

APP = Path("notebooks") / "01_blip" / "06_your_own_picture.ipynb"
PORT = 8866  # Voilà's own default
HOST = "127.0.0.1"


def lab() -> int:
    """Open the notebooks in JupyterLab; returns when it ends."""
    return _serve([sys.executable, "-m", "jupyterlab", f"--ServerApp.ip={HOST}", f"--notebook-dir={root()}"])


def app(port: int | None = None, browser: bool = True) -> int:
    """Serve the notebook "Your own picture" through Voilà; returns when it ends.

    Raises CourseError when the notebook is missing or the port asked for is busy; without one, the next free port
    is taken.
    """
    port, notebook = free_port(port), root() / APP
    if not notebook.is_file():
        raise CourseError(f"{APP} is missing. Restore it with `git checkout -- {APP.as_posix()}`.")
    print(f"Your own picture: http://{HOST}:{port}/ (the first page takes some seconds; Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "voila", str(notebook), f"--port={port}", f"--Voila.ip={HOST}"]
    return _serve(command if browser else [*command, "--no-browser"])


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


def _serve(command: list[str]) -> int:
    """Run a server in the foreground. Ctrl-C reaches it too, so it is waited for, not killed."""
    process = subprocess.Popen(command, cwd=root())
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.terminate()
        return 0
