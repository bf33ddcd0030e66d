"""Events cross to Qt's thread: in order, throttled where only the latest counts."""

from __future__ import annotations

import threading

from PyQt6.QtCore import QThread
from pytestqt.qtbot import QtBot

from daw_bridge.commands import Stop
from daw_bridge.events import MeterLevels, PromptChanged, Status, StatusChanged, TakeProgress
from gui.bridge_adapter import BridgeAdapter
from gui.rehearsal import Rehearsal


def from_another_thread(work) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


def test_events_of_another_thread_arrive_on_ours_in_order(
    controller: Rehearsal, bridge: BridgeAdapter, qtbot: QtBot
) -> None:
    seen: list[tuple[str, bool]] = []
    bridge.prompt_changed.connect(
        lambda event: seen.append((event.text, QThread.currentThread() is bridge.thread()))
    )
    from_another_thread(
        lambda: [controller.emit(PromptChanged(str(number))) for number in range(500)]
    )
    assert seen == []  # nothing runs on the emitting thread
    qtbot.waitUntil(lambda: len(seen) == 500)
    assert seen == [(str(number), True) for number in range(500)]


def test_an_event_emitted_on_our_own_thread_is_queued_too(
    controller: Rehearsal, bridge: BridgeAdapter, qtbot: QtBot
) -> None:
    seen: list[Status] = []
    bridge.status_changed.connect(seen.append)
    controller.emit(StatusChanged(Status(state="idle")))
    assert seen == []
    qtbot.waitUntil(lambda: len(seen) == 1)


def test_meters_are_throttled_and_the_latest_wins(
    controller: Rehearsal, bridge: BridgeAdapter, qtbot: QtBot
) -> None:
    seen: list[MeterLevels] = []
    bridge.meters.connect(seen.append)
    for step in range(200):
        controller.emit(MeterLevels((step / 200,), ()))
        if step % 20 == 0:
            qtbot.wait(5)
    controller.emit(MeterLevels((0.75,), ()))
    qtbot.waitUntil(lambda: bool(seen) and seen[-1].output == (0.75,))
    assert len(seen) < 15


def test_what_is_throttled_comes_after_what_it_is_about(
    controller: Rehearsal, bridge: BridgeAdapter, qtbot: QtBot
) -> None:
    seen: list[object] = []
    bridge.prompt_changed.connect(seen.append)
    bridge.take_progress.connect(seen.append)
    controller.emit(PromptChanged("a"), TakeProgress(1, 0.5))
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert [type(event) for event in seen] == [PromptChanged, TakeProgress]


def test_closed_it_is_silent(controller: Rehearsal, bridge: BridgeAdapter, qtbot: QtBot) -> None:
    seen: list[object] = []
    bridge.prompt_changed.connect(seen.append)
    controller.emit(PromptChanged("too late"))
    bridge.close()
    bridge.close()
    qtbot.wait(30)
    assert seen == []
    assert controller.listeners == 0


def test_commands_go_straight_to_the_controller(
    controller: Rehearsal, bridge: BridgeAdapter
) -> None:
    bridge.submit(Stop())
    assert controller.commands == [Stop()]
