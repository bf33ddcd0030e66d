"""Where a clip ends and its continuation begins. Pure numpy.

Inside the continuation there is no seam: the decoder renders the last context frames and the
first new one in one stream. But a recording and the codec's rendering of it are not the same
waveform, so a file that holds the clip and then the continuation must cross from one to the
other a little before the end of the clip.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.float32]

SEAM_SAMPLES = 1_280  # 40 ms at 32 kHz: two frames


def join_clip(clip: Pcm, seam: Pcm, continuation: Pcm) -> Pcm:
    """The clip, then the continuation, without a click; all [samples, channels] at 32 kHz.

    seam: the codec's rendering of the clip's last samples (`AudioStream.seam`), into which the
    clip is faded. Both render the same music nearly in phase, so the gains add up to one.
    Length: that of the clip plus that of the continuation.
    """
    length = min(len(clip), len(seam))
    if not length:
        return np.concatenate((clip, continuation))
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
    ramp = ramp[:, None]
    crossed = clip[len(clip) - length :] * (1 - ramp) + seam[len(seam) - length :] * ramp
    return np.concatenate(
        (clip[: len(clip) - length], crossed, continuation), dtype=np.float32, casting="same_kind"
    )
