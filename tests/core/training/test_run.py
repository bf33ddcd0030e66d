from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from core.errors import BadInput
from core.training.run import Schedule, atomic_save, read_config


@dataclass(frozen=True)
class Shape:
    out: Path
    minutes: float = 1.0
    warm_share: float = 0.5


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    config = read_config(Shape, write(tmp_path, 'out = "here"\nminutes = 3'), ("out",))
    assert config.out == (tmp_path / "here").resolve()
    assert config.minutes == 3


def test_a_typo_names_the_key_and_the_right_one(tmp_path: Path) -> None:
    path = write(tmp_path, 'out = "x"\nwarm_shape = 0.1')
    with pytest.raises(BadInput, match=r"'warm_shape'; did you mean 'warm_share'"):
        read_config(Shape, path, ("out",))


@pytest.mark.parametrize(
    ("text", "says"), [("minutes = 1", "lacks 'out'"), ("out = [", "is not TOML")]
)
def test_bad_files_are_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        read_config(Shape, write(tmp_path, text), ("out",))
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        read_config(Shape, tmp_path / "none.toml", ("out",))


def test_schedule_warms_up_peaks_and_falls() -> None:
    schedule = Schedule(steps=100, minutes=1e9, peak=1.0, warmup=10)
    rates = []
    while schedule.progress < 1:
        rates.append(schedule.rate)
        schedule.tick()
    assert len(rates) == 100
    assert rates[0] == pytest.approx(0.1)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[-1] < 0.06


def test_schedule_goes_on_after_a_resume() -> None:
    first, second = (Schedule(steps=10, minutes=1e9, peak=1.0) for _ in range(2))
    for _ in range(4):
        first.tick()
    second.load_state_dict(first.state_dict())
    assert (second.step, second.rate) == (4, first.rate)


def test_a_failed_save_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    atomic_save({"step": torch.tensor(1)}, path)
    with pytest.raises(Exception, match="pickle"):
        atomic_save({"step": lambda: None}, path)
    assert int(torch.load(path, weights_only=True)["step"]) == 1
