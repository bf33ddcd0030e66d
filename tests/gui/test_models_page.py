"""The Models page on a program that answers as `daw-bridge models` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import Status
from gui.main_window import MainWindow
from gui.model_rows import rows_of
from gui.model_table import MEMORY, STATE
from gui.models_page import ModelsPage
from gui.rehearsal import Rehearsal

SMALL, MEDIUM = "facebook/musicgen-small", "facebook/musicgen-medium"
TABLE: dict[str, Any] = {
    "installed": [
        {"name": "starter", "folder": "/s", "bytes": 30_000_000, "licence": "MIT", "problem": "",
         "removable": False, "memory": {"float32": 400_000_000}},
        {"name": SMALL, "folder": "/c", "bytes": 1_200_000_000, "licence": "",
         "problem": "not whole", "removable": True, "memory": {}},
        {"name": "someone/huge", "folder": "/h", "bytes": 40_000_000_000, "licence": "CC0-1.0",
         "problem": "", "removable": True,
         "memory": {"float32": 80_000_000_000, "int8": 20_000_000_000}},
    ],
    "public": [
        {"id": SMALL, "size": "300M", "gigabytes": 2.4, "plays": "", "licence": "CC-BY-NC-4.0"},
        {"id": MEDIUM, "size": "1.5B", "gigabytes": 8.0, "plays": "", "licence": "CC-BY-NC-4.0"},
    ],
    "disk_free": 50_000_000_000, "cache": "/c", "memory_free": 6_000_000_000,
    "memory_total": 8_000_000_000,
}  # fmt: skip

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
here = Path(__file__).parent
with (here / "asked").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
what, *words = sys.argv[1:]
def tell(**table):
    print(json.dumps(table), flush=True)
if what == "list":
    print("a line for people")
    tell(**json.loads((here / "table.json").read_text()))
elif what == "get" and words[0].endswith("medium"):
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    tell(fraction=0.25, what="model.safetensors")
    time.sleep(20)
elif what == "get":
    tell(fraction=0.5, what="half")
    sys.exit("daw-bridge: no network; try again later")
"""


@pytest.fixture
def page(tmp_path: Path, qtbot: QtBot) -> Iterator[ModelsPage]:
    (tmp_path / "table.json").write_text(json.dumps(TABLE))
    program = tmp_path / "models.py"
    program.write_text(PROGRAM)
    widget = ModelsPage(program=(sys.executable, str(program)))
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitUntil(lambda: widget.row is not None)
    yield widget
    widget.close_down()


def cell(page: ModelsPage, column: int) -> str:
    item = page.table.currentItem()
    assert item is not None
    return item.text(column)


def test_what_is_here_and_what_can_be_had(page: ModelsPage) -> None:
    assert "Downloads take 41.2 GB in /c; 50.0 GB is free" in page.disk.text()
    assert page.row is not None
    assert page.row.name == "starter"
    assert page.use.isEnabled()
    assert not page.delete.isEnabled()
    page.look_at(SMALL)
    assert not page.use.isEnabled()
    assert page.get.text() == "&Go on downloading"
    assert page.delete.isEnabled()
    page.look_at(MEDIUM)
    assert cell(page, STATE) == "8.0 GB to download"
    assert page.get.isEnabled()
    page.look_at("someone/huge")
    assert cell(page, MEMORY) == "20.0 GB (int8), more than is free"
    assert [row.fits for row in rows_of(TABLE)] == [True, None, False, False]


def test_a_download_shows_how_far_it_is_and_can_be_cancelled(
    page: ModelsPage, qtbot: QtBot, tmp_path: Path
) -> None:
    page.look_at(MEDIUM)
    page.get.click()
    qtbot.waitUntil(lambda: page.progress.value() == 25)
    assert page.note.text() == "model.safetensors"
    assert not page.get.isEnabled()
    page.cancel.click()
    qtbot.waitUntil(lambda: not page.working)
    assert "goes on from there" in page.note.text()
    assert not page.progress.isVisible()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:2] == ["list --json", f"get {MEDIUM} --json"]


def test_what_goes_wrong_is_said_in_its_own_words(page: ModelsPage, qtbot: QtBot) -> None:
    page.look_at(SMALL)
    page.get.click()
    qtbot.waitUntil(lambda: not page.working)
    assert page.note.text() == "no network; try again later"
    assert page.get.isEnabled()


def test_deleting_asks_the_program_and_lists_anew(
    page: ModelsPage, qtbot: QtBot, tmp_path: Path
) -> None:
    fewer = {**TABLE, "installed": TABLE["installed"][:2]}
    (tmp_path / "table.json").write_text(json.dumps(fewer))
    page.remove("someone/huge")
    qtbot.waitUntil(lambda: page.table.topLevelItemCount() == 3)
    assert "remove someone/huge --yes" in (tmp_path / "asked").read_text()


def test_the_one_that_plays_is_marked_and_is_not_deleted(page: ModelsPage) -> None:
    page.show_status(Status(state="idle", model="someone/huge"))
    page.look_at("someone/huge")
    assert cell(page, 0) == "● someone/huge"
    assert not page.delete.isEnabled()


def test_choosing_one_loads_it(panel: MainWindow, controller: Rehearsal) -> None:
    panel.models.show_table(TABLE)
    panel.models.look_at("someone/huge")
    panel.models.use.click()
    assert controller.sent(ask.UseModel)[-1].model == "someone/huge"
