"""Panel and tray together, on a desktop without a tray; and the way out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from daw_bridge.commands import AskStatus, RecallPreset
from daw_bridge.events import Status, StatusChanged
from daw_bridge.start_at_login import StartAtLogin
from gui.app import TrayApplication
from gui.icons import ICON_STATES, SIZES, icon_state, state_icon
from gui.panel_settings import PanelSettings
from gui.rehearsal import Rehearsal
from gui.theme import DARK, LIGHT, colours_of, dress, palette_of

CHILD = """
import sys, time
started = time.process_time()
from gui.app import run
from gui.rehearsal import Rehearsal
from PyQt6.QtCore import QTimer

class Spoken(Rehearsal):
    def submit(self, command):
        super().submit(command)
        if len(self.commands) == 1:  # the panel is up and asks
            print(f"open {time.process_time() - started:.3f} {listed}", flush=True)

listed = False

def devices():
    global listed
    time.sleep(30)
    listed = True
    return []

controller = Spoken()
status = run(controller, {"a": "b"}, 9770, devices)
print("left", controller.listeners, "torch" in sys.modules, flush=True)
sys.exit(status)
"""


@pytest.fixture
def application(
    qapp: QApplication, qtbot: QtBot, controller: Rehearsal, settings: PanelSettings
) -> Iterator[TrayApplication]:
    made = TrayApplication(qapp, controller, [("Funk", "funky drums")], 9770, None, settings)
    yield made
    made.close()
    made.deleteLater()


def test_without_a_tray_the_panel_opens_and_says_so(
    application: TrayApplication, controller: Rehearsal
) -> None:
    application.start()
    assert application.window.isVisible()
    assert "no system tray" in application.window.notice.text
    assert AskStatus() in controller.commands


def test_the_menu_offers_everything(application: TrayApplication, controller: Rehearsal) -> None:
    entries = [a.text().replace("&", "") for a in application.tray.menu.actions() if a.text()]
    assert entries == [
        "Starting", "Generate", "Continue input", "Continue file…", "Stop", "Panic", "Presets",
        "Notifications", "Start at login", "Open panel", "Quit",
    ]  # fmt: skip
    application.tray.presets.actions()[0].trigger()
    assert controller.commands == [RecallPreset("Funk")]


def test_what_is_ticked_in_the_menu_is_kept(
    application: TrayApplication, settings: PanelSettings
) -> None:
    application.notifications.trigger()
    assert not application.tray.notifies
    assert not settings.notifications
    assert not StartAtLogin().on
    application.at_login.trigger()
    assert StartAtLogin().on
    application.at_login.trigger()
    assert not StartAtLogin().on


def test_an_entry_that_cannot_be_written_is_told_and_stays_off(
    application: TrayApplication,
) -> None:
    folder = StartAtLogin().path.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    application.at_login.trigger()
    assert not application.at_login.isChecked()
    assert "cannot be written" in application.window.error.text


def test_the_tooltip_tells_the_state(
    application: TrayApplication, controller: Rehearsal, qtbot: QtBot
) -> None:
    status = Status(state="playing", model="starter", device="cpu", headroom=2.0, clock="midi")
    controller.emit(StatusChanged(status))
    wanted = "daw-bridge: Playing\nstarter on cpu\nMIDI clock 120.0 bpm\n2.0× real time"
    qtbot.waitUntil(lambda: application.tray.icon.toolTip() == wanted)


def test_what_the_start_has_to_tell_is_read_in_the_panel(
    qapp: QApplication, qtbot: QtBot, controller: Rehearsal, tmp_path: Path
) -> None:
    """People who never open a terminal see it, and no more of it than there is room for."""
    (tmp_path / "panel.ini").write_text("[panel\nopen=1")
    settings = PanelSettings(tmp_path / "panel.ini")
    notes = [f"take {take} was cut short last time" for take in range(1, 9)]
    made = TrayApplication(qapp, controller, [], 0, None, settings, notes=notes)
    try:
        made.start()
        lines = made.window.notice.text.splitlines()
    finally:
        made.close()
        made.deleteLater()
    assert "panel.ini is damaged" in lines[0]
    assert lines[1:3] == notes[:2]
    assert lines[3].startswith("… and 6 more")
    assert "no system tray" in lines[4]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_opens_with_two_seconds_of_work_and_signals_end_it(number: signal.Signals) -> None:
    """… and before the devices, which may take their time, are listed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        word, seconds, listed = child.stdout.readline().split()
        assert (word, listed) == ("open", "False")
        child.send_signal(number)
        try:
            rest, _ = child.communicate(timeout=10)
        finally:
            child.kill()
    assert rest == "left 0 False\n"
    assert child.returncode == 0
    assert float(seconds) < 2


@pytest.mark.parametrize("state", ICON_STATES)
def test_icons_read_on_light_and_dark_trays(qapp: QApplication, state: str) -> None:
    """The glyph stands out from the tile, and the tile's edge or ground from any tray."""
    for size in SIZES[:4]:
        image = state_icon(state).pixmap(size, size).toImage()
        inner = [
            image.pixelColor(x, y).lightness()
            for x in range(size // 5, size - size // 5)
            for y in range(size // 5, size - size // 5)
        ]
        assert max(inner) - min(inner) > 100
        assert image.pixelColor(0, 0).alpha() < 128


def test_every_state_has_an_icon() -> None:
    states = ("starting", "loading", "idle", "scheduled", "generating", "playing", "error")
    assert {icon_state(state) for state in states} == set(ICON_STATES)
    assert icon_state("of another version") == "idle"


def luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    c = QColor(colour)
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())


@pytest.mark.parametrize("colours", [DARK, LIGHT])
def test_text_can_be_read(qapp: QApplication, colours) -> None:
    """4.5:1, what WCAG asks of body text."""
    pairs = [
        (ink, colours.window)
        for ink in (colours.text, colours.muted, colours.generating, colours.playing,
                    colours.warning, colours.error)
    ]  # fmt: skip
    pairs += [
        (colours.text, colours.surface), (colours.muted, colours.surface),
        (colours.text, colours.raised), (colours.error, colours.raised),
        (colours.on_accent, colours.accent), (colours.text, colours.error_ground),
        (colours.text, colours.notice_ground),
    ]  # fmt: skip
    for one, other in pairs:
        low, high = sorted((luminance(one), luminance(other)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (one, other)


def test_a_palette_knows_its_scheme(qapp: QApplication) -> None:
    assert colours_of(palette_of(DARK)) is DARK
    assert colours_of(palette_of(LIGHT)) is LIGHT


def test_the_panel_follows_a_change_of_scheme(
    application: TrayApplication, qapp: QApplication
) -> None:
    before = qapp.palette(), qapp.styleSheet()
    button = application.window.transport.stop
    shades = []
    for colours in (DARK, LIGHT):
        dress(qapp, colours)
        image = button.icon().pixmap(16, 16).toImage()
        shades.append(image.pixelColor(8, 8).lightness())
    qapp.setStyleSheet(before[1])
    qapp.setPalette(before[0])
    assert shades[0] > 200
    assert shades[1] < 60
