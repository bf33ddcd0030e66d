"""The Guide page, and the texts that it shares with the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.guide import daws, loopbacks, routes
from gui.device_chooser import DeviceList
from gui.guide_page import GuidePage
from gui.main_window import MainWindow
from gui.rehearsal import Rehearsal

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("platform", "first"), [("linux", "JACK"), ("darwin", "BlackHole"), ("win32", "VB-Cable")]
)
def test_each_system_has_its_ways_and_all_have_one_without_a_device(platform, first) -> None:
    here = routes(platform)
    assert first in here[0].title
    assert here[-1].key == "without-loopback"
    listed = (DOCS / "routing.md").read_text(encoding="utf-8")
    assert all(f"routes/{chapter.key}.md" in listed for chapter in here)


def test_the_daws_that_people_have_come_first_and_no_link_leads_to_a_file() -> None:
    chapters = daws()
    assert [c.key for c in chapters][:5] == ["ableton", "reaper", "bitwig", "logic", "ardour"]
    for chapter in (*chapters, *routes()):
        assert "](.." not in chapter.text
        assert chapter.title in chapter.text


def test_loopback_devices_are_told_from_loudspeakers() -> None:
    names = ["Speakers, Core Audio", "BlackHole 2ch, Core Audio", "CABLE Input, Windows WASAPI"]
    assert loopbacks(names) == tuple(names[1:])


def test_a_loopback_device_is_one_click_away(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.pages.show_page("guide")
    guide = panel.guide
    guide.show_devices([("output", "Speakers, ALSA"), ("input", "BlackHole 2ch, Core Audio")])
    assert "No loopback device" in guide.found.text()
    assert not guide.use.isVisible()
    guide.show_devices([("output", "BlackHole 2ch, Core Audio")])
    assert guide.use.text() == "&Play into BlackHole 2ch"
    guide.use.click()
    assert controller.sent(ask.UseOutput)[-1].device == "BlackHole 2ch, Core Audio"
    guide.check.click()
    assert panel.pages.current == "set-up"
    assert panel.setup.doctor.measure.hasFocus()


def test_chapters_are_read_with_the_keyboard(qtbot: QtBot) -> None:
    guide = GuidePage(DeviceList(None))
    qtbot.addWidget(guide)
    assert routes()[0].title in guide.text.toPlainText()
    guide.chapters.setCurrentRow(guide.chapters.count() - 1)
    assert daws()[-1].title in guide.text.toPlainText()
