"""What the panel remembers: kept, and a file that cannot be used is put aside and told."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt6.QtCore import QByteArray

from gui.panel_settings import PanelSettings


def test_what_is_set_is_there_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "panel.ini"
    first = PanelSettings(file)
    assert (first.open, first.history, first.problem) == (True, [], "")
    first.save()
    second = PanelSettings(file)
    assert (second.history, second.problem) == ([], "")
    second.open, second.history, second.geometry = False, ["one, two"], QByteArray(b"\1\xd9x")
    second.save()
    third = PanelSettings(file)
    assert (third.open, third.history, third.geometry) == (False, ["one, two"], b"\1\xd9x")
    assert third.problem == ""
    third.history = ["one, two", "drei"]
    third.save()
    assert PanelSettings(file).history == ["one, two", "drei"]


@pytest.mark.parametrize(
    "held",
    [
        b"[panel\nopen=1",
        b"\xff\xfe\x00\x01garbage",
        b"[panel]\nadvanced=@Size(1 2)\n",
        b"[panel]\ngeometry=1,2\n",
        b"[prompt]\nhistory=@ByteArray(abc)\n",
        b"[General]\nversion=99\n[panel]\nopen=false\n",
    ],
)
def test_a_file_that_cannot_be_used_is_kept_aside(tmp_path: Path, held: bytes) -> None:
    file = tmp_path / "panel.ini"
    file.write_bytes(held)
    settings = PanelSettings(file)
    assert settings.open
    assert not settings.advanced
    assert (settings.history, settings.geometry) == ([], b"")
    assert "starting with defaults; it is kept as panel.old.ini" in settings.problem
    assert ("newer version" in settings.problem) == (b"99" in held)
    assert (tmp_path / "panel.old.ini").read_bytes() == held
    settings.history = ["strings"]
    settings.save()
    again = PanelSettings(file)
    assert (again.history, again.problem) == (["strings"], "")
