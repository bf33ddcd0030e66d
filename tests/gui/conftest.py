"""A panel on a controller without an engine, off screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.bridge_adapter import BridgeAdapter
from gui.main_window import MainWindow
from gui.panel_settings import PanelSettings
from gui.rehearsal import Rehearsal

HERE = Path(__file__).parent
PRESETS = {"Funk": "funky drums and bass, 110 bpm", "Lo-fi": "lo-fi hip hop, soft drums"}
DEVICES = [("output", "speakers"), ("output", "loopback"), ("input", "microphone")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Qt's offscreen platform says so when it is asked for what it has not."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support"))


@pytest.fixture
def controller() -> Rehearsal:
    return Rehearsal()


@pytest.fixture
def bridge(controller: Rehearsal, qtbot: QtBot) -> Iterator[BridgeAdapter]:
    adapter = BridgeAdapter(controller)
    yield adapter
    adapter.close()


@pytest.fixture
def settings(tmp_path: Path) -> PanelSettings:
    return PanelSettings(tmp_path / "panel.ini")


@pytest.fixture
def panel(bridge: BridgeAdapter, settings: PanelSettings, qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(bridge, PRESETS, 9770, lambda: DEVICES, settings)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    yield window
    window.close_down()
