"""What every test gets: no display, no network, no file in the user's own folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

# Before anything imports Qt or huggingface_hub. A test of a real desktop sets its own.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["HF_HUB_OFFLINE"] = "1"


def require_program(name: str) -> Path:
    """The path of a program. Without it the test skips; in CI, where all are, it fails."""
    found = shutil.which(name)
    if found is None:
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report(f"{name} is not installed; .ci/programs.sh names its package")
    return Path(found)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real programs first: they take long, and no worker of several is to be left with them."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)


@pytest.fixture(name="require_program")
def _require_program() -> Callable[[str], Path]:
    return require_program


@pytest.fixture(autouse=True)
def _users_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes, settings and logs of a test go to its own folder."""
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / "home" / name.lower()))
