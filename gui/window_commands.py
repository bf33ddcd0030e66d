"""What a person does in the window, as commands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from daw_bridge import commands as ask
from gui.bridge_adapter import Submit

if TYPE_CHECKING:
    from gui.main_window import MainWindow


def connect_commands(window: MainWindow, submit: Submit) -> None:
    """Each signal of a part becomes its command."""
    actions, prompt, card = window.actions_, window.prompt, window.take.card
    actions.prompt_used.connect(prompt.mark_used)
    actions.prompt_used.connect(lambda _text: prompt.commit())
    actions.file_wanted.connect(
        lambda: window.ask_for_clip(window.tr("A clip to continue"), actions.continue_path)
    )
    actions.alternatives_asked.connect(window.alternatives.asked)
    actions.branch_wanted.connect(lambda: _branch(window))
    window.clip_drop.dropped.connect(actions.continue_path)
    card.continue_wanted.connect(lambda take: actions.continue_take(take))
    window.take.strip.cursor_moved.connect(
        lambda: actions.branch.setEnabled(window.take.strip.cursor_at is not None)
    )
    window.alternatives.swapped.connect(lambda number: submit(ask.Swap(number)))

    prompt.prompt_set.connect(lambda text: submit(ask.SetPrompt(text)))
    prompt.slot_set.connect(lambda slot, text: submit(_slot_command(slot, text)))
    prompt.weights_set.connect(lambda weights: _set_weights(submit, weights))
    prompt.preset_chosen.connect(lambda name: submit(ask.RecallPreset(name)))
    melody, style = window.play.melody, window.play.style_clip
    melody.chosen.connect(lambda path: submit(ask.SetMelody(path)))
    melody.file_wanted.connect(
        lambda: window.ask_for_clip(window.tr("A melody to follow"), melody.choose)
    )
    style.chosen.connect(lambda path: submit(ask.SetStyle(path)))
    style.file_wanted.connect(
        lambda: window.ask_for_clip(window.tr("A clip whose style to follow"), style.choose)
    )

    parameters = window.parameters
    parameters.edited.connect(lambda name, value: submit(ask.SetParameter(name, value)))
    clock = window.clock
    clock.tapped.connect(lambda: submit(ask.TapTempo()))
    clock.run_wanted.connect(
        lambda on: submit(ask.ClockRolling(ask.ClockSource.INTERNAL, on, time.monotonic()))
    )
    window.model.chosen.connect(lambda model: submit(ask.UseModel(model)))
    window.output.chosen.connect(lambda device: submit(ask.UseOutput(device)))
    window.input.chosen.connect(lambda device: submit(ask.UseInput(device)))
    doctor = window.setup.doctor
    doctor.wanted.connect(lambda: submit(ask.MeasureLoopback()))
    doctor.buffer_wanted.connect(lambda value: submit(ask.SetParameter("buffer", value)))
    window.models.chosen.connect(lambda model: submit(ask.UseModel(model)))
    window.guide.output_chosen.connect(lambda device: submit(ask.UseOutput(device)))
    window.guide.check_wanted.connect(lambda: window.pages.show_page("set-up"))
    window.guide.check_wanted.connect(window.setup.show_doctor)
    window.status_line.setup_wanted.connect(lambda: window.pages.show_page("set-up"))


def _branch(window: MainWindow) -> None:
    strip = window.take.strip
    if strip.take and strip.cursor_at is not None:
        window.actions_.continue_take(strip.take, strip.cursor_at)


def _slot_command(slot: int, text: str) -> ask.Command:
    if slot == ask.NEGATIVE_SLOT:
        return ask.SetNegative(text)
    return ask.SetPromptSlot(slot, text)


def _set_weights(submit: Submit, weights: dict[int, float]) -> None:
    for slot, weight in weights.items():
        submit(ask.SetPromptSlot(slot, weight=weight))
