from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.training.music.audio_folder import audio_files
from core.training.music.held_out import HeldOut, place, train_and_held_out


@given(st.text())
def test_a_name_falls_between_nought_and_one_and_stays(name: str) -> None:
    assert 0 <= place(name) < 1
    assert place(name) == place(name)


def test_names_spread_evenly() -> None:
    places = np.array([place(f"{i:08d}.flac") for i in range(4_000)])
    counts, _ = np.histogram(places, bins=10, range=(0, 1))
    assert counts.min() > 320


def test_a_file_stays_on_its_side_while_the_folder_grows() -> None:
    files = [Path(f"{i}.wav") for i in range(300)]
    few, many = HeldOut(0.1, files[:200]), HeldOut(0.1, files)
    sides = [few(file) for file in files[:200]]
    assert sides == [many(file) for file in files[:200]]
    assert 5 < sum(sides) < 40


def test_at_least_one_file_is_held_out_of_a_few() -> None:
    files = [Path(f"{i}.wav") for i in range(4)]
    assert sum(map(HeldOut(1e-9, files), files)) == 1


def test_one_file_cannot_be_both() -> None:
    with pytest.raises(BadInput, match="name a held_out folder"):
        HeldOut(0.1, [Path("a.wav")])


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_outside_nought_and_one_is_refused(share: float) -> None:
    with pytest.raises(BadInput, match="held_out_share"):
        HeldOut(share, [Path("a.wav"), Path("b.wav")])


def test_the_two_sides_share_no_file(audio_folder: Path) -> None:
    train, held = train_and_held_out(audio_folder, None, 0.3, 6_400, seed=1)
    assert set(train.files) | set(held.files) == set(audio_files(audio_folder))
    assert not set(train.files) & set(held.files)
    assert train.batch(2).shape == (2, 1, 6_400)
    assert held.batch(2).shape == (2, 1, 64_000)


def test_a_folder_to_measure_on_is_never_trained_on(audio_folder: Path, tmp_path: Path) -> None:
    below = tmp_path / "unseen"
    below.mkdir()
    tone = 0.2 * np.sin(np.arange(96_000) * 0.05)
    soundfile.write(tmp_path / "a.wav", tone, 32_000)
    soundfile.write(below / "b.wav", tone, 32_000)
    train, held = train_and_held_out(tmp_path, below, 0.05, 6_400, seed=1)
    assert [file.name for file in train.files] == ["a.wav"]
    assert [file.name for file in held.files] == ["b.wav"]
    again = train_and_held_out(tmp_path, below, 0.05, 6_400, seed=2)[1]
    assert torch.equal(held.batch(2), again.batch(2))  # the same segments in every run
    with pytest.raises(BadInput, match="no audio left"):
        train_and_held_out(below, below, 0.05, 6_400, seed=1)
