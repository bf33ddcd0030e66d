"""Whole-clip encode and decode around transformers' EnCodec, mono and stereo.

MusicGen's stereo checkpoints have a mono codec that is run on each channel; codebook 2q is the
left channel's q-th and 2q+1 the right's.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import EncodecModel

from core.codec.streaming_decoder import StreamingDecoder
from core.errors import BadClip
from core.types import FRAME_RATE, SampleRate


class Codec:
    """A loaded EnCodec for one model's channels. float32, inference only, one thread at a time.

    model: an `EncodecModel` in eval mode, on the device where it is to run.
    channels: of the music, 1 or 2.
    Raises BadCheckpoint if the codec is not EnCodec 32 kHz in its geometry.
    """

    def __init__(self, model: EncodecModel, channels: int = 1) -> None:
        self.model = model.eval()
        self.channels = channels
        self.rate = SampleRate(model.config.sampling_rate)
        self.samples_per_frame = model.config.hop_length
        self.codebooks = model.config.num_quantizers * channels
        self.streaming = StreamingDecoder(model, channels)

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def frame_rate(self) -> int:
        return self.rate // self.samples_per_frame or FRAME_RATE

    @torch.inference_mode()
    def encode(self, pcm: NDArray[np.float32] | Tensor) -> NDArray[np.int64]:
        """float32 [samples, channels] at the model's rate → int64 [codebooks, frames].

        A last piece shorter than a frame makes a frame of its own, as in EnCodec.
        Raises BadClip when there are no samples, or some that are not numbers.
        """
        audio = torch.as_tensor(pcm, dtype=torch.float32, device=self.device)
        if audio.ndim != 2 or audio.shape[1] != self.channels:
            raise ValueError(f"pcm must be [samples, {self.channels}], not {list(audio.shape)}")
        if not audio.shape[0]:
            raise BadClip("the clip has no audio; record or choose a longer one")
        if not bool(torch.isfinite(audio).all()):
            raise BadClip("the clip holds samples that are not numbers; export it again")
        bandwidth = self.model.config.target_bandwidths[-1]
        found = self.model.encode(audio.t().unsqueeze(1).contiguous(), bandwidth=bandwidth)
        codes = found[0][0]  # [channels, books of one channel, frames]
        return codes.transpose(0, 1).flatten(0, 1).cpu().numpy()

    @torch.inference_mode()
    def decode(self, codes: NDArray[np.int64] | Tensor) -> NDArray[np.float32]:
        """int64 [codebooks, frames] → float32 [frames · 640, channels]."""
        tokens = torch.as_tensor(codes, device=self.device).long()
        if tokens.shape[1] == 0:
            return np.zeros((0, self.channels), np.float32)
        split = tokens.unflatten(0, (-1, self.channels)).transpose(0, 1)
        sound = self.model.decode(split.unsqueeze(0), [None])[0]
        return sound[:, 0].t().contiguous().cpu().numpy()
