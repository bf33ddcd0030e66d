"""A clip → its style as it travels with a prompt: a few digits, made once."""

from __future__ import annotations

import numpy as np
import torch
import torchaudio
from torch import Tensor

from core.codec.resampler import Pcm, to_model_rate
from core.errors import BadClip, BadInput
from core.generation.params import style_of
from core.model.style import StyleEar
from core.types import MODEL_RATE

SHORTEST, LONGEST = 1.5, 4.5  # seconds, that the model was trained on
SECONDS = 3.0
SILENT_PEAK = 1e-4  # -80 dB
LISTENER_RATE = 24_000  # Hz, MERT's


def heard_style(
    ear: StyleEar, pcm: Pcm, rate: int, seconds: float = SECONDS, detail: int = 0
) -> str:
    """The style of the middle of a clip [samples, any channels] at `rate` Hz (`Prompt.style`).

    seconds: of it that are heard, 1.5 to 4.5; a shorter clip is heard whole.
    detail: codebooks, 1 (loosely followed) to 6 (closely); 0: as many as the model says.
    Raises BadInput for numbers out of range; BadClip: too short, silent, no numbers.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise BadInput(f"{seconds:g} s of style is out of range; use {SHORTEST} to {LONGEST} s")
    books = detail or ear.config.detail
    if not 1 <= books <= ear.config.books:
        raise BadInput(f"style detail {detail} is out of range; use 1 to {ear.config.books}")
    sound = to_model_rate(pcm, rate, 1)[:, 0]
    if len(sound) < SHORTEST * MODEL_RATE:
        raise BadClip(
            f"the style clip is {len(sound) / MODEL_RATE:.2f} s long; use {SHORTEST} s or more"
        )
    wanted = min(len(sound), int(seconds * MODEL_RATE))
    first = (len(sound) - wanted) // 2
    sound = sound[first : first + wanted]
    if float(np.abs(sound).max()) < SILENT_PEAK:
        raise BadClip("the middle of the style clip is silent; give one in which music is heard")
    return style_of(ear.codes(_at_listener_rate(torch.from_numpy(sound)), books).tolist())


def _at_listener_rate(sound: Tensor) -> Tensor:
    """[S] at 32 kHz → 24 kHz, through the filter that the model was trained behind (julius's:
    a sinc with 24 zeros on each side under a Hann window, to 0.945 of what the rate can hold)."""
    return torchaudio.functional.resample(
        sound, MODEL_RATE, LISTENER_RATE, lowpass_filter_width=24, rolloff=0.945
    )
