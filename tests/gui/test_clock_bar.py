"""The clock that is shown is the one that leads; lamps wake up once a beat, when they are seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import (
    AlternativesReady,
    ClockTold,
    LoopMade,
    ParameterChanged,
    Problem,
    Scheduled,
    Status,
    StatusChanged,
)
from gui.beat_display import BeatDisplay
from gui.main_window import MainWindow
from gui.parameter_fields import ParameterChoice
from gui.rehearsal import Rehearsal


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_bar_and_beat_and_the_bar_that_is_waited_for(qtbot: QtBot) -> None:
    clock = Hands()
    lamps = BeatDisplay(clock=clock)
    qtbot.addWidget(lamps)
    lamps.show_clock(ClockTold(9.5, 100.0, 120.0, rolling=True, beats=4))
    assert lamps.place == (3, 2)
    lamps.wait_for(5)
    assert lamps.waits_for == 5
    assert lamps.landing(every=1) == 4
    assert lamps.landing(every=4) == 5
    assert lamps.landing(every=0) == 0
    clock.now += 4.0
    lamps.show_clock(ClockTold(17.5, clock.now, 120.0, rolling=True, beats=4))
    assert (lamps.place, lamps.waits_for) == ((5, 2), 0)
    lamps.show_clock(ClockTold(17.5, clock.now, 120.0, rolling=False, beats=4))
    assert lamps.landing(every=1) == 0
    assert "no clock" in lamps.accessibleDescription()


def test_lamps_sleep_while_nobody_sees_them_or_nothing_rolls(qtbot: QtBot) -> None:
    lamps = BeatDisplay()
    qtbot.addWidget(lamps)
    rolling = ClockTold(0.0, 0.0, 120.0, rolling=True, beats=4)
    lamps.show_clock(rolling)
    assert not lamps.ticking
    lamps.show()
    assert lamps.ticking
    lamps.hide()
    assert not lamps.ticking
    lamps.show()
    lamps.show_clock(replace(rolling, rolling=False))
    assert not lamps.ticking


def test_they_wake_up_once_a_beat(qtbot: QtBot) -> None:
    lamps = BeatDisplay()
    qtbot.addWidget(lamps)
    lamps.show()
    bars: list[int] = []
    lamps.bar_began.connect(bars.append)
    import time

    lamps.show_clock(ClockTold(0.0, time.monotonic(), 400.0, rolling=True, beats=1))
    qtbot.waitUntil(lambda: len(bars) >= 3)
    assert bars[:3] == [2, 3, 4]


def test_a_clock_is_chosen_tapped_and_run(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    source = panel.clock.source
    assert isinstance(source, ParameterChoice)
    source.setCurrentIndex(2)
    source.activated.emit(2)
    panel.clock.tap.pressed.emit()
    panel.clock.link.click()
    panel.clock.run.click()
    parameter, tap, link, run = controller.commands
    assert (parameter, tap, link) == (
        ask.SetParameter("clock", 2.0), ask.TapTempo(), ask.SetParameter("link", 1.0),
    )  # fmt: skip
    assert isinstance(run, ask.ClockRolling)
    assert (run.source, run.rolling) == (ask.ClockSource.INTERNAL, True)


def test_who_leads_and_who_is_there_is_shown(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(
        StatusChanged(Status(state="idle", clock="link", link_peers=2, rolling=True)),
        ParameterChanged("link", 1.0),
    )
    qtbot.waitUntil(lambda: panel.clock.link.text() == "Link 2")
    assert panel.clock.link.isChecked()
    assert panel.clock.source.currentText() == "Any: Link"
    assert not panel.clock.run.isEnabled(), "another clock leads"


def test_where_an_act_lands_is_said(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    told = ClockTold(4.0 * 10**7, 0.0, 20.0, rolling=True, beats=4)
    controller.emit(told, Scheduled(3, 2 * 10**7, 3.0))
    landing = panel.transport.landing
    qtbot.waitUntil(lambda: landing.full_text().startswith("→ bar 1"))
    assert panel.clock.beat.waits_for == 2 * 10**7
    controller.emit(ParameterChanged("quantize", 0.0))
    qtbot.waitUntil(lambda: landing.full_text() == "→ at once")
    controller.emit(replace(told, rolling=False))
    qtbot.waitUntil(lambda: landing.full_text() == "")


def test_alternatives_are_made_shown_and_swapped(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    row = panel.alternatives
    assert not row.make.isEnabled(), "nothing sounds"
    playing = Status(state="playing", take=7, sounding=7)
    controller.emit(StatusChanged(playing))
    qtbot.waitUntil(row.make.isEnabled)
    row.make.click()
    assert "being made" in row.note.full_text()
    controller.emit(Problem("bad_input", "take 7 has no bar left"))
    qtbot.waitUntil(lambda: "being made" not in row.note.full_text())
    controller.emit(AlternativesReady((8, 9, 7)))
    qtbot.waitUntil(row.buttons[0].isVisible)
    assert [b.text() for b in row.buttons if b.isVisible()] == ["Take 8", "Take 9", "Original 7"]
    row.buttons[1].click()
    assert controller.commands == [ask.MakeAlternatives(2), ask.Swap(2)]
    assert [b.isChecked() for b in row.buttons[:3]] == [False, False, True], "not before its bar"
    controller.emit(StatusChanged(replace(playing, sounding=9)))
    qtbot.waitUntil(row.buttons[1].isChecked)
    controller.emit(AlternativesReady(()))
    qtbot.waitUntil(lambda: not row.buttons[0].isVisible())


@pytest.mark.parametrize(
    ("mended", "said"), [(-1, "no clear beat"), (0, "strayed +12 ms"), (1, "is mended")]
)
def test_a_loop_says_how_its_beat_is(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot, mended: int, said: str
) -> None:
    controller.emit(LoopMade(4, 12.0, 1.0, mended))
    qtbot.waitUntil(lambda: said in panel.header.news.full_text())


def test_a_branch_begins_where_the_waveform_was_clicked(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    from PyQt6.QtCore import QPoint, Qt

    from daw_bridge.events import PromptChanged
    from gui.rehearsal import waveform

    controller.emit(PromptChanged("keys"), waveform(3, 0, 800))
    qtbot.waitUntil(lambda: panel.take.strip.seconds == 16.0)
    assert not panel.actions_.branch.isEnabled()
    strip = panel.take.strip
    place = QPoint(strip.width() // 2 + 2, 30)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=place)
    panel.actions_.branch.trigger()
    assert controller.commands == [ask.ContinueTake(3, 8.0, "keys")], "the bar line near by"
