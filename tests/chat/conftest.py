"""No key that a developer may have set reaches a test."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_keys_of_a_developer(monkeypatch):
    for name in ("DASHSCOPE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
