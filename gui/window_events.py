"""What the program tells, shown in the window's parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject

from daw_bridge.events import (
    Accepted,
    AlternativesReady,
    ClockTold,
    Filling,
    LatencyChanged,
    LoopMade,
    ParameterChanged,
    Problem,
    PromptChanged,
    Scheduled,
    Status,
)
from gui.bridge_adapter import BridgeAdapter
from gui.wording import BUSY, filling_text, loop_text, problem_text, scheduled_text

if TYPE_CHECKING:
    from gui.main_window import MainWindow


class WindowEvents(QObject):
    """Connects a bridge's signals to the window; knows the status that was told last."""

    def __init__(self, window: MainWindow, bridge: BridgeAdapter) -> None:
        super().__init__(window)
        self.status = Status()
        self._window = window
        take, takes = window.take, window.takes
        for signal, show in (
            (bridge.status_changed, self._show_status),
            (bridge.parameter_changed, self._show_parameter),
            (bridge.prompt_changed, self._show_prompt),
            (bridge.problem, self._show_problem),
            (bridge.scheduled, self._show_scheduled),
            (bridge.filling, self._show_filling),
            (bridge.latency_changed, self._show_latency),
            (bridge.accepted, self._show_accepted),
            (bridge.alternatives_ready, self._show_alternatives),
            (bridge.loop_made, self._show_loop),
            (bridge.clock_told, self._show_clock),
            (bridge.melody_changed, window.play.melody.show_clip),
            (bridge.style_changed, window.play.style_clip.show_clip),
            (bridge.take_waveform, take.show_waveform),
            (bridge.take_waveform, takes.show_waveform),
            (bridge.take_progress, take.show_progress),
            (bridge.first_audio, take.show_first_audio),
            (bridge.take_saved, take.show_saved),
            (bridge.take_saved, takes.show_saved),
            (bridge.playhead, take.show_head),
            (bridge.playhead, takes.show_playhead),
            (bridge.tree_changed, takes.show_tree),
            (bridge.take_deleted, takes.show_deleted),
            (bridge.meters, take.show_meters),
            (bridge.meters, window.setup.show_meters),
            (bridge.loopback_measured, window.setup.doctor.show_measured),
            (bridge.problem, window.setup.doctor.show_problem),
            (bridge.controller_mapped, window.midi_learn.show_mapped),
            (window.midi_learn.news, self._say),
            (window.midi_learn.waits, self._show_wish),
            (takes.news, self._say),
            (takes.model.current_changed, take.show_current),
            (window.clock.beat.bar_began, lambda _bar: self._show_landing()),
        ):
            signal.connect(show)
        self._show_status(self.status)

    def _show_status(self, status: Status) -> None:
        window = self._window
        before, self.status = self.status, status
        window.header.show_status(status)
        self._show_news(status, before)
        window.clock.show_status(status)
        window.actions_.show_status(status)
        window.parameters.show_status(status)
        window.setup.show_status(status)
        window.models.show_status(status)
        window.take.show_status(status)
        window.takes.show_status(status)
        for clip in window.play.clips:
            clip.show_status(status)
        window.alternatives.show_sounding(status.sounding)
        window.status_line.show_status(status)
        if status.prompt != before.prompt:
            self._show_prompt(PromptChanged(status.prompt, weight=window.prompt.weight))
        if status.problem != before.problem:  # a dismissed one stays dismissed
            self._say_problem(status.problem)

    def _show_parameter(self, event: ParameterChanged) -> None:
        self._window.parameters.show_value(event.name, event.value)
        if event.name == "quantize":
            self._show_landing()

    def _show_prompt(self, event: PromptChanged) -> None:
        self._window.prompt.show_prompt(event.text, event.slot, event.weight)

    def _show_clock(self, told: ClockTold) -> None:
        self._window.clock.beat.show_clock(told)
        self._show_landing()

    def _show_landing(self) -> None:
        beat, window = self._window.clock.beat, self._window
        every = int(window.parameters.value("quantize"))
        window.transport.show_landing(beat.landing(every), rolling=beat.rolling)

    def _show_alternatives(self, event: AlternativesReady) -> None:
        self._window.alternatives.show_ready(event.takes)

    def _show_accepted(self, event: Accepted) -> None:
        """A new take makes an old refusal stale; what is still wrong the status says."""
        if self._window.take.show_accepted(event) and not self.status.problem:
            self._window.error.clear()

    def _show_problem(self, event: Problem) -> None:
        if event.origin.source == "gui":
            self._window.alternatives.show_refused()
            for clip in self._window.play.clips:
                clip.show_refused()
        self._say_problem(problem_text(event))

    def _say_problem(self, text: str) -> None:
        if text:
            self._window.error.say(text)
        else:
            self._window.error.clear()

    def _show_scheduled(self, event: Scheduled) -> None:
        self._say(scheduled_text(event))
        self._window.clock.beat.wait_for(event.bar)

    def _show_filling(self, event: Filling) -> None:
        self._say(filling_text(event))

    def _show_latency(self, event: LatencyChanged) -> None:
        """What was given up for lack of headroom stays in sight until all is as it was."""
        if event.step == "normal":
            self._window.notice.clear()
        else:
            self._window.notice.say(event.text)

    def _show_loop(self, event: LoopMade) -> None:
        self._say(loop_text(event))

    def _show_wish(self, text: str) -> None:
        """What is waited for; an empty text: no more."""
        if text:
            self._window.notice.say(text)
        else:
            self._window.notice.clear()

    def _say(self, text: str) -> None:
        self._window.header.say(text)

    def _show_news(self, status: Status, before: Status) -> None:
        hint = self.tr("You can press Generate already")
        if status.state == "loading":
            self._say(hint)
        elif self._window.header.news.full_text() == hint:
            self._say("")  # a take that waited for the model is under way
        elif status.state == "playing" and before.state != "playing":
            self._say("")  # when it would begin is no news any more
        elif status.state not in BUSY and status.state != before.state:
            self._say("")
            self._window.clock.beat.wait_for(0)
