"""Can a continuation be found by looking at the sound? The join against points inside music.

seam_take_*: a take of the starter, continued from its tokens (its own seed: what would have come).
seam_branch_*: the same tokens, continued with another seed; the two files laid end to end.
seam_clip_*: a clip by the composer (FluidSynth: a recording, for the model), continued, with the
    clip before it as `--keep-clip` writes it.

_level: dB between the RMS of the 50 ms before a point and of the 50 ms after it.
_spectrum: RMS over 24 bands (50 Hz … 14 kHz, as wide as they are high) of the dB between them.
_bend: the largest bend of the waveform (second difference) within 1 ms of the point, full scale.

value: the median over the joins. baseline: the median at random points of the same sounds, 0.2 s
and more from the join. A ratio near 1 says that the join is like any other moment.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MissingProgram
from core.generation.audio_stream import AudioStream
from core.generation.generator import Generator
from core.generation.messages import Codes
from core.generation.params import Prompt, SamplingParams
from core.generation.seam import join_clip
from core.training.composer.compose import compose
from core.training.composer.render import render
from core.types import MODEL_RATE

Sound = NDArray[np.float32]  # [samples]

JOINS = 8
BEFORE, AFTER = 250, 100  # frames
POINTS = 40  # random ones to a sound
WINDOW = MODEL_RATE // 20
BANDS = np.geomspace(50, 14_000, 25)
STYLES = ("funk", "house", "rock", "ambient")


def figures(joins: int = JOINS) -> dict[str, Any]:
    generator = Generator.load("starter", "cpu")
    found: dict[str, list[tuple[Sound, int]]] = {"take": [], "branch": [], "clip": []}
    for number in range(joins):
        prompt = Prompt(f"{STYLES[number % len(STYLES)]}, 120 bpm")
        first = generator.open(prompt, SamplingParams(seed=number), BEFORE, open_end=True)
        codes, sound = play(first)
        for name, seed in (("take", number), ("branch", number + 1_000)):
            sampling = SamplingParams(seed=seed)
            rest = generator.open(prompt, sampling, AFTER, codes, open_end=True)
            found[name].append((np.concatenate((sound, play(rest)[1])), len(sound)))
        clip = recording(number)
        if clip is not None:
            stream = generator.open(prompt, SamplingParams(seed=number), AFTER, clip=clip[:, None])
            rest_of_it = play(stream)[1]
            whole = join_clip(clip[:, None], stream.seam, rest_of_it[:, None])[:, 0]
            found["clip"].append((whole, len(clip)))
    table: dict[str, Any] = {}
    for name, sounds in found.items():
        if sounds:
            table |= compared(name, sounds)
    return table


def play(stream: AudioStream) -> tuple[Codes, Sound]:
    blocks = []
    while not stream.ended:
        if (block := stream.step()) is not None:
            blocks.append(block.pcm)
    codes = stream.untold_codes()
    assert codes is not None
    return codes, np.concatenate(blocks)[:, 0]


def recording(number: int) -> Sound | None:
    """Two bars of a band; None without FluidSynth."""
    try:
        piece = replace(compose(4_242 + number, "funk", "full"), bars=2)
        return render(piece, channels=1, rate=MODEL_RATE).reshape(-1).astype(np.float32)
    except MissingProgram:
        return None


def compared(name: str, sounds: list[tuple[Sound, int]]) -> dict[str, Any]:
    """The three figures of one kind of join."""
    random = np.random.default_rng(0)
    at_joins = np.array([measured(sound, at) for sound, at in sounds])
    inside = []
    for sound, at in sounds:
        points = random.integers(WINDOW + 1, len(sound) - WINDOW - 1, POINTS)
        inside += [measured(sound, int(p)) for p in points if abs(p - at) > MODEL_RATE // 5]
    value, usual = np.median(at_joins, axis=0), np.median(inside, axis=0)
    return {
        f"seam_{name}_{what}": {
            "value": float(value[i]),
            "unit": unit,
            "baseline": float(usual[i]),
            "ratio": float(value[i] / usual[i]),
        }
        for i, (what, unit) in enumerate(
            (("level", "dB"), ("spectrum", "dB"), ("bend", "full scale"))
        )
    }


def measured(sound: Sound, at: int) -> tuple[float, float, float]:
    """Level, spectrum and bend at a point."""
    before, after = sound[at - WINDOW : at], sound[at : at + WINDOW]
    level = abs(decibels(np.mean(after**2)) - decibels(np.mean(before**2)))
    spectrum = decibels(bands(after)) - decibels(bands(before))
    near = MODEL_RATE // 1_000
    bend = np.abs(np.diff(sound[at - near : at + near], 2)).max()
    return float(level), float(np.sqrt(np.mean(spectrum**2))), float(bend)


def bands(sound: Sound) -> NDArray[np.float64]:
    """Mean power a band."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / MODEL_RATE)
    edges = np.searchsorted(hertz, BANDS)
    return np.array([power[a : max(b, a + 1)].mean() for a, b in pairwise(edges)])


def decibels(power: Any) -> Any:
    return 10 * np.log10(power + 1e-10)
