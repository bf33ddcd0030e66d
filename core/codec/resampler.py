"""Between the model's 32 kHz and the world's rates and channels (soxr). Torch-free.

PCM is float32 [samples, channels] throughout.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from core.errors import BadClip
from core.types import MODEL_RATE

Pcm = NDArray[np.float32]

RATES = (1_000, 768_000)  # Hz; what a clip may have
_QUALITY = "HQ"  # 20-bit precision, passband to 0.91 of Nyquist
_CENTRE = 2**-0.5  # ITU-R BS.775: centre and surrounds enter a stereo mix 3 dB down

# Stereo mixes of the layouts that WAV and FLAC files have: rows left, right; the low-frequency
# channel is left out, as BS.775 has it.
_STEREO_MIX = {
    5: ((1, 0, _CENTRE, _CENTRE, 0), (0, 1, _CENTRE, 0, _CENTRE)),
    6: ((1, 0, _CENTRE, 0, _CENTRE, 0), (0, 1, _CENTRE, 0, 0, _CENTRE)),
    8: ((1, 0, _CENTRE, 0, _CENTRE, 0, _CENTRE, 0), (0, 1, _CENTRE, 0, 0, _CENTRE, 0, _CENTRE)),
}


class StreamResampler:
    """One direction of a stream: blocks in, blocks out, no seams between them.

    The output lags by the filter's delay (a few milliseconds); `flush` yields what is held.
    Joined, the output has round(samples · rate_out / rate_in) samples.
    """

    def __init__(self, rate_in: int, rate_out: int, channels: int) -> None:
        self.channels = channels
        self._filter = None
        if rate_in != rate_out:
            self._filter = soxr.ResampleStream(
                rate_in, rate_out, channels, dtype="float32", quality=_QUALITY
            )

    def process(self, pcm: Pcm) -> Pcm:
        """The next block [samples, channels] → what is ready, maybe nothing."""
        return self._run(pcm, last=False)

    def flush(self) -> Pcm:
        """End of the stream: the rest. Afterwards the resampler can be thrown away."""
        return self._run(np.zeros((0, self.channels), np.float32), last=True)

    def _run(self, pcm: Pcm, last: bool) -> Pcm:
        if pcm.ndim != 2 or pcm.shape[1] != self.channels:
            raise ValueError(f"pcm must be [samples, {self.channels}], not {list(pcm.shape)}")
        if self._filter is None:
            return pcm
        block = np.ascontiguousarray(pcm, np.float32)
        return self._filter.resample_chunk(block, last=last).reshape(-1, self.channels)


def to_channels(pcm: Pcm, channels: int) -> Pcm:
    """A mono or stereo mix of `pcm` [samples, any]: channels is 1 or 2.

    Mono is the mean of left and right; mono to stereo is the same on both sides; surround
    goes through ITU-R BS.775, scaled so that it cannot clip where the channels did not.
    """
    if channels not in (1, 2):
        raise ValueError(f"channels must be 1 or 2, not {channels}")
    count = pcm.shape[1]
    if count == channels:
        return pcm
    if count == 1:
        return np.repeat(pcm, 2, axis=1)
    stereo = pcm
    if count > 2:
        if count in _STEREO_MIX:
            mix = np.array(_STEREO_MIX[count], np.float32)
        else:  # unknown layout: even channels left, odd ones right
            mix = np.array([[k % 2 == side for k in range(count)] for side in (0, 1)], np.float32)
        stereo = pcm @ (mix / mix.sum(axis=1, keepdims=True)).T
    return stereo if channels == 2 else stereo.mean(axis=1, keepdims=True, dtype=np.float32)


def to_model_rate(pcm: Pcm, rate: int, channels: int) -> Pcm:
    """A whole clip as the model wants it: 32 kHz, `channels` (1 or 2), level unchanged.

    pcm: [samples, any channels], or [samples] for mono, at `rate` Hz (8 to 192 kHz and more).
    Raises BadClip when it is empty, not finite, or its rate or shape makes no sense.
    """
    if pcm.ndim == 1:
        pcm = pcm[:, None]
    if pcm.ndim != 2 or 0 in pcm.shape:
        raise BadClip("the clip has no audio; record or choose a longer one")
    if not RATES[0] <= rate <= RATES[1]:
        raise BadClip(f"the clip's sample rate {rate} Hz makes no sense; export it again")
    if not np.isfinite(pcm).all():
        raise BadClip("the clip holds samples that are not numbers; export it again")
    mixed = to_channels(np.asarray(pcm, np.float32), channels)
    if rate == MODEL_RATE:
        return np.ascontiguousarray(mixed)
    sound = soxr.resample(np.ascontiguousarray(mixed), rate, MODEL_RATE, quality=_QUALITY)
    return np.ascontiguousarray(sound, np.float32).reshape(-1, channels)
