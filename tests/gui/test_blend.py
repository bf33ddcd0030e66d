"""Prompts on a surface: weights from a place, a place from weights, and what is sent."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from daw_bridge import commands as ask
from daw_bridge.events import PromptChanged
from gui.blend_shape import corners, nearest, place_of, weights_at
from gui.main_window import MainWindow
from gui.rehearsal import Rehearsal

PLACES = st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))


@given(PLACES, st.integers(1, 8))
def test_weights_are_shares_and_lead_back_to_their_place(
    place: tuple[float, float], count: int
) -> None:
    weights = weights_at(place, count)
    assert len(weights) == count
    assert all(-1e-9 <= weight <= 1 + 1e-9 for weight in weights)
    assert sum(weights) == pytest.approx(1.0)
    if count > 1:
        assert math.dist(place_of(weights), nearest(place, count)) < 1e-6


@pytest.mark.parametrize("count", range(2, 9))
def test_at_a_corner_one_prompt_is_alone(count: int) -> None:
    for number, corner in enumerate(corners(count)):
        alone = [float(n == number) for n in range(count)]
        assert weights_at(corner, count) == pytest.approx(alone, abs=1e-6)


def two_prompts(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    controller.emit(PromptChanged("piano"), PromptChanged("strings", slot=2))
    qtbot.waitUntil(lambda: panel.prompt.pad.weights() == {1: 0.5, 2: 0.5})


def test_a_dot_is_dragged_between_two_prompts(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    two_prompts(panel, controller, qtbot)
    pad = panel.prompt.pad
    middle = pad.rect().center()
    qtbot.mousePress(pad, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(pad, QPoint(pad.width(), middle.y()))
    qtbot.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=middle)
    last = controller.sent(ask.SetPromptSlot)[-2:]
    assert [(c.slot, c.text, c.weight) for c in last] == [(1, None, 0.0), (2, None, 1.0)]
    assert panel.prompt.chips.chips[2].text() == "B 100%"
    qtbot.keyClick(pad, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: controller.sent(ask.SetPromptSlot)[-1].weight == pytest.approx(0.96))
    assert "A 4%" in pad.accessibleDescription()


def test_others_move_the_dot(panel: MainWindow, controller: Rehearsal, qtbot: QtBot) -> None:
    two_prompts(panel, controller, qtbot)
    controller.emit(PromptChanged("strings", slot=2, weight=3.0))
    qtbot.waitUntil(lambda: panel.prompt.pad.weights() == {1: 0.25, 2: 0.75})
    controller.emit(PromptChanged("", slot=2))
    qtbot.waitUntil(lambda: panel.prompt.pad.weights() == {1: 1.0})
    assert controller.sent(ask.SetPromptSlot) == []


def test_a_prompt_is_added_typed_and_taken_out(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    controller.emit(PromptChanged("piano"))
    qtbot.waitUntil(lambda: panel.prompt.text() == "piano")
    chips = panel.prompt.chips
    chips.more.click()
    qtbot.keyClicks(panel.prompt.edit, "slow strings")
    assert panel.prompt.text() == "piano", "the first one stays the first"
    qtbot.keyClick(panel.prompt.edit, Qt.Key.Key_Return)
    assert controller.sent(ask.SetPromptSlot) == [ask.SetPromptSlot(2, "slow strings")]
    controller.emit(PromptChanged("slow strings", slot=2))
    qtbot.waitUntil(lambda: len(panel.prompt.pad.weights()) == 2)
    chips.remove.click()
    assert controller.sent(ask.SetPromptSlot)[-1] == ask.SetPromptSlot(2, "")
    assert panel.prompt.edit.toPlainText() == "piano"


def test_what_to_avoid_is_a_prompt_of_its_own(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    panel.prompt.chips.choose(ask.NEGATIVE_SLOT)
    qtbot.keyClicks(panel.prompt.edit, "vocals")
    panel.prompt.use.click()
    assert controller.commands == [ask.SetNegative("vocals")]


def test_generate_takes_what_was_typed_everywhere(
    panel: MainWindow, controller: Rehearsal, qtbot: QtBot
) -> None:
    qtbot.keyClicks(panel.prompt.edit, "piano")
    panel.prompt.chips.more.click()
    qtbot.keyClicks(panel.prompt.edit, "strings")
    panel.transport.generate.click()
    assert controller.commands == [ask.SetPromptSlot(2, "strings"), ask.Generate("piano")]
