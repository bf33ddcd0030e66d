"""An OSC message from a program no one here wrote makes sound that JACK records."""

from __future__ import annotations

import subprocess
import time

import numpy as np
import pytest
import soundfile
import soxr

from tests.conftest import require_program
from tests.real.serving import OscClient, Program

pytestmark = pytest.mark.real


@pytest.mark.timeout(150)
def test_oscsend_makes_music_that_jack_records(jack_server, jack_rec, tmp_path):
    oscsend = require_program("oscsend")
    server = jack_server(rate=48_000, period=256)
    with Program(tmp_path) as program:
        program.wait_for("playing through")
        program.wait_for("ready:", 90)
        client = OscClient(program.port)
        client.send("/musicgen/bars", 2)
        client.send("/musicgen/quantize", 0)
        client.send("/musicgen/subscribe")
        recording = jack_rec(server, 12)
        begun = time.monotonic()
        prompt = "funky drums and bass, 110 bpm"
        words = [str(oscsend), "localhost", str(program.port), "/musicgen/generate", "s", prompt]
        subprocess.run(words, check=True, timeout=10)
        first, (_, milliseconds) = client.wait_for("/musicgen/first_audio", 20)
        finished, (_, path) = client.wait_for("/musicgen/done", 40)
        captured = recording.result()
        client.close()

    take, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 32_000
    assert len(take) == 128_000  # two bars at 120 bpm
    assert first < finished, "the first sound came only after the take was finished"
    assert first - begun < 10
    assert milliseconds > 0
    # what was heard is the take, whole: no gap, no repeat, no other gain
    reference = soxr.resample(take[:, 0], 32_000, 48_000)
    heard = captured[:, 0]
    size = 1 << int(np.ceil(np.log2(len(heard) + len(reference))))
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)]))
    inside = slice(960, len(reference) - 960)  # the fades at both ends
    error = np.abs(heard[at : at + len(reference)][inside] - reference[inside]).max()
    # soxr block by block differs from soxr at once by up to 3e-4 of a loud take
    assert error < 2e-3, f"what was heard differs by {error}"
    level = float(np.sqrt(np.mean(reference**2)))
    assert 0.01 < level < 0.5
    assert np.abs(captured).max() < 1.0
