"""A recorded clip → the codes that a generation continues from, at the level the model knows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.codec.encodec import Codec
from core.codec.loudness import DEFAULT_TARGET, LoudnessMeter, gain_to
from core.codec.resampler import to_channels, to_model_rate
from core.errors import BadClip
from core.generation.messages import Codes, Pcm
from core.generation.params import BarGrid
from core.types import FRAME_RATE

SILENT_PEAK = 1e-4  # -80 dB: below it there is nothing to continue
SOFTEST, LOUDEST = 0.05, 2.0  # -26 and +6 dB: how far a take's sound is moved to the clip's level


@dataclass(frozen=True, slots=True, eq=False)
class ClipContext:
    """codes: int64 [codebooks, frames]. level: the factor that brings sound that is made of them
    back to the clip's loudness, speaker for speaker."""

    codes: Codes
    level: float


def clip_context(
    codec: Codec, clip: Pcm, rate: int, most_frames: int, bars: BarGrid | None = None
) -> ClipContext:
    """Encode the end of a clip [samples, any channels] at `rate` Hz.

    Whole frames are taken, at most `most_frames`, the last of them ending with the clip's last
    sample: what is left over is cut from the beginning. bars: counted from the clip's end; the
    frames then begin with a bar, if there is a whole one. The clip is brought to the loudness of
    the music that the starter learnt from (-18 LUFS after ITU-R BS.1770; peaks stay below full
    scale), and `level` undoes that within -26 … +6 dB.
    Raises BadClip: empty, shorter than a frame, silent, or holding samples that are no numbers.
    """
    # Only the end is used: do not resample an hour for twelve seconds of it.
    needed = round(rate * (most_frames / FRAME_RATE + 0.1))
    wide = clip.ndim == 2 and clip.shape[1] > 1
    sound = to_model_rate(clip[-needed:] if needed > 0 else clip, rate, 2 if wide else 1)
    frames = min(len(sound) // codec.samples_per_frame, most_frames)
    if frames == 0:
        raise BadClip("the clip is shorter than 20 ms; record or choose a longer one")
    frames = _whole_bars(frames, bars)
    sound = sound[len(sound) - frames * codec.samples_per_frame :]
    pcm = to_channels(sound, codec.channels)
    if float(np.abs(pcm).max()) < SILENT_PEAK:
        raise BadClip(
            f"the last {frames / FRAME_RATE:.1f} s of the clip are silent;"
            " trim the clip so that it ends with music"
        )
    heard = _measured(pcm)
    gain = gain_to(DEFAULT_TARGET, heard)
    level = 1 / gain
    if sound.shape != pcm.shape and math.isfinite(heard.integrated):  # the mix may be softer
        level *= 10 ** ((_a_speaker(sound) - _a_speaker(pcm)) / 20)
    level = min(max(level, SOFTEST), LOUDEST)
    return ClipContext(codec.encode(pcm * np.float32(gain)), level)


def _measured(pcm: Pcm) -> LoudnessMeter:
    meter = LoudnessMeter()
    meter.feed(pcm)
    return meter


def _a_speaker(pcm: Pcm) -> float:
    """LUFS of a channel, taken over all: one mono take plays on both sides."""
    return _measured(pcm).integrated - 10 * math.log10(pcm.shape[1])


def _whole_bars(frames: int, bars: BarGrid | None) -> int:
    """At most `frames`, from a bar line on. One that is missed by half a frame is reached."""
    if bars is None:
        return frames
    past = bars.first % bars.frames  # the last line lies this far … before the end
    past = (bars.frames - past) % bars.frames
    whole = math.floor((frames - past + 0.5) / bars.frames)
    return min(frames, round(past + whole * bars.frames)) if whole > 0 else frames
