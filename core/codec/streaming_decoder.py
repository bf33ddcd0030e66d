"""Frames in, PCM out: EnCodec's decoder on a stream, equal to decoding the whole clip.

The 32 kHz codec is not causal: an output sample depends on codes up to 3.75 frames later, and
both ends of a clip are mirrored at every convolution. So the decoder holds back
`lookahead_samples` until later frames (or the end) decide them, and carries each layer's last
inputs and the LSTM's state. However the frames are cut into pieces, the joined PCM is
`EncodecModel.decode` of all of them (to rounding), and a frame costs the same however much
was played before it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import EncodecModel

from core.codec.streaming_layers import Conv, LayerState, Lstm, Residual, Upsample, copy_state
from core.errors import BadCheckpoint


@dataclass(slots=True)
class DecoderState:
    """One stream's progress. frames: taken so far; samples: given so far, a channel."""

    layers: list[LayerState]
    frames: int = 0
    samples: int = 0
    ended: bool = False


class StreamingDecoder:
    """The decoder half of a loaded `EncodecModel`, for any number of independent streams.

    channels: 2 for MusicGen's stereo checkpoints, whose even codebooks are the left channel
    and odd ones the right, each decoded by the mono codec.
    Raises BadCheckpoint if the codec's decoder is of a kind that cannot be streamed.
    """

    def __init__(self, codec: EncodecModel, channels: int = 1) -> None:
        config = codec.config
        if config.audio_channels != 1 or config.normalize or config.chunk_length is not None:
            raise BadCheckpoint(
                "the checkpoint's codec is not a mono EnCodec without loudness scaling;"
                " use a MusicGen checkpoint with EnCodec 32 kHz"
            )
        self.channels = channels
        self.samples_per_frame = config.hop_length
        books = torch.stack([layer.codebook.embed for layer in codec.quantizer.layers])
        self._books = books.detach().float().flatten(0, 1)  # [codebooks · entries, width]
        self._entries = books.shape[1]
        self._layers, self._elu_before = _build(codec.decoder.layers)
        self.lookahead_samples = self._lookahead()
        # On a GPU a queue of its own: sound must not wait for the steps that are under way.
        self._queue: torch.cuda.Stream | None = None
        if self._books.is_cuda:
            self._queue = torch.cuda.Stream(self._books.device, priority=-1)
            self._queue.wait_stream(torch.cuda.current_stream(self._books.device))

    def start(self) -> DecoderState:
        """The state at the start of a clip."""
        with self._aside():
            return DecoderState([layer.start(self.channels) for layer in self._layers])

    def copy(self, state: DecoderState) -> DecoderState:
        """A state to come back to: decoding on with one leaves the other as it is."""
        with self._aside():
            return replace(state, layers=[copy_state(layer) for layer in state.layers])

    def decode_to_host(
        self, state: DecoderState, codes: Tensor, last: bool = False
    ) -> NDArray[np.float32]:
        """As `decode`. Waits for this sound alone, whatever else a GPU is at."""
        with self._aside():
            return self.decode(state, codes, last).cpu().numpy()

    @torch.inference_mode()
    def decode(self, state: DecoderState, codes: Tensor, last: bool = False) -> Tensor:
        """The PCM that became certain with these frames.

        codes: int64 [codebooks, frames], frames may be 0. Returns float32 [samples, channels],
        32 kHz, on the codec's device: altogether frames · 640 samples, the newest
        `lookahead_samples` of them only with `last=True`, which ends the stream.
        """
        if state.ended:
            raise ValueError("this stream has ended; start a new one")
        state.ended = last
        state.frames += codes.shape[1]
        pcm = self._books.new_zeros(0, self.channels)
        if state.frames:
            with self._aside():
                pcm = self._run(self._embed(codes), state, last)
            if self._queue is not None:  # whoever uses it now comes after it
                current = torch.cuda.current_stream(pcm.device)
                current.wait_stream(self._queue)
                pcm.record_stream(current)
        state.samples += pcm.shape[0]
        return pcm

    @torch.inference_mode()
    def listen(self, state: DecoderState, codes: Tensor) -> int:
        """Hear the first frames of a stream without their sound, which is most of the work.

        codes: int64 [codebooks, frames]. Fills the recurrent layer's memory, which is long. The
        convolutions, whose memory is 4 frames, begin after it as at the start of a clip.
        Returns how many of the frames are past: the sound that `decode` gives begins there.
        """
        if not any(isinstance(layer, Lstm) for layer in self._layers):
            return codes.shape[1]
        state.frames += codes.shape[1]
        with self._aside():
            x = self._embed(codes)
            for layer, held, elu in zip(self._layers, state.layers, self._elu_before, strict=True):
                x = _through(layer, x, held, False, elu)
                if isinstance(layer, Lstm) or x.shape[1] == 0:
                    break
        return x.shape[1]

    def flush(self, state: DecoderState) -> Tensor:
        """End the stream and return the samples held back, float32 [samples, channels]."""
        none = torch.zeros(self.channels, 0, dtype=torch.int64)
        return self.decode(state, none, last=True)

    def _aside(self) -> AbstractContextManager[object]:
        return nullcontext() if self._queue is None else torch.cuda.stream(self._queue)

    def _embed(self, codes: Tensor) -> Tensor:
        """[codebooks, frames] → [channels, frames, width], the sum of the codebooks' entries."""
        codes = codes.to(self._books.device)
        split = codes.unflatten(0, (-1, self.channels))  # books of left, right in turn
        first = torch.arange(split.shape[0], device=codes.device)[:, None, None] * self._entries
        return self._books[split + first].sum(0)

    def _run(self, x: Tensor, state: DecoderState, last: bool) -> Tensor:
        for layer, held, elu in zip(self._layers, state.layers, self._elu_before, strict=True):
            if x.shape[1] == 0 and not last:
                return x.new_zeros(0, self.channels)
            x = _through(layer, x, held, last, elu)
        return x.squeeze(2).t().contiguous()

    def _lookahead(self) -> int:
        """Samples held back, at the model's rate, walking the layers from frames to samples."""
        samples = 0
        for layer in self._layers:
            match layer:
                case Conv():
                    samples += layer.right
                case Residual():
                    samples += layer.conv.right
                case Upsample():
                    samples = samples * layer.stride + layer.left
                case Lstm():
                    pass
        return samples


Layer = Conv | Upsample | Residual | Lstm


def _through(layer: Layer, x: Tensor, held: LayerState, last: bool, elu: bool) -> Tensor:
    """A layer's output; an ELU that every other kind needs is in the layer itself."""
    if isinstance(layer, Conv):
        return layer.forward(x, held, last, elu)  # pyright: ignore[reportArgumentType]
    return layer.forward(x, held, last)  # pyright: ignore[reportArgumentType]


def _build(modules: nn.ModuleList) -> tuple[list[Layer], list[bool]]:
    """Our layers for the codec's, and for each whether an ELU stood before it."""
    from transformers.models.encodec import modeling_encodec as theirs

    layers: list[Layer] = []
    elus: list[bool] = []
    elu = False
    for module in modules:
        match module:
            case nn.ELU():
                elu = True
                continue
            case theirs.EncodecConv1d():
                layers.append(Conv(module))
            case theirs.EncodecConvTranspose1d():
                layers.append(Upsample(module))
            case theirs.EncodecLSTM():
                layers.append(Lstm(module))
            case theirs.EncodecResnetBlock():
                layers.append(Residual(module))
            case _:
                raise BadCheckpoint(f"the codec has an unknown layer {type(module).__name__}")
        elus.append(elu)
        elu = False
    return layers, elus
