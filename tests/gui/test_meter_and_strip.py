"""What the painted widgets know, without looking at pixels."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from gui import wave_columns
from gui.meter import FLOOR, Meter
from gui.waveform_strip import WaveformStrip


def test_meters_fall_and_rest(qtbot: QtBot) -> None:
    meter = Meter("Out")
    qtbot.addWidget(meter)
    meter.show_levels((0.0012, 0.0011))  # just above the floor, so that it is soon over
    assert max(meter.levels) > FLOOR
    qtbot.waitUntil(lambda: meter.levels == (FLOOR, FLOOR))
    assert max(meter.holds) > FLOOR  # the peak is held longer
    qtbot.waitUntil(lambda: meter.holds == (FLOOR, FLOOR), timeout=3000)


def test_columns_hold_the_extremes(qtbot: QtBot) -> None:
    strip = WaveformStrip()
    qtbot.addWidget(strip)
    strip.begin(1, expected=4.0, bar=2.0)
    peaks = np.zeros((100, 2), np.float32)
    peaks[10] = (-0.9, 0.8)
    strip.add(0, peaks)
    columns = wave_columns.columns(strip.peaks(), *strip.span(), 20)  # ten peaks a column
    assert columns[1].tolist() == [np.float32(-0.9), np.float32(0.8)]
    assert np.isnan(columns[10:]).all()
    assert not np.isnan(columns[:10]).any()


def test_a_long_endless_take_shows_its_end(qtbot: QtBot) -> None:
    strip = WaveformStrip()
    qtbot.addWidget(strip)
    strip.begin(1, expected=0.0, bar=2.0)
    strip.add(0, np.zeros((50 * 100, 2), np.float32))
    assert strip.span() == (70.0, 100.0)
