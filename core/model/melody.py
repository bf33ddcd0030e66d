"""A clip → the melody that a melody model follows: the loudest pitch class of each chroma frame.

That is all such a model hears of a clip: which of twelve notes leads, 7.8 times a second. So a
melody is a short string, one hex digit a frame (0 is C, b is B), and travels with the prompt.
Source: MusicGen (Copet et al. 2023), section 2.3; the chroma itself is transformers'.
"""

from __future__ import annotations

import numpy as np

from core.codec.resampler import Pcm, to_model_rate
from core.errors import BadClip
from core.generation.params import MAX_MELODY_FRAMES
from core.types import MODEL_RATE, SAMPLES_PER_FRAME

HOP = 4_096  # samples a chroma frame
SHORTEST = 0.5  # seconds; the chroma's own window is as long
SILENT_PEAK = 1e-4  # -80 dB


def melody_of(pcm: Pcm, rate: int) -> str:
    """The melody of a clip [samples, any channels] at `rate` Hz; at most the first 120 s.

    All that sounds takes part: AudioCraft separates voice and melody first, with another model.
    Raises BadClip: too short, silent, or holding samples that are no numbers.
    """
    sound = to_model_rate(pcm[: round(rate * (MAX_MELODY_FRAMES * HOP / MODEL_RATE))], rate, 1)[
        :, 0
    ]
    if len(sound) < SHORTEST * MODEL_RATE:
        raise BadClip(
            f"the melody is {len(sound) / MODEL_RATE:.2f} s long; use {SHORTEST} s or more"
        )
    if float(np.abs(sound).max()) < SILENT_PEAK:
        raise BadClip("the melody clip is silent; give one in which a melody is heard")
    from transformers import MusicgenMelodyFeatureExtractor  # brings torchaudio: not at every start

    extractor = MusicgenMelodyFeatureExtractor()
    chroma = extractor(sound, sampling_rate=MODEL_RATE, max_length=len(sound))["input_features"]
    return "".join(f"{pitch:x}" for pitch in chroma[0].argmax(-1).tolist()[:MAX_MELODY_FRAMES])


def get_ready() -> None:
    """Load what the first melody needs, which takes seconds, before a take has to wait for it."""
    melody_of(np.ones((MODEL_RATE, 1), np.float32), MODEL_RATE)


def melody_from(melody: str, frame: int, count: int) -> list[int]:
    """`count` pitch classes of a melody, from codec frame `frame` on, going round at its end.

    Without a melody all are 0, which is how the model was told that there is none.
    """
    if not melody:
        return [0] * count
    first = round(frame * SAMPLES_PER_FRAME / HOP)
    return [int(melody[(first + place) % len(melody)], 16) for place in range(count)]
