from __future__ import annotations

from core.generation.params import BarGrid, Prompt, SamplingParams, Steering
from core.generation.stream_plan import StreamPlan

PADS, DRUMS, PIANO = Prompt("pads"), Prompt("drums"), Prompt("piano")
WARM, COLD = SamplingParams(temperature=1.1), SamplingParams(temperature=0.5, guidance=1.0)


def plan(
    *changes: Steering, begun: int = 0, end: int | None = None, bars: BarGrid | None = None
) -> StreamPlan:
    return StreamPlan(PADS, WARM, changes, begun, end, 60, 3, bars)


def told(one: StreamPlan, steps: range) -> list[str]:
    return [one.at(step).prompt.text for step in steps]


def test_a_change_comes_when_its_frame_does_and_comes_again_after_a_rewind() -> None:
    made = plan(Steering(9, PIANO, WARM), Steering(5, DRUMS, COLD), begun=10)
    assert made.changes_to_come
    assert not made.changes_by(14)
    assert made.changes_by(15)
    made.make_change(16)
    assert told(made, range(15, 18)) == ["pads", "drums", "drums"]
    assert (made.branches(15), made.branches(16)) == (("told", "null"), ("told",))
    made.rewind(13)
    assert told(made, range(12, 30)) == ["pads"] * 18
    assert [made.changes_by(frame) for frame in (14, 15)] == [False, True]
    made.make_change(16)
    assert made.changes_by(19)


def test_what_is_told_now_takes_the_place_of_what_was_to_come() -> None:
    made = plan(Steering(5, DRUMS, WARM))
    made.change(3, prompt=PIANO)
    assert not made.changes_to_come
    assert told(made, range(1, 9)) == ["pads"] * 2 + ["piano"] * 6
    made.change(6, sampling=COLD)
    assert (made.at(6).prompt, made.at(6).sampling) == (PIANO, COLD)


def test_steps_that_are_alike_end_before_a_change_the_end_and_another_window() -> None:
    assert plan().alike(5, 0, 8) == 8
    assert plan().alike(60, 0, 8) == 4  # 63 steps look back on frame 0
    assert plan().alike(60, 39, 8) == 0
    assert plan(end=10).alike(9, 0, 8) == 5  # the last codebook lags three steps
    made = plan(Steering(10, DRUMS, WARM))
    assert made.alike(9, 0, 8) == 5  # what was drawn beyond it is drawn anew
    made.make_change(11)
    assert made.alike(9, 0, 8) == 2


def test_windows_begin_on_bar_lines_counted_from_the_first_new_frame() -> None:
    made = plan(begun=20, bars=BarGrid(10, 4))
    seen = {made.first_seen(step) for step in range(1, 200)}
    assert all((first - 24) % 10 == 0 for first in seen - {0})
    assert len(seen) > 3
    assert all(step - made.first_seen(step) <= made.longest for step in range(1, 200))
