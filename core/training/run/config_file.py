"""A run's TOML file as a dataclass, each key checked: name, type, range, folder."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from core.errors import BadInput

Config = TypeVar("Config")
WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}
WORDS[Path] = "a path in quotes"
LISTS = {str: 'a list of texts, as ["one", "two"]', int: "a list of whole numbers, as [1, 2]"}


def ranged(default: Any, least: float | None = None, most: float | None = None) -> Any:
    """A dataclass field whose value, where there is one, lies in least … most."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most})


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a table. Raises BadInput where it is missing or malformed."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as problem:
        raise BadInput(f"cannot read {path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not a text file; give a TOML file") from None
    except tomllib.TOMLDecodeError as problem:
        raise BadInput(f"{path.name} is not TOML: {problem}") from None


def read_config(kind: type[Config], path: Path, folders: tuple[str, ...]) -> Config:
    """A run's dataclass from its TOML file. `folders` must be there; paths in it are
    relative to the file.

    Raises BadInput that names a key that is missing, unknown (with the nearest right one), of
    the wrong type or out of its range.
    """
    table = read_toml(path)
    table.pop("kind", None)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(fields)}"
            raise BadInput(f"{path.name} has an unknown key {key!r}{hint}")
    for key in folders:
        if key not in table:
            raise BadInput(f"{path.name} lacks {key!r}: say which folder")
    for key, value in table.items():
        checked = _typed(value, hints[key], f"{path.name}: {key}")
        _in_range(checked, fields[key].metadata, f"{path.name}: {key}")
        if isinstance(checked, Path):
            checked = (path.parent / checked.expanduser()).resolve()
        table[key] = checked
    return kind(**table)


def _typed(value: Any, hint: Any, where: str) -> Any:
    """`value` as `hint` (X, X | None, tuple[str, ...] or tuple[int, ...]) wants it."""
    if isinstance(hint, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        if isinstance(value, list) and all(type(one) is item for one in value):
            return tuple(value)
        raise BadInput(f"{where} = {value!r} is not {LISTS[item]}")
    if hint is float and type(value) is int:
        return float(value)
    if hint is Path and isinstance(value, str) and value:
        return Path(value)
    if type(value) is not hint:
        raise BadInput(f"{where} = {value!r} is not {WORDS.get(hint, hint.__name__)}")
    return value


def _in_range(value: Any, limits: typing.Mapping[str, Any], where: str) -> None:
    least, most = limits.get("least"), limits.get("most")
    below = least is not None and not value >= least  # so that nan is outside too
    if not below and (most is None or value <= most):
        return
    if most is None:
        raise BadInput(f"{where} = {value} is out of range; give {least} or more")
    raise BadInput(f"{where} = {value} is out of range; give {least} to {most}")


def example_config(kind: str) -> str:
    """A commented file for `daw-bridge train`. Raises BadInput that names the kinds there are."""
    folder = Path(__file__).parents[1] / "configs"
    path = folder / f"example-{kind}.toml"
    kinds = sorted(p.stem.removeprefix("example-") for p in folder.glob("example-*.toml"))
    if kind not in kinds:
        raise BadInput(f"no example of {kind!r}; there is {', '.join(kinds)}")
    return path.read_text(encoding="utf-8")
