"""Each event shows, and what a person is typing is never overwritten."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from daw_bridge.commands import Origin
from daw_bridge.events import (
    Accepted,
    Filling,
    FirstAudio,
    LatencyChanged,
    ParameterChanged,
    Problem,
    PromptChanged,
    Scheduled,
    Status,
    StatusChanged,
    TakeProgress,
    TakeSaved,
)
from gui.bridge_adapter import BridgeAdapter
from gui.main_window import MainWindow
from gui.panel_settings import PanelSettings
from gui.parameter_fields import SeedBox
from gui.rehearsal import Rehearsal, levels, waveform

READY = Status(state="idle", model="starter", device="cpu", licence="CC0-1.0", output="speakers",
               output_rate=48000, headroom=2.5, tempo=120)  # fmt: skip


def test_a_status_shows_everywhere(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    controller.emit(StatusChanged(replace(READY, state="playing", buffered=3.2, underruns=2)))
    qtbot.waitUntil(lambda: panel.header.state.text() == "Playing")
    assert panel.clock.text.text() == "Internal clock 120.0 bpm"
    details = panel.status_line.details.full_text()
    for part in ("2.5× real time", "3.2 s ahead", "2 dropouts"):
        assert part in details
    assert "larger buffer" in panel.status_line.details.toolTip()
    assert panel.status_line.details.property("role") == "warning"
    assert panel.model.note.text() == "runs on cpu · licence CC0-1.0"
    assert panel.output.combo.currentText() == "speakers"
    assert panel.output.note.text() == "48 kHz"
    assert "9770" in panel.status_line.port.text()


def test_what_only_a_style_model_uses_is_shown_with_one_alone(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.parameters.more.setChecked(True)
    assert not panel.parameters.fields["style_detail"].isVisible()
    controller.emit(StatusChanged(replace(READY, hears_style=True)))
    qtbot.waitUntil(panel.parameters.fields["style_detail"].isVisible)


def test_loading_shows_a_bar_and_ends(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.pages.show_page("set-up")
    controller.emit(StatusChanged(Status(state="loading", model="a/b", model_progress=0.3)))
    qtbot.waitUntil(lambda: panel.model.progress.value() == 30)
    assert panel.model.progress.isVisible()
    assert panel.header.state.text() == "Loading model 30 %"
    assert panel.model.combo.currentData() == "a/b"
    assert panel.transport.generate.isEnabled()  # the request waits for the model
    panel.pages.show_page("play")
    assert panel.take.progress.isVisible()
    assert panel.take.progress.value() == 300
    assert panel.take.progress_label.full_text() == "Loading a/b"
    controller.emit(Accepted(4, Origin()), StatusChanged(Status(state="loading", model="a/b")))
    qtbot.waitUntil(lambda: panel.take.progress.maximum() == 0)  # nobody knows: it only moves
    assert "Generate" in panel.header.news.full_text()
    controller.emit(StatusChanged(READY))
    qtbot.waitUntil(lambda: not panel.take.progress.isVisible())
    assert panel.model.progress.isHidden()
    assert panel.model.combo.currentData() == "starter"
    controller.emit(StatusChanged(replace(READY, state="generating", take=4)))
    qtbot.waitUntil(panel.take.progress.isVisible)
    assert panel.take.progress_label.full_text() == "Take 4: 0 %"
    assert panel.header.news.full_text() == ""


def test_a_folder_stays_chosen_under_its_loaded_name(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    before = panel.model.combo.count()
    controller.emit(StatusChanged(Status(state="loading", model="/home/me/my-tune")))
    controller.emit(StatusChanged(replace(READY, model="my-tune")))
    qtbot.waitUntil(lambda: panel.header.state.text() == "Ready")
    assert panel.model.combo.currentData() == "/home/me/my-tune"
    assert panel.model.combo.currentText() == "my-tune"
    assert panel.model.combo.count() == before + 1


def test_a_take_grows(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    controller.emit(StatusChanged(READY), Accepted(4, Origin()))
    for first in range(0, 400, 50):
        controller.emit(waveform(4, first, 50))
    controller.emit(
        StatusChanged(replace(READY, state="generating", take=4, buffered=2.0)),
        TakeProgress(4, 0.5),
        FirstAudio(4, 830.0),
        levels(0.5),
    )
    strip = panel.take.strip
    qtbot.waitUntil(lambda: panel.take.progress.value() == 500)
    assert strip.seconds == 8.0
    assert strip.expected == 16.0  # 8 bars of 4 at 120 bpm
    assert panel.take.progress_label.full_text() == "Take 4: 50 %"
    assert max(panel.take.output_meter.levels) > -30  # it came at -6, and falls
    assert "0.83 s" in strip.toolTip()


def test_stop_is_accepted_without_a_new_take(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(StatusChanged(replace(READY, take=9)), Accepted(9, Origin()))
    controller.emit(waveform(8, 0, 50))
    qtbot.wait(30)
    assert panel.take.strip.take == 8  # 9 was never ours to draw


def test_an_older_takes_audio_is_left_out(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(Accepted(2, Origin()), waveform(2, 0, 50), waveform(1, 50, 500))
    qtbot.waitUntil(lambda: panel.take.strip.seconds == 1.0)


def test_a_saved_take_can_be_found(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot, tmp_path, monkeypatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    file = tmp_path / "0003.wav"
    controller.emit(TakeSaved(3, str(file), 16.0))
    qtbot.waitUntil(panel.take.card.isVisible)
    assert "16.0 s" in panel.take.card.text()
    assert panel.take.card.mime_data().urls() == [QUrl.fromLocalFile(str(file))]
    qtbot.mouseClick(panel.take.card.folder_button, Qt.MouseButton.LeftButton)
    assert opened == [QUrl.fromLocalFile(str(tmp_path))]


def test_a_problem_shows_until_dismissed_or_solved(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(Problem("bad_clip", "loop.wav is silent; send a clip with sound"))
    qtbot.waitUntil(lambda: panel.error.text == "loop.wav is silent; send a clip with sound")
    qtbot.mouseClick(panel.error.close_button, Qt.MouseButton.LeftButton)
    assert panel.error.text == ""

    broken = replace(READY, state="error", problem="the engine died; it starts again")
    controller.emit(StatusChanged(broken))
    qtbot.waitUntil(lambda: panel.error.text == broken.problem)
    qtbot.mouseClick(panel.error.close_button, Qt.MouseButton.LeftButton)
    controller.emit(StatusChanged(replace(broken, buffered=1.0)))
    qtbot.wait(20)
    assert panel.error.text == ""  # dismissed stays dismissed
    controller.emit(StatusChanged(replace(broken, problem="another")), StatusChanged(READY))
    qtbot.wait(20)
    assert panel.error.text == ""  # solved


def test_a_problem_says_who_asked(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    origin = Origin("osc", ("127.0.0.1", 9000), "/musicgen/bars")
    controller.emit(Problem("bad_input", "bars 99 is out of range", origin))
    qtbot.waitUntil(lambda: panel.error.text == "OSC /musicgen/bars: bars 99 is out of range")


def test_a_new_take_makes_a_refusal_stale(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(Problem("bad_clip", "loop.wav is silent"), Accepted(0, Origin()))
    qtbot.waitUntil(lambda: panel.error.text == "loop.wav is silent")
    controller.emit(Accepted(1, Origin()))
    qtbot.waitUntil(lambda: panel.error.text == "")


def test_a_late_start_is_said(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    controller.emit(StatusChanged(replace(READY, state="scheduled")), Scheduled(2, 9, 1.5, 1))
    wanted = "Take 2 starts on bar 9, in 1.5 s (one bar late)"
    qtbot.waitUntil(lambda: panel.header.news.full_text() == wanted)


def test_parameters_follow_others_and_send_nothing_back(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(
        ParameterChanged("bars", 1), ParameterChanged("seed", 77),
        ParameterChanged("guidance", 4.5), ParameterChanged("of another version", 1),
    )  # fmt: skip
    qtbot.waitUntil(lambda: panel.parameters.value("guidance") == 4.5)
    assert panel.parameters.value("bars") == 1
    seed = panel.parameters.fields["seed"]
    assert isinstance(seed, SeedBox)
    assert (seed.spin.value(), seed.new_each_time.isChecked()) == (77, False)
    assert controller.commands == []


def test_a_midi_clock_takes_the_tempo_over(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(StatusChanged(replace(READY, clock="midi", tempo=93.5, rolling=True)))
    tempo = panel.parameters.fields["tempo"]
    qtbot.waitUntil(lambda: not tempo.isEnabled())
    assert panel.parameters.value("tempo") == 93.5
    controller.emit(StatusChanged(READY))
    qtbot.waitUntil(tempo.isEnabled)
    assert controller.commands == []


def test_typing_is_never_overwritten(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(PromptChanged("from OSC"))
    qtbot.waitUntil(lambda: panel.prompt.text() == "from OSC")
    panel.prompt.edit.setFocus()
    qtbot.keyClicks(panel.prompt.edit, " and me")
    controller.emit(PromptChanged("from OSC again"))
    qtbot.wait(20)
    assert panel.prompt.text() == "from OSC and me"
    assert panel.prompt.use.isEnabled()


def test_history_goes_back_and_is_kept(
    panel: MainWindow, bridge: BridgeAdapter, qtbot: QtBot, settings: PanelSettings
) -> None:
    for text in ("one", "two", "one"):
        panel.prompt.edit.setPlainText(text)
        panel.transport.generate.click()
    assert panel.prompt.past() == ["two", "one"]
    panel.prompt.edit.clear()
    for text in ("one", "two", "two"):
        qtbot.keyClick(panel.prompt.edit, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
        assert panel.prompt.text() == text
    panel.close_down()
    assert MainWindow(bridge, {}, 0, None, settings).prompt.past() == ["two", "one"]


def test_events_from_another_thread_while_painting(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    def stream() -> None:
        for block in range(100):
            controller.emit(waveform(1, 50 * block, 50), levels(0.5), TakeProgress(1, block / 99))
            time.sleep(0.002)

    thread = threading.Thread(target=stream)
    thread.start()
    qtbot.waitUntil(lambda: panel.take.strip.seconds == 100.0, timeout=5000)
    thread.join()
    qtbot.waitUntil(lambda: panel.take.progress.value() == 1000)


def test_what_is_given_up_for_headroom_stays_in_sight_until_it_is_back(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(LatencyChanged("guidance off", True, "guidance is off for now"))
    qtbot.waitUntil(lambda: panel.notice.text == "guidance is off for now")
    controller.emit(StatusChanged(replace(READY, state="playing", latency="guidance off")))
    qtbot.waitUntil(lambda: "guidance off" in panel.status_line.details.full_text())
    controller.emit(LatencyChanged("normal", False, "latency is back to normal"))
    qtbot.waitUntil(lambda: panel.notice.text == "")


def test_a_take_that_fills_says_when_it_starts(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(Filling(3, 12.4))
    said = "Take 3 starts when enough of it is made, in about 12 s"
    qtbot.waitUntil(lambda: panel.header.news.full_text() == said)
    controller.emit(StatusChanged(replace(READY, state="generating", starts_in=11.6)))
    qtbot.waitUntil(lambda: "starts in 12 s" in panel.status_line.details.full_text())
