"""What a notebook defines, without running it: so that a test may call the very functions that a reader sees."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat


def define(notebook: Path, wanted: set[str], names: dict) -> dict:
    """Add to ``names`` the functions, classes and constants that a notebook's cells define; stubs are left out.

    ``names`` holds what these need. Raises AssertionError where the notebook does not define all that is wanted.
    """
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", []):
            for node in ast.parse(cell.source).body:
                if _defined(node) & wanted:
                    exec(compile(ast.Module([node], []), str(notebook), "exec"), names)
    assert names.keys() >= wanted, f"{notebook.name} lacks {wanted - names.keys()}"
    return names


def _defined(node: ast.stmt) -> set[str | None]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    return {getattr(target, "id", None) for target in node.targets} if isinstance(node, ast.Assign) else set()
