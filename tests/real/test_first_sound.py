"""An OSC message from a program no one here wrote makes sound that JACK records."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from tests.conftest import require_program
from tests.real.conftest import JackRecording, wait_for
from tests.real.serving import OscClient, Program

pytestmark = pytest.mark.real


PROMPT = "funky drums and bass, 110 bpm"
ATTEMPTS = 3  # a machine that stands still for a while makes an underrun, which is told


@dataclass(frozen=True)
class Heard:
    captured: NDArray[np.float32]  # [frames, channels] at 48 kHz
    take: NDArray[np.float32]  # [samples, channels] at 32 kHz, from its WAV
    first: float  # time.monotonic() when the first sound was told
    finished: float  # … and when the take was
    milliseconds: float
    underruns: int


def generate_once(program: Program, client: OscClient, recording: JackRecording) -> Heard:
    oscsend = require_program("oscsend")
    before = client.status()["underruns"]
    words = [str(oscsend), "localhost", str(program.port), "/musicgen/generate", "s", PROMPT]
    subprocess.run(words, check=True, timeout=10)
    first, (_, milliseconds) = client.wait_for("/musicgen/first_audio", 20)
    finished, (_, path) = client.wait_for("/musicgen/done", 40)
    wait_for(lambda: client.status()["state"] == "idle", 20, "it has been heard")
    captured = recording.so_far()
    take, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 32_000
    underruns = client.status()["underruns"] - before
    return Heard(captured, take, first, finished, milliseconds, underruns)


@pytest.mark.timeout(180)
def test_oscsend_makes_music_that_jack_records(jack_server, jack_rec, tmp_path, ahead_of_others):
    server = jack_server(rate=48_000, period=256)
    with Program(tmp_path) as program:
        program.wait_for("playing through")
        program.wait_for("ready:", 90)
        client = OscClient(program.port)
        client.send("/musicgen/bars", 2)
        client.send("/musicgen/quantize", 0)
        client.send("/musicgen/subscribe")
        heard = generate_once(program, client, jack_rec(server, 60))
        for _ in range(ATTEMPTS - 1):
            if heard.underruns:
                heard = generate_once(program, client, jack_rec(server, 60))
        client.close()

    assert heard.underruns == 0
    assert len(heard.take) == 128_000  # two bars at 120 bpm
    assert heard.first < heard.finished, "the first sound came only after the take was finished"
    assert heard.milliseconds > 0
    # what was heard is the take, whole: no gap, no repeat, no other gain
    reference = soxr.resample(heard.take[:, 0], 32_000, 48_000)
    captured = heard.captured[:, 0]
    size = 1 << int(np.ceil(np.log2(len(captured) + len(reference))))
    spectrum = np.fft.rfft(captured, size) * np.conj(np.fft.rfft(reference, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: len(captured)]))
    inside = slice(960, len(reference) - 960)  # the fades at both ends
    error = np.abs(captured[at : at + len(reference)][inside] - reference[inside]).max()
    # a 24-bit file, and soxr block by block beside soxr at once
    assert error < 2e-3, f"what was heard differs by {error}"
    level = float(np.sqrt(np.mean(reference**2)))
    assert 0.01 < level < 0.5
    assert np.abs(heard.captured).max() < 0.99, "clipped, or jack_rec would wrap it"
