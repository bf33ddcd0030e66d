"""The Takes page with 2,000 takes, each 16 s of sound in a file of its own.

library_read: seconds until the folder is read, at the program's start.
library_open: seconds from the click on Takes to the list on the screen, its waveforms still to
    come (pyqtgraph is loaded then, too).
library_block: the longest that the event loop was held up while the whole list was scrolled
    through, a page at a time, with its waveforms read and drawn; in milliseconds.
library_block_growing: the same while a take grows, told 20 times a second.
library_search: the longest that a letter typed into the search holds it up, in milliseconds.

Off screen, in the window itself. The files' sound is shared by hard links: 8 different ones.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.gui.many_takes import fill_folder

TAKES = 2000
SECONDS = 16.0


def figures() -> dict[str, Any]:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PyQt6.QtWidgets import QApplication

    from daw_bridge.events import TreeChanged
    from daw_bridge.takes import TakeLibrary
    from gui.bridge_adapter import BridgeAdapter
    from gui.main_window import MainWindow
    from gui.panel_settings import PanelSettings
    from gui.rehearsal import Rehearsal, waveform
    from gui.theme import DARK, dress

    app = QApplication([])
    dress(app, DARK)
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there)
        fill_folder(folder, TAKES, SECONDS)
        begun = time.perf_counter()
        records = TakeLibrary(folder).records()
        read = time.perf_counter() - begun
        controller = Rehearsal()
        bridge = BridgeAdapter(controller)
        settings = PanelSettings(folder / "panel.ini")
        window = MainWindow(bridge, {}, 0, None, settings)
        window.show()
        controller.emit(TreeChanged(records, (), TAKES, whole=True))
        _settle(app)

        begun = time.perf_counter()
        window.pages.buttons["takes"].click()
        app.processEvents()
        window.repaint()
        opened = time.perf_counter() - begun
        _settle(app)

        bar = window.takes.list.verticalScrollBar()
        assert bar is not None

        def scroll(tell: bool) -> float:
            worst, first = 0.0, 0
            for place in range(0, bar.maximum(), bar.pageStep()):
                if tell:
                    controller.emit(waveform(TAKES + 1, first, 3))
                    first += 3
                bar.setValue(place)
                until = time.perf_counter() + 0.05
                while time.perf_counter() < until:
                    worst = max(worst, _turn(app))
                    time.sleep(0.001)
            return worst

        quiet = scroll(tell=False)
        growing = scroll(tell=True)
        searching = 0.0
        for letter in "idea 19":
            window.takes.search.insert(letter)
            searching = max(searching, _turn(app))
        drawn = window.takes.list.delegate.waves_drawn
        assert drawn > TAKES / 2, f"only {drawn} waveforms were drawn"
        bridge.close()
        window.close_down()
    return {
        "library_read": _figure(read, "s"),
        "library_open": _figure(opened, "s"),
        "library_block": _figure(1000 * quiet, "ms"),
        "library_block_growing": _figure(1000 * growing, "ms"),
        "library_search": _figure(1000 * searching, "ms"),
    }


def _turn(app: Any) -> float:
    """Seconds of one turn of the event loop."""
    begun = time.perf_counter()
    app.processEvents()
    return time.perf_counter() - begun


def _settle(app: Any) -> None:
    until = time.perf_counter() + 0.5
    while time.perf_counter() < until:
        app.processEvents()
        time.sleep(0.005)


def _figure(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "baseline": None, "ratio": None}
