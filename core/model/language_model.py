"""MusicGen's language model: codes in, logits of the next codes out.

One class for both uses. Training calls `forward` on whole delayed sequences; generation
calls `prefill` for positions that are known and `step` for each one after, with an `LMState`.
Shapes: B rows, K codebooks, S positions, V entries of a codebook, T text tokens.
Codes are int64 in 0…V, where V is the special token (`config.special_token`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.errors import BadCheckpoint
from core.model.config import ModelConfig
from core.model.hugging_face import from_hugging_face, to_hugging_face
from core.model.kv_cache import KVCache
from core.model.text_keys import TextKeys
from core.model.transformer import DecoderBlock, LayerSpan

Spans = Sequence[tuple[int, TextKeys | None]]  # from which position on which text is seen


@dataclass(slots=True, weakref_slot=True, eq=False)
class LMState:
    """What one generation carries from step to step: `cache.length` positions are behind it.

    prefix: of a melody or style model, what it reads before the codes, [rows,P,H]: the cache's
        first P positions.
    """

    cache: KVCache
    text: TextKeys | None = None
    prefix: Tensor | None = None

    @property
    def prefix_length(self) -> int:
        return 0 if self.prefix is None else self.prefix.shape[1]

    @property
    def codes(self) -> int:
        """Positions of codes that are behind it."""
        return max(0, self.cache.length - self.prefix_length)

    def cut(self, codes: int) -> None:
        """Forget all but the first `codes` positions of codes."""
        self.cache.length = self.prefix_length + codes


def sinusoidal_positions(first: int, count: int, hidden: int) -> Tensor:
    """Positions `first` … `first + count - 1` as [count, hidden] float32.

    Cosines, then sines; the exponent divides by half_dim - 1 (tensor2tensor's way, which
    MusicGen was trained with). Any position can be asked for: there is no table to run out of.
    """
    half = hidden // 2
    rates = torch.exp(torch.arange(half).float() * -(math.log(10_000) / (half - 1)))
    angles = torch.arange(first, first + count).float().unsqueeze(1) * rates.unsqueeze(0)
    return torch.cat((angles.cos(), angles.sin()), dim=1)


class LanguageModel(nn.Module):
    """The Transformer with its embeddings and output heads. Starts with random weights."""

    code_offsets: Tensor
    positions: Tensor
    short_cache: torch.dtype | None = None  # set by what makes the weights short too
    revision = 0  # counts changes of what a step computes: what was captured of one is stale

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        entries = config.vocab + 1
        # One table and one head matrix for all codebooks: one gather and one product a step.
        self.embed_codes = nn.Embedding(config.codebooks * entries, config.hidden)
        self.layers = nn.ModuleList(DecoderBlock(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden)
        self.heads = nn.Linear(config.hidden, config.codebooks * config.vocab, bias=False)
        self.text_proj = (
            nn.Linear(config.text_hidden, config.hidden) if config.projects_text else None
        )
        self.melody_proj = (
            nn.Linear(config.chroma_bins, config.hidden) if config.projects_melody else None
        )
        self.register_buffer(
            "code_offsets", torch.arange(config.codebooks) * entries, persistent=False
        )
        self.register_buffer("positions", torch.empty(0, config.hidden), persistent=False)
        self.reset_weights()

    @torch.no_grad()
    def reset_weights(self, std: float = 0.02) -> None:
        """Normal weights of width `std`; the layer norms start as the identity."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    @property
    def device(self) -> torch.device:
        return self.embed_codes.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.embed_codes.weight.dtype

    @property
    def cache_dtype(self) -> torch.dtype:
        """Of cached keys and values: bfloat16 where it saves time and attention sums in float32."""
        return self.dtype if self.short_cache is None else self.short_cache

    # ------------------------------------------------------------------ training

    def forward(
        self,
        codes: Tensor,
        text_states: Tensor | None = None,
        text_mask: Tensor | None = None,
        offset: int = 0,
    ) -> Tensor:
        """Teacher forcing: logits of what follows each position, gradients flowing.

        codes: [B,K,S] int64, delayed, starting with the special token.
        text_states: [B,T,text_hidden] from the text encoder, or None: no row sees text.
        text_mask: [B,T], nonzero where there is text. A row of zeros is a row without text
            (what classifier-free guidance drops a condition to).
        offset: position of codes[..., 0].
        Returns [B,K,S,V].
        """
        return self.read_out(self.states(codes, text_states, text_mask, offset))

    def states(
        self,
        codes: Tensor,
        text_states: Tensor | None = None,
        text_mask: Tensor | None = None,
        offset: int = 0,
    ) -> Tensor:
        """What the heads read, [B,S,H]; arguments as of `forward`."""
        if self.config.reads_prefix:
            raise BadCheckpoint(
                "a model that follows a melody or a style cannot be trained here; choose another"
            )
        text, mask = None, None
        if text_states is not None:
            text = self.project_text(text_states, text_mask)
            if text_mask is not None:
                seen = text_mask.bool()
                # A row that sees nothing would be 0/0. Its values are zeros, so letting it
                # see them all adds exactly nothing.
                mask = (seen | ~seen.any(1, keepdim=True))[:, None, None, :]
        x = self._embed(codes, offset)
        if self.training and self.config.dropout:
            x = nn.functional.dropout(x, self.config.dropout)
        for layer in self.layers:
            x = layer(x, text, mask)
        return self.norm(x)

    def read_out(self, states: Tensor) -> Tensor:
        """`states` [B,S,H] → logits [B,K,S,V]."""
        return self._logits(states).movedim(1, 2)

    # ------------------------------------------------------------------ generation

    def project_text(self, text_states: Tensor, text_mask: Tensor | None = None) -> Tensor:
        """Text encoder states [B,T,text_hidden] → [B,T,H], zeros where the mask is zero."""
        text = text_states if self.text_proj is None else self.text_proj(text_states)
        return text if text_mask is None else text * text_mask.unsqueeze(2).to(text.dtype)

    def project_melody(self, melody: Tensor) -> Tensor:
        """Pitch classes [B,P] int64 → [B,P,H]."""
        classes = nn.functional.one_hot(melody, self.config.chroma_bins).to(self.dtype)
        return classes if self.melody_proj is None else self.melody_proj(classes)

    def text_keys(self, text: Tensor) -> TextKeys:
        """Projected text [B,T,H], without padding → keys and values for every layer."""
        pairs = (layer.cross_attn.text_keys(text) for layer in self.layers)
        flat = tuple((keys.flatten(0, 1), values.flatten(0, 1)) for keys, values in pairs)
        return TextKeys(tuple((k.contiguous(), v.contiguous()) for k, v in flat), text.shape[0])

    def new_state(
        self,
        rows: int,
        capacity: int,
        text: TextKeys | None = None,
        prefix: Tensor | None = None,
    ) -> LMState:
        """An empty state of `rows` sequences; `capacity` positions of codes are allocated at once.

        text: what the model is told; a melody or style model by `prefix` [rows,P,H] instead.
        """
        capacity += 0 if prefix is None else prefix.shape[1]
        cache = KVCache.allocate(self.config, rows, capacity, self.device, self.cache_dtype)
        self._reach(capacity)
        return LMState(cache, text, prefix)

    def prefill(self, codes: Tensor, state: LMState, spans: Spans | None = None) -> Tensor:
        """Read codes [1 or B,K,S] after what the state has read; → logits [B,K,V] after the last.

        spans: what each position is told, where that is not the state's text throughout; the
        first span begins at 0, the first of these codes. So a state is made again as steps made
        it while prompts changed.
        """
        cache, start = state.cache, state.cache.length
        x = self._embed_codes(codes).expand(cache.rows, -1, -1)
        if state.prefix is not None and not start:
            x = torch.cat((state.prefix, x), 1)
        length = start + x.shape[1]
        cache.reserve(length)
        x = x + self._reach(length)[start:length]
        spans = spans or [(0, state.text)]
        for index, layer in enumerate(self.layers):
            told = [
                LayerSpan(first, None if text is None else text.layers[index], text and text.mix)
                for first, text in spans
            ]
            x = layer.prefill(x, cache.keys[index], cache.values[index], told, start)
        cache.length = length
        return self._logits(self.norm(x[:, -1]))

    def step(self, codes: Tensor, state: LMState) -> Tensor:
        """One position: codes [1 or B,K] → logits [B,K,V]; the state moves on by one."""
        cache, position = state.cache, state.cache.length
        cache.reserve(position + 1)
        x = self._embed(codes.unsqueeze(2), position).squeeze(1)
        x = x.expand(cache.rows, -1).contiguous() if x.shape[0] != cache.rows else x
        mix = None if state.text is None else state.text.mix
        for index, layer in enumerate(self.layers):
            text = None if state.text is None else state.text.layers[index]
            x = layer.step(x, cache.keys[index], cache.values[index], position, text, mix)
        cache.length = position + 1
        return self._logits(self.norm(x))

    # ------------------------------------------------------------------ weights

    @classmethod
    def from_hugging_face(cls, weights: Mapping[str, Tensor], config: ModelConfig) -> LanguageModel:
        """A model made of a Hugging Face state dict's tensors: no random weights are drawn.

        Tensors that need no merging are used as they are. Raises BadCheckpoint when one is
        missing or has another shape.
        """
        ours = from_hugging_face(weights, config)
        with torch.device("meta"):
            model = cls(config)
        model.load_state_dict(ours, assign=True)
        model.code_offsets = torch.arange(config.codebooks) * (config.vocab + 1)
        model.positions = torch.empty(0, config.hidden)
        return model

    def load_hugging_face(self, weights: Mapping[str, Tensor]) -> None:
        """Copy the weights of a Hugging Face MusicGen state dict; other parts are ignored.

        Raises BadCheckpoint when one is missing or has another shape.
        """
        self.load_state_dict(from_hugging_face(weights, self.config))

    def to_hugging_face(self) -> dict[str, Tensor]:
        """The weights under Hugging Face's names (`decoder.…`, `enc_to_dec_proj.…`).

        Contiguous and not sharing memory, so that safetensors writes them as they are.
        """
        return to_hugging_face(self.state_dict(), self.config)

    # ------------------------------------------------------------------ inside

    def _embed(self, codes: Tensor, first: int) -> Tensor:
        """codes [B,K,S] at positions from `first` → [B,S,H]."""
        stop = first + codes.shape[2]
        return self._embed_codes(codes) + self._reach(stop)[first:stop]

    def _embed_codes(self, codes: Tensor) -> Tensor:
        return self.embed_codes(codes.transpose(1, 2) + self.code_offsets).sum(2)

    def _logits(self, states: Tensor) -> Tensor:
        """What the heads read, […,H] → […,K,V]."""
        return self.heads(states).unflatten(-1, (self.config.codebooks, self.config.vocab))

    def _reach(self, count: int) -> Tensor:
        """The table of positions, made longer when fewer than `count` are in it."""
        if self.positions.shape[0] < count or self.positions.dtype != self.dtype:
            # Outside inference mode, because a table made inside it could not be trained with.
            with torch.inference_mode(False):
                table = sinusoidal_positions(0, count + count // 2, self.config.hidden)
                self.positions = table.to(self.device, self.dtype)
        return self.positions
