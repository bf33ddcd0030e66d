"""A chirp train through routes whose faults are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soxr

from daw_bridge.loopback.chirps import ChirpTrain
from daw_bridge.loopback.examination import Heard, examine
from daw_bridge.loopback.report import LoopbackReport, advice, better_buffer
from daw_bridge.parameters import PARAMETERS

RATE = 48_000
TRAIN = ChirpTrain(25)
AT_2_S = 2 * RATE
INDEX = {word: number for number, word in enumerate(PARAMETERS["buffer"].words)}


def route(delay: float, *, rate: int = RATE, drift: float = 0.0) -> np.ndarray:
    """What comes back of it `delay` seconds later, float64, half a second of silence around it.

    drift: ppm by which the clock that hears is faster than the one that plays."""
    played = TRAIN.sampled(32_000)[:, 0].astype(np.float64)
    heard = soxr.resample(played, 32_000, rate * (1 + drift / 1e6), quality="VHQ")
    lead = np.zeros(round((0.5 + delay) * rate))
    return np.concatenate([lead, heard, np.zeros(round(1.0 * rate))])


def heard(sound: np.ndarray, rate: int = RATE) -> LoopbackReport:
    stereo = np.stack([np.zeros(len(sound)), sound], axis=1).astype(np.float32)
    return examine(Heard(stereo, rate, -0.5), TRAIN, reported=0.010)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("delay", [0.0, 0.0123, 0.4])
def test_latency_is_found_to_a_hundredth_of_a_millisecond(delay: float, rate: int) -> None:
    delay = round(delay * rate) / rate
    report = heard(route(delay, rate=rate), rate)
    assert report.clean
    assert report.untold == pytest.approx(delay, abs=1e-5)
    assert report.round_trip == pytest.approx(delay + 0.010, abs=1e-5)
    assert report.drift == pytest.approx(0, abs=1)
    assert len(report.delays) == TRAIN.count


@pytest.mark.parametrize("drift", [-300, -40, 40, 300])
def test_drift_is_found_to_a_few_ppm(drift: float) -> None:
    report = heard(route(0.02, drift=drift))
    assert report.clean
    assert report.drift == pytest.approx(drift, abs=3)
    assert f"differ by {abs(drift)} ppm" in advice(replace(report, drift=float(drift)))


def test_turned_over_quiet_and_noisy_it_is_still_known() -> None:
    sound = -0.05 * route(0.03)
    sound += np.random.default_rng(1).normal(0, 0.001, len(sound))
    report = heard(sound)
    assert report.untold == pytest.approx(0.03, abs=5e-5)
    assert not report.dropouts


@pytest.mark.parametrize("frames", [64, 256, 1024])
def test_lost_and_doubled_blocks_are_dropouts_with_their_length(frames: int) -> None:
    whole = route(0.02)
    lost = np.delete(whole, slice(AT_2_S, AT_2_S + frames))
    report = heard(lost)
    assert [round(d.lost, 2) for d in report.dropouts] == [round(1000 * frames / RATE, 2)]
    assert report.dropouts[0].at == pytest.approx(1.48, abs=0.17)
    assert report.drift == pytest.approx(0, abs=1)  # a jump is no drift
    doubled = np.insert(whole, AT_2_S, whole[AT_2_S : AT_2_S + frames])
    assert [round(d.lost, 2) for d in heard(doubled).dropouts] == [-round(1000 * frames / RATE, 2)]


def test_what_is_lost_on_the_way_in_does_not_lengthen_the_way() -> None:
    """A capture is known by its end, so that all before a loss seems to have come later."""
    whole, frames = route(0.02), 960
    lost = np.delete(whole, slice(AT_2_S, AT_2_S + frames))[:, None].astype(np.float32)
    report = examine(Heard(lost, RATE, -0.5 + frames / RATE), TRAIN)
    assert report.untold == pytest.approx(0.02, abs=1e-4)


def test_silence_in_place_of_sound_is_a_dropout_that_shifts_nothing() -> None:
    sound = route(0.02)
    sound[AT_2_S : AT_2_S + 256] = 0
    (dropout,) = heard(sound).dropouts
    assert abs(dropout.lost) < 0.02
    report = heard(sound)
    assert better_buffer(report) == INDEX["512"]
    assert "1 dropout in 2 s" in advice(report)
    assert "512 frames" in advice(report)


def test_two_faults_are_two() -> None:
    sound = route(0.02)
    sound[AT_2_S : AT_2_S + 256] = 0
    assert len(heard(np.delete(sound, slice(AT_2_S - 40_000, AT_2_S - 39_500))).dropouts) == 2


@pytest.mark.parametrize("what", ["nothing", "noise", "short", "not a number"])
def test_what_is_not_the_signal_is_not_taken_for_it(what: str) -> None:
    quiet = np.zeros(4 * RATE)
    sound = {
        "nothing": quiet,
        "noise": np.random.default_rng(2).normal(0, 0.1, 4 * RATE),
        "short": np.zeros(10),
        "not a number": np.full(4 * RATE, np.nan),
    }[what]
    report = heard(sound)
    assert not report.found
    assert better_buffer(report) is None
    assert ("not the test signal" if what == "noise" else "Nothing came back") in advice(report)


def test_the_buffer_grows_step_by_step_until_it_is_right_or_the_largest() -> None:
    bad = LoopbackReport(True, 4.0, underruns=2, buffer=INDEX["256"])
    assert better_buffer(bad) == INDEX["512"]
    assert "2 times this program was late" in advice(bad)
    largest = replace(bad, buffer=INDEX["2048"])
    assert better_buffer(largest) is None
    assert "close other programs" in advice(largest)
    assert better_buffer(LoopbackReport(True, 4.0)) is None
    assert "buffer is right" in advice(LoopbackReport(True, 4.0))
    assert "recording offset" in advice(LoopbackReport(True, 4.0, untold=0.02))
