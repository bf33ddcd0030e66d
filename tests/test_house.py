"""The rules of the house that no linter sees: what an import loads, and what is declared.

import-linter (`make lint`) holds the rule of dependency for the source.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"core", "daw_bridge", "gui", "presets", "tests"}
MODEL = {"torch", "torchaudio", "transformers", "encodec"}
SOUND_AND_WIRE = {"sounddevice", "rtmixer", "mido", "rtmidi", "pythonosc"}


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("gui.app", MODEL),
        ("daw_bridge.__main__", MODEL | {"PyQt6"}),
        ("daw_bridge.controller", MODEL | {"PyQt6"}),
        ("daw_bridge.audio.worker", MODEL | {"PyQt6"}),
        ("core.generation.messages", MODEL | SOUND_AND_WIRE | {"PyQt6"}),
        ("core.generation.worker", SOUND_AND_WIRE | {"PyQt6"}),
    ],
)
def test_import_leaves_unloaded(module: str, unwanted: set[str]) -> None:
    assert loaded_by(module) & unwanted == set()


@pytest.mark.parametrize("package", ["core", "daw_bridge", "gui"])
def test_every_import_is_declared(package: str) -> None:
    """A package that comes only with another one is gone when that one drops it."""
    wanted, installed = declared(), packages_distributions()
    names = imported_by(ROOT / package)
    # Python 3.11 overlooks packages that are one compiled module.
    undeclared = {n for n in names if not wanted & set(map(plain, installed.get(n, (n,))))}
    assert undeclared == set()


def loaded_by(module: str) -> set[str]:
    """Top-level names in sys.modules after `import module` in a fresh process."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def imported_by(folder: Path) -> set[str]:
    """Top-level names of others' packages that the source names."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Import(names=aliases):
                    names |= {alias.name.partition(".")[0] for alias in aliases}
                case ast.ImportFrom(module=str(module)):
                    names.add(module.partition(".")[0])
    return names - OURS - sys.stdlib_module_names


def declared() -> set[str]:
    """What pyproject.toml asks for, leaving out the tools of development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["compose"]
    return {plain(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in wanted}


def plain(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
