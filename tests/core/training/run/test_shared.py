from __future__ import annotations

import errno
import os
import resource
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from core.errors import BadInput, DawBridgeError
from core.training.run.config_file import ranged, read_config
from core.training.run.shared import Log, Schedule, atomic_save


@dataclass(frozen=True)
class Shape:
    out: Path
    minutes: float = 1.0
    warm_share: float = 0.5


@dataclass(frozen=True)
class Values:
    rate: float = 1.0
    steps: int | None = ranged(None, 1)
    share: float = ranged(0.5, 0.0, 1.0)
    names: tuple[str, ...] = ()
    start: Path | None = None


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('rate = "fast"', "rate = 'fast' is not a number"),
        ("rate = true", "rate = True is not a number"),
        ("steps = 1.5", "steps = 1.5 is not a whole number"),
        ("steps = 0", "steps = 0 is out of range; give 1 or more"),
        ("share = 1.5", "share = 1.5 is out of range; give 0.0 to 1.0"),
        ("share = nan", "out of range"),
        ("names = [1]", "is not a list of texts"),
        ("start = 3", "is not a path"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says.replace("[", r"\[")) as caught:
        read_config(Values, write(tmp_path, text), ())
    assert "\n" not in str(caught.value)


def test_right_values_are_taken(tmp_path: Path) -> None:
    text = 'rate = 2\nsteps = 3\nshare = 1\nnames = ["a", "b"]\nstart = "x/y"'
    found = read_config(Values, write(tmp_path, text), ())
    assert found == Values(2.0, 3, 1.0, ("a", "b"), (tmp_path / "x/y").resolve())


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


def test_a_full_disk_leaves_the_checkpoint_whole_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    atomic_save({"step": torch.tensor(1)}, path)

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DawBridgeError, match="No space left on device; make room"):
        atomic_save({"step": torch.tensor(2)}, path, keep_previous=True)
    assert int(torch.load(path, weights_only=True)["step"]) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_a_file_that_may_not_grow_is_one_line_too(tmp_path: Path) -> None:
    """The kernel refuses the write itself, in the middle of torch.save."""
    path = tmp_path / "last.pt"
    atomic_save({"step": torch.tensor(1)}, path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(DawBridgeError, match="cannot save"):
            atomic_save({"much": torch.zeros(1_000_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert int(torch.load(path, weights_only=True)["step"]) == 1


def test_a_log_survives_a_cut_line_and_forgets_what_was_lost(tmp_path: Path) -> None:
    log = Log(tmp_path, say=lambda line: None)
    for step in (1, 2, 3):
        log.write(step=step)
    with log.path.open("a") as f:
        f.write('{"step": 4, "lo')
    assert [e["step"] for e in log.entries()] == [1, 2, 3]
    log.rewind(2)
    log.write(resumed=2)
    assert log.entries() == [{"step": 1}, {"step": 2}, {"resumed": 2}]
