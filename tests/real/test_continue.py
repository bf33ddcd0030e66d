"""`daw-bridge continue` of a real clip: it starts where the clip ends, without a click."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from core.errors import MissingProgram

pytestmark = [pytest.mark.real, pytest.mark.beside_others]
RATE = 32_000


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two bars of a funk band by FluidSynth, at the rate and in the channels of a DAW."""
    from core.training.composer.compose import compose
    from core.training.composer.render import render

    try:
        pcm = render(replace(compose(4_242, "funk", "full"), bars=2), channels=2, rate=44_100)
    except MissingProgram as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
    path = tmp_path / "clip.wav"
    soundfile.write(path, pcm.T, 44_100, subtype="PCM_24")
    return path


def steepness(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """How sharply the waveform bends at each sample: a click is a bend far above the others."""
    return np.abs(np.diff(pcm, 2))


@pytest.mark.timeout(120)
def test_a_clip_goes_on_without_a_click(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    command = [sys.executable, "-m", "daw_bridge", "continue", str(clip), "funk", "-o", str(out)]
    command += ["--seconds", "3", "--seed", "5", "--keep-clip"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr

    whole, rate = soundfile.read(out, dtype="float32")
    original, clip_rate = soundfile.read(clip, dtype="float32")
    assert rate == RATE
    seam = len(whole) - 3 * RATE
    assert seam == pytest.approx(len(original) * RATE / clip_rate, abs=1)
    bends = steepness(whole)
    at_seam = bends[seam - 1_600 : seam + 320].max()  # the cross-fade, and 10 ms after it
    assert at_seam <= bends[:seam].max() * 1.5
    before, after = whole[seam - RATE : seam], whole[seam : seam + RATE]
    decibels = 20 * np.log10(np.std(after) / np.std(before))
    assert abs(decibels) < 15, "the continuation is much louder or softer than the clip"
