"""Prompt presets: one TOML file each, in the order of their names (MIDI programs from 0)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

import platformdirs

from core.errors import BadInput
from core.generation.params import Prompt
from daw_bridge.parameters import parameter


@dataclass(frozen=True, slots=True)
class Preset:
    """A prompt and the parameters that go with it; those not named stay as they are."""

    key: str  # the file's name without its number and suffix
    name: str  # for people
    prompt: str
    values: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


def parse_preset(text: str, file_name: str) -> Preset:
    """Raises BadInput that names the file and what is wrong in it."""
    try:
        table = tomllib.loads(text)
        prompt = Prompt(str(table["prompt"])).text
        values = {
            name: parameter(name).checked(float(value))
            for name, value in table.get("parameters", {}).items()
        }
    except KeyError as missing:
        raise BadInput(f"preset {file_name}: {missing} is missing") from None
    except (tomllib.TOMLDecodeError, TypeError, ValueError, AttributeError, BadInput) as wrong:
        raise BadInput(f"preset {file_name}: {wrong}") from None
    key = Path(file_name).stem.lstrip("0123456789").lstrip("-_ ") or Path(file_name).stem
    return Preset(key, str(table.get("name", key)), prompt, MappingProxyType(values))


def find_preset(presets: tuple[Preset, ...], wanted: str | int) -> Preset:
    """By number from 0, by key or by name. Raises BadInput that lists what there is."""
    if isinstance(wanted, int):
        if 0 <= wanted < len(presets):
            return presets[wanted]
        raise BadInput(f"no preset {wanted}; there are 0 to {len(presets) - 1}")
    folded = wanted.strip().casefold()
    for preset in presets:
        if folded in (preset.key.casefold(), preset.name.casefold()):
            return preset
    raise BadInput(f"no preset {wanted!r}; there are {', '.join(p.key for p in presets)}")


def user_folder() -> Path:
    """Where a person puts presets of their own."""
    return Path(platformdirs.user_config_dir("daw-bridge", appauthor=False)) / "prompts"


def load_presets(user: Path | None = None) -> tuple[tuple[Preset, ...], tuple[str, ...]]:
    """The presets of the program, then a person's own, and a line for each that is broken."""
    presets: list[Preset] = []
    problems: list[str] = []
    shipped = resources.files("presets") / "prompts"
    own = user or user_folder()
    for folder in (_toml_files(shipped), _toml_files(own)):
        for file in folder:
            try:
                presets.append(parse_preset(file.read_text(encoding="utf-8"), file.name))
            except (UnicodeDecodeError, OSError) as broken:
                problems.append(f"preset {file.name} cannot be read: {broken}")
            except BadInput as broken:
                problems.append(str(broken))
    return tuple(presets), tuple(problems)


def _toml_files(folder: Traversable | Path) -> Iterable[Traversable | Path]:
    if not folder.is_dir():
        return []
    return sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
