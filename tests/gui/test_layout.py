"""Every scene of the pictures at 900 × 600: nothing is cut off, nothing lies on something else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtWidgets import QApplication, QLabel, QWidget

from gui.scenes import scenes, takes_on_disk
from gui.stage import staged
from gui.theme import LIGHT, dress
from tests.gui.layout_faults import faults

SAME_VIEW = "guide-"  # with another text in it
MAY_GIVE_WAY = {"11 · "}  # a prompt as a title: it may be of any length


@pytest.fixture
def dressed(qapp: QApplication) -> Iterator[None]:
    """As the program looks; other tests do without."""
    palette = qapp.palette()
    dress(qapp, LIGHT)
    yield
    qapp.setStyleSheet("")
    qapp.setPalette(palette)


@pytest.mark.timeout(120)
def test_nothing_is_cut_off_and_nothing_overlaps(dressed: None, tmp_path: Path) -> None:
    found = {}
    records = takes_on_disk(tmp_path)
    for name in scenes(records, 0.0):
        if name.startswith(SAME_VIEW):
            continue
        scene = scenes(records, time.monotonic())[name]
        with staged(scene, settle=20) as window:
            assert scene.ready(window), name
            assert (window.width(), window.height()) == (900, 600)
            found[name] = faults(window, MAY_GIVE_WAY)
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_what_is_cut_off_would_be_found(dressed: None, qapp: QApplication) -> None:
    window = QWidget()
    one, other = QLabel("a long line of text", window), QLabel("below it", window)
    one.setGeometry(0, 0, 40, 20)
    other.setGeometry(20, 10, 200, 20)
    window.resize(120, 60)
    window.show()
    qapp.processEvents()
    lines = "\n".join(faults(window, set()))
    window.close()
    assert "'a long line of text' needs" in lines
    assert "lies on" in lines
    assert "'below it' sticks out" in lines
