"""What every command that records a grid keeps to, whatever it asks."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from helpers.profiles import root


def record_of(grid: ModuleType) -> Path:
    return root() / "data" / "measured" / f"{grid.GRID.name}-nano.jsonl.gz"


def assert_it_asks_once(grid: ModuleType, few: list[str], requests: list, role: str) -> None:
    """Run again, it asks nothing and writes the same; with other weights of a role, everything is asked anew."""
    grid.main(few)
    first, before = record_of(grid).read_bytes(), len(requests)
    grid.main(few)
    assert len(requests) == before > 0
    assert record_of(grid).read_bytes() == first
    (root() / "data" / "models" / role / "model.safetensors").write_text("trained longer")
    grid.main(few)
    assert len(requests) == 2 * before


def assert_a_dry_run_asks_and_writes_nothing(grid: ModuleType, few: list[str], requests: list, capsys) -> None:
    assert grid.main([*few, "--dry-run"]) == 0
    assert not requests and not record_of(grid).parent.exists()
    assert "tokens read" in capsys.readouterr().out
