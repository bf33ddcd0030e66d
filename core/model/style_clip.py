"""A clip → its style as it travels with a prompt: a few digits, made once."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio
from torch import Tensor

from core.codec.resampler import Pcm, to_model_rate
from core.errors import BadClip
from core.generation.params import (
    SHORTEST_STYLE,
    STYLE_SECONDS,
    checked_style_seconds,
    style_of,
)
from core.model.style import StyleEar
from core.types import MODEL_RATE

SILENT_PEAK = 1e-4  # -80 dB
LISTENER_RATE = 24_000  # Hz, MERT's


def heard_style(ear: StyleEar, pcm: Pcm, rate: int, seconds: float = STYLE_SECONDS) -> str:
    """The style of the middle of a clip [samples, any channels] at `rate` Hz (`Prompt.style`).

    seconds: of it that are heard, 1.5 to 4.5; a shorter clip is heard whole.
    Raises BadInput for seconds out of range; BadClip: too short, silent, no numbers.
    """
    checked_style_seconds(seconds)
    sound = to_model_rate(pcm, rate, 1)[:, 0]
    if len(sound) < SHORTEST_STYLE * MODEL_RATE:
        long = f"{len(sound) / MODEL_RATE:.2f} s long"
        raise BadClip(f"the style clip is {long}; use {SHORTEST_STYLE} s or more")
    wanted = min(len(sound), int(seconds * MODEL_RATE))
    first = (len(sound) - wanted) // 2
    sound = sound[first : first + wanted]
    if float(np.abs(sound).max()) < SILENT_PEAK:
        raise BadClip("the middle of the style clip is silent; give one in which music is heard")
    return style_of(ear.codes(_at_listener_rate(torch.from_numpy(sound))).tolist())


def get_ready(ear: StyleEar) -> None:
    """Load what the first style needs, which takes seconds, before a take has to wait for it."""
    noise = np.random.default_rng(0).standard_normal((2 * MODEL_RATE, 1)).astype(np.float32)
    heard_style(ear, noise, MODEL_RATE)


def _at_listener_rate(sound: Tensor) -> Tensor:
    """[S] at 32 kHz → 24 kHz, through the filter that the model was trained behind (julius's:
    a sinc with 24 zeros on each side under a Hann window, to 0.945 of what the rate can hold)."""
    return torchaudio.functional.resample(
        sound, MODEL_RATE, LISTENER_RATE, lowpass_filter_width=24, rolloff=0.945
    )
