"""The file that starts the program at login."""

from __future__ import annotations

import plistlib
import subprocess
from pathlib import Path

import pytest

from core.errors import BadInput
from daw_bridge.start_at_login import StartAtLogin
from tests.conftest import require_program


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_on_and_off(tmp_path: Path, platform: str) -> None:
    login = StartAtLogin(tmp_path / "new", ["/opt/daw bridge/daw-bridge"], platform)
    assert not login.on
    login.switch(True)
    assert login.on
    assert b"/opt/daw bridge/daw-bridge" in login.path.read_bytes()
    login.switch(False)
    login.switch(False)
    assert not login.on
    assert not list(login.path.parent.iterdir())


def test_the_agent_is_a_property_list(tmp_path: Path) -> None:
    login = StartAtLogin(tmp_path, ["a", "b c"], "darwin")
    login.switch(True)
    agent = plistlib.loads(login.path.read_bytes())
    assert agent["ProgramArguments"] == ["a", "b c"]
    assert agent["RunAtLoad"] is True


def test_glib_reads_the_words_that_were_meant(tmp_path: Path) -> None:
    """The desktops' own parser of such files starts it."""
    require_program("gio")
    words = ["/bin/sh", "-c", f"echo \"$0\" '$HOME' 100% > '{tmp_path}/said'", 'a "b" \\ c']
    login = StartAtLogin(tmp_path, words, "linux")
    login.switch(True)
    subprocess.run(["gio", "launch", str(login.path)], check=True, timeout=10)
    assert (tmp_path / "said").read_text().strip() == 'a "b" \\ c $HOME 100%'


def test_what_the_desktop_switched_off_is_off(tmp_path: Path) -> None:
    login = StartAtLogin(tmp_path, ["x"], "linux")
    login.switch(True)
    text = login.path.read_text().replace("enabled=true", "enabled=false")
    login.path.write_text(text)
    assert not login.on


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="nothing was changed"):
        StartAtLogin(tmp_path / "file", ["x"], "linux").switch(True)
