"""The SEANet decoder's layers, each able to take its input in pieces of any length.

Signals are time-major, [batch, time, channels]: a window of a convolution is then one row of a
matrix, and every layer a single product against weights packed once. A layer's `start` makes
its state; its `forward(x, state, last)` takes the next piece and returns all output that no
later input can change. `last=True` says that the signal ends with this piece and yields the
rest. Joined together, the outputs equal those of the layers of transformers'
`modeling_encodec.py` on the whole signal, paddings at both ends included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.encodec.modeling_encodec import (
    EncodecConv1d,
    EncodecConvTranspose1d,
    EncodecLSTM,
    EncodecResnetBlock,
)

from core.codec.dense import Dense
from core.errors import BadCheckpoint


@dataclass(slots=True)
class ConvState:
    """held: input still needed [batch, time, channels]; started: left padding was applied."""

    held: Tensor
    started: bool = False


@dataclass(slots=True)
class UpsampleState:
    """held: the last input [batch, 1, channels]; trim: output samples still to be cut off."""

    held: Tensor
    trim: int


@dataclass(slots=True)
class LstmState:
    """hidden, cell: [batch, width], one pair a layer."""

    hidden: list[Tensor]
    cell: list[Tensor]


LayerState = ConvState | UpsampleState | LstmState


def copy_state(state: LayerState) -> LayerState:
    """With tensors of its own: what is held is otherwise a view of a whole piece of signal."""
    match state:
        case LstmState(hidden, cell):
            return LstmState([h.clone() for h in hidden], [c.clone() for c in cell])
        case _:
            return replace(state, held=state.held.clone())


def reflect_pad(x: Tensor, left: int, right: int) -> Tensor:
    """Mirror both ends of x [batch, time, channels], the edge sample not repeated.

    A signal no longer than the padding is lengthened with zeros first and cut again
    afterwards, as EnCodec's `_pad1d` does.
    """
    extra = max(0, max(left, right) - x.shape[1] + 1)
    if extra:
        x = F.pad(x, (0, 0, 0, extra))
    length = x.shape[1]
    head = x[:, 1 : left + 1].flip(1)
    tail = x[:, length - right - 1 : length - 1].flip(1)
    padded = torch.cat((head, x, tail), 1)
    return padded[:, : padded.shape[1] - extra] if extra else padded


class Conv:
    """`EncodecConv1d` with stride 1, an ELU before it on demand."""

    def __init__(self, layer: EncodecConv1d) -> None:
        conv = layer.conv
        if layer.norm_type != "weight_norm" or conv.stride[0] != 1:
            raise BadCheckpoint(
                "this codec's decoder cannot be streamed (group norm or strided convolution);"
                " use a checkpoint with EnCodec 32 kHz"
            )
        if layer.pad_mode not in ("reflect", "constant"):
            raise BadCheckpoint(f"codec padding '{layer.pad_mode}' is unknown; use another model")
        weight = conv.weight.detach()  # weight norm, if any, is folded by this access
        self.outputs, self.inputs, self.kernel = weight.shape
        self.dilation = conv.dilation[0]
        self.span = (self.kernel - 1) * self.dilation
        self.right = 0 if layer.causal else self.span // 2
        self.left = self.span - self.right
        self._reflect = layer.pad_mode == "reflect"
        # With few outputs it is cheaper to multiply each sample by all taps and add shifted.
        self._shifted = self.kernel > 1 and self.outputs * 4 <= self.inputs
        bias = conv.bias
        if self._shifted:
            self._bias = None if bias is None else bias.detach().clone()
            taps = weight.permute(2, 0, 1).reshape(self.kernel * self.outputs, self.inputs)
            self._dense = Dense(taps)
        else:
            flat = weight.permute(0, 2, 1).reshape(self.outputs, self.kernel * self.inputs)
            self._dense = Dense(flat, bias)

    def start(self, batch: int) -> ConvState:
        return ConvState(self._dense.weight.new_zeros(batch, 0, self.inputs))

    def window(self, x: Tensor, state: ConvState, last: bool) -> Tensor:
        """The padded input that the outputs now due depend on; the state moves past them.

        Returns [batch, outputs due + span, channels]; shorter than span + 1 if none is due.
        """
        x = torch.cat((state.held, x), 1)
        if not state.started:
            if not last and x.shape[1] <= max(self.left, self.right):
                state.held = x  # too short to be mirrored yet
                return x[:, :0]
            x = self._pad(x, self.left, self.right if last else 0)
            state.started = True
        elif last:
            x = self._pad(x, 0, self.right)
        state.held = x[:, max(0, x.shape[1] - self.span) :]
        return x

    def _pad(self, x: Tensor, left: int, right: int) -> Tensor:
        if self._reflect:
            return reflect_pad(x, left, right)
        return F.pad(x, (0, 0, left, right))

    def apply(self, window: Tensor) -> Tensor:
        """[batch, n + span, inputs] → [batch, n, outputs]."""
        if self.kernel == 1:
            return self._dense(window)
        batch, length, _ = window.shape
        n = max(0, length - self.span)
        if self._shifted:
            taps = self._dense(window)
            row = self.kernel * self.outputs
            strides = (length * row, row, 1, self.dilation * row + self.outputs)
            y = taps.as_strided((batch, n, self.outputs, self.kernel), strides).sum(-1)
            return y if self._bias is None else y.add_(self._bias)
        rows = window.contiguous().as_strided(
            (batch, n, self.kernel, self.inputs),
            (length * self.inputs, self.inputs, self.dilation * self.inputs, 1),
        )
        return self._dense(rows.reshape(batch, n, self.kernel * self.inputs))

    def forward(self, x: Tensor, state: ConvState, last: bool, elu: bool = False) -> Tensor:
        window = self.window(x, state, last)
        if window.shape[1] <= self.span:
            return window.new_zeros(window.shape[0], 0, self.outputs)
        return self.apply(F.elu(window) if elu else window)


class Upsample:
    """`EncodecConvTranspose1d` whose kernel is twice its stride, an ELU before it.

    Output j·stride … (j+1)·stride depends on inputs j and j−1 alone, so the layer is a
    convolution of two taps with stride · outputs channels, read out in time order.
    """

    def __init__(self, layer: EncodecConvTranspose1d) -> None:
        conv = layer.conv
        self.stride = conv.stride[0]
        if layer.norm_type != "weight_norm" or conv.kernel_size[0] != 2 * self.stride:
            raise BadCheckpoint(
                "this codec's decoder cannot be streamed (group norm or unusual kernel);"
                " use a checkpoint with EnCodec 32 kHz"
            )
        weight = conv.weight.detach()  # [inputs, outputs, 2 · stride]
        self.inputs, self.outputs, _ = weight.shape
        now, before = weight[..., : self.stride], weight[..., self.stride :]
        both = torch.stack((before, now)).permute(3, 2, 0, 1)  # [stride, outputs, tap, inputs]
        bias = None if conv.bias is None else conv.bias.detach().repeat(self.stride)
        self._dense = Dense(both.reshape(self.stride * self.outputs, 2 * self.inputs), bias)
        # What the whole-clip layer cuts off its stride surplus samples at either end.
        self.right = self.stride // 2
        if layer.causal:
            self.right = -int(-self.stride * layer.trim_right_ratio // 1)
        self.left = self.stride - self.right

    def start(self, batch: int) -> UpsampleState:
        return UpsampleState(self._dense.weight.new_zeros(batch, 1, self.inputs), self.left)

    def forward(self, x: Tensor, state: UpsampleState, last: bool) -> Tensor:
        x = torch.cat((state.held, F.elu(x)), 1)
        state.held = x[:, -1:]
        if last:
            x = F.pad(x, (0, 0, 0, 1))
        batch, length, width = x.shape
        pairs = x.as_strided((batch, length - 1, 2 * width), (length * width, width, 1))
        y = self._dense(pairs.contiguous())
        y = y.view(batch, (length - 1) * self.stride, self.outputs)
        y = y[:, state.trim : y.shape[1] - self.right if last else y.shape[1]]
        state.trim = 0
        return y


class Residual:
    """`EncodecResnetBlock`: ELU, convolution, ELU, 1×1 convolution, and the input added."""

    def __init__(self, layer: EncodecResnetBlock) -> None:
        self.conv = Conv(layer.block[1])
        self._mix = Conv(layer.block[3])
        identity = isinstance(layer.shortcut, nn.Identity)
        self._shortcut = None if identity else Conv(layer.shortcut)

    def start(self, batch: int) -> ConvState:
        return self.conv.start(batch)

    def forward(self, x: Tensor, state: ConvState, last: bool) -> Tensor:
        window = self.conv.window(x, state, last)
        n = window.shape[1] - self.conv.span
        if n <= 0:
            return window[:, :0]
        hidden = self.conv.apply(F.elu(window))
        mixed = self._mix.apply(F.elu_(hidden))
        # The window is as late as the convolution: the input that belongs to an output is
        # `left` samples into its window.
        same = window[:, self.conv.left : self.conv.left + n]
        return mixed.add_(same if self._shortcut is None else self._shortcut.apply(same))


class Lstm:
    """`EncodecLSTM`: stacked LSTM layers in one direction, and the input added.

    Written out because `torch.nn.LSTM` packs its weights anew on every call on a CPU, which
    costs more than ten frames of decoding.
    """

    def __init__(self, layer: EncodecLSTM) -> None:
        lstm = layer.lstm
        self.width = lstm.hidden_size
        self._inputs: list[Dense] = []
        self._recurrent: list[Dense] = []
        for index in range(lstm.num_layers):
            weights = [getattr(lstm, f"{name}_l{index}") for name in _LSTM_WEIGHTS]
            w_in, w_rec, b_in, b_rec = (self._gates_sorted(w.detach()) for w in weights)
            self._inputs.append(Dense(w_in, b_in + b_rec))
            self._recurrent.append(Dense(w_rec))

    def _gates_sorted(self, weight: Tensor) -> Tensor:
        """Rows i, f, g, o → i, f, o, g, so that the three sigmoids lie together."""
        i, f, g, o = weight.split(self.width)
        return torch.cat((i, f, o, g))

    def start(self, batch: int) -> LstmState:
        def zeros() -> list[Tensor]:
            weight = self._recurrent[0].weight
            return [weight.new_zeros(batch, self.width) for _ in self._recurrent]

        return LstmState(zeros(), zeros())

    def forward(self, x: Tensor, state: LstmState, last: bool) -> Tensor:
        del last  # the LSTM looks backwards only: nothing is held
        y, width = x, self.width
        for index, (w_in, w_rec) in enumerate(zip(self._inputs, self._recurrent, strict=True)):
            gates = w_in(y)
            y = torch.empty_like(x)
            hidden, cell = state.hidden[index], state.cell[index]
            for t in range(x.shape[1]):
                z = w_rec(hidden).add_(gates[:, t])
                i, f, o = z[:, : 3 * width].sigmoid_().split(width, 1)
                cell = (f * cell).addcmul_(i, z[:, 3 * width :].tanh_())
                hidden = o * cell.tanh()
                y[:, t] = hidden
            state.hidden[index], state.cell[index] = hidden, cell
        return x + y


_LSTM_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
