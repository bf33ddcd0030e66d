from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import BadClip
from core.training.music.recording import BLOCK_SECONDS, Recording, read_segment
from tests.core.training.sounds import tone, write


def read(path: Path, channels: int = 1) -> np.ndarray:
    return np.concatenate(list(Recording(path, channels).blocks()))


def frequency(pcm: np.ndarray) -> float:
    """Hz of the strongest partial at 32 kHz."""
    middle = pcm[1_000:-1_000, 0] * np.hanning(len(pcm) - 2_000)
    return float(np.argmax(np.abs(np.fft.rfft(middle))) * 32_000 / len(middle))


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [
        ("a.wav", 8_000, 1),
        ("a.wav", 192_000, 2),
        ("a.flac", 44_100, 2),
        ("a.wav", 48_000, 6),
        ("a.aiff", 22_050, 1),
        ("a.ogg", 44_100, 2),
        ("a.mp3", 44_100, 2),
        ("a.caf", 96_000, 4),
    ],
)
def test_any_rate_and_channels_become_32_khz(
    tmp_path: Path, name: str, rate: int, channels: int
) -> None:
    path = write(tmp_path / name, tone(2, rate, channels, hz=440), rate)
    pcm = read(path)
    assert pcm.dtype == np.float32
    # MP3 pads its ends
    assert pcm.shape[1] == 1
    assert abs(len(pcm) - 64_000) < (4_000 if name == "a.mp3" else 3)
    assert abs(frequency(pcm) - 440) < 2
    assert 0.15 < np.abs(pcm).max() < 0.25


def test_blocks_join_without_a_seam(tmp_path: Path) -> None:
    """Longer than two blocks: equal to resampling the whole at once."""
    soxr = pytest.importorskip("soxr")
    wave = tone(2.5 * BLOCK_SECONDS, 44_100)
    path = write(tmp_path / "a.wav", wave, 44_100, subtype="FLOAT")
    whole = soxr.resample(wave.astype(np.float32), 44_100, 32_000, quality="HQ")
    assert np.abs(read(path) - whole).max() < 1e-5


def test_centre_and_surrounds_are_heard_the_low_frequency_channel_is_not(tmp_path: Path) -> None:
    only = np.zeros((32_000, 6))
    only[:, 3] = tone(1)[:, 0]
    assert np.abs(read(write(tmp_path / "lfe.wav", only))).max() == 0
    only = np.zeros((32_000, 6))
    only[:, 2] = tone(1)[:, 0]
    assert np.abs(read(write(tmp_path / "centre.wav", only))).max() > 0.03


def test_stereo_stays_stereo_for_a_stereo_codec(tmp_path: Path) -> None:
    pcm = np.concatenate([tone(1), 0.5 * tone(1)], axis=1)
    found = read(write(tmp_path / "a.wav", pcm), channels=2)
    assert found.shape == (32_000, 2)
    assert np.abs(found[:, 1] - 0.5 * found[:, 0]).max() < 1e-3


def test_a_clipped_file_is_told_from_a_loud_one(tmp_path: Path) -> None:
    loud = Recording(write(tmp_path / "loud.wav", tone(2, level=0.99)))
    assert len(list(loud.blocks())) == 1
    assert loud.flaws == []
    cut = Recording(write(tmp_path / "cut.wav", np.clip(tone(2, level=2), -1, 1)))
    assert len(list(cut.blocks())) == 1
    assert "clipped" in cut.flaws[0]


def test_flat_tops_below_full_scale_are_clipping_too(tmp_path: Path) -> None:
    pcm = np.clip(tone(2, level=2), -0.95, 0.95)
    recording = Recording(write(tmp_path / "a.wav", pcm, subtype="FLOAT"))
    assert len(list(recording.blocks())) == 1
    assert "clipped" in recording.flaws[0]


def damaged(folder: Path) -> dict[str, Path]:
    whole = write(folder / "whole.flac", tone(4)).read_bytes()
    paths = {name: folder / name for name in ("empty.wav", "noise.wav", "half.flac", "there.wav")}
    paths["empty.wav"].touch()
    paths["noise.wav"].write_bytes(bytes(range(256)) * 9)
    paths["half.flac"].write_bytes(whole[: len(whole) // 2])
    paths["there.wav"].mkdir()
    paths["nan.wav"] = write(folder / "nan.wav", tone(1) * np.nan, subtype="FLOAT")
    paths["no samples.wav"] = write(folder / "no samples.wav", tone(0))
    paths["gone.wav"] = folder / "gone.wav"
    paths["rate.wav"] = write(folder / "rate.wav", tone(1), 800)
    return paths


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("empty.wav", "empty"),
        ("noise.wav", "cannot be read as sound"),
        ("half.flac", "cannot be read as sound"),
        ("there.wav", "cannot be read"),
        ("nan.wav", "not numbers"),
        ("no samples.wav", "no audio"),
        ("gone.wav", "No such file"),
        ("rate.wav", "makes no sense"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, name: str, why: str) -> None:
    path = damaged(tmp_path)[name]
    with pytest.raises(BadClip, match=why) as refused:
        read(path)
    assert "\n" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    with pytest.raises(BadClip):
        read_segment(path, 640, np.random.default_rng(0))


@pytest.mark.parametrize("rate", [8_000, 32_000, 44_100])
def test_a_segment_is_a_stretch_of_the_file(tmp_path: Path, rate: int) -> None:
    noise = np.random.default_rng(1).standard_normal((3 * rate, 1))
    noise = 0.1 * (noise + np.roll(noise, 1) + np.roll(noise, 2))
    path = write(tmp_path / "a.wav", noise, rate, subtype="FLOAT")
    whole = read(path)[:, 0]
    for seed in range(3):
        segment = read_segment(path, 6_400, np.random.default_rng(seed))
        assert segment.shape == (6_400, 1)
        found = np.correlate(whole, segment[:, 0], "valid")
        at = int(np.argmax(found))
        # 44.1 kHz samples lie between those of 32 kHz: half a sample is as near as it gets
        assert found[at] > 0.7 * float(np.sum(segment**2))
        assert at < len(whole) - 6_400


def test_a_file_shorter_than_the_segment_ends_in_zeros(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(0.1, 48_000), 48_000)
    segment = read_segment(path, 6_400, np.random.default_rng(0))
    assert np.abs(segment[:3_000]).max() > 0.1
    assert not segment[3_300:].any()
