"""A recorded clip → the codes that a generation continues from."""

from __future__ import annotations

import numpy as np

from core.codec.encodec import Codec
from core.codec.resampler import to_model_rate
from core.errors import BadClip
from core.generation.messages import Codes, Pcm
from core.types import FRAME_RATE

SILENT_PEAK = 1e-4  # -80 dB: below it there is nothing to continue


def clip_context(codec: Codec, clip: Pcm, rate: int, most_frames: int) -> Codes:
    """Encode the end of a clip [samples, any channels] at `rate` Hz → int64 [codebooks, frames].

    Whole frames are taken, at most `most_frames`, the last of them ending with the clip's last
    sample: what is left over is cut from the beginning. The level is left as it is.
    Raises BadClip: empty, shorter than a frame, silent, or holding samples that are no numbers.
    """
    # Only the end is used: do not resample an hour for twelve seconds of it.
    needed = round(rate * (most_frames / FRAME_RATE + 0.1))
    pcm = to_model_rate(clip[-needed:] if needed > 0 else clip, rate, codec.channels)
    frames = min(len(pcm) // codec.samples_per_frame, most_frames)
    if frames == 0:
        raise BadClip("the clip is shorter than 20 ms; record or choose a longer one")
    pcm = pcm[len(pcm) - frames * codec.samples_per_frame :]
    if float(np.abs(pcm).max()) < SILENT_PEAK:
        raise BadClip(
            f"the last {frames / FRAME_RATE:.1f} s of the clip are silent;"
            " trim the clip so that it ends with music"
        )
    return codec.encode(pcm)
