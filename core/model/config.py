"""The sizes of a MusicGen language model, read from a Hugging Face `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import BadCheckpoint

PUBLIC_WINDOW = 1_500  # frames (30 s) the public checkpoints were trained on
STYLE_FRAMES = 23  # of the longest style, 4.5 s of five frames a second


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What the Transformer looks like. Defaults are musicgen-small's.

    hidden, layers, heads, ffn: the usual Transformer sizes.
    codebooks: rows of codes; for stereo left/right pairs, so 8 where the codec has 4.
    vocab: entries of each codebook. Token `vocab` itself is the special one: padding,
        start, and "no token here" in the delay pattern.
    audio_channels: 1 or 2.
    text_hidden: width of the text encoder's states.
    window_frames: frames of one training window; positions beyond it were never learnt.
    activation: name of the feed-forward non-linearity.
    chroma_bins, chroma_frames: of a melody model, pitch classes and how many frames of them it
        reads; 0 of the others. A melody model reads melody and text before the codes and has no
        cross-attention.
    style_width: of a style model, the numbers of a frame of style; 0 of the others. It too reads
        style and text before the codes.
    dropout, attention_dropout, activation_dropout: used in training only.
    """

    hidden: int = 1_024
    layers: int = 24
    heads: int = 16
    ffn: int = 4_096
    codebooks: int = 4
    vocab: int = 2_048
    audio_channels: int = 1
    text_hidden: int = 768
    window_frames: int = PUBLIC_WINDOW
    max_positions: int = 2_048
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    chroma_bins: int = 0
    chroma_frames: int = 0
    style_width: int = 0

    def __post_init__(self) -> None:
        if min(self.hidden, self.layers, self.heads, self.ffn, self.codebooks, self.vocab) < 1:
            raise BadCheckpoint("config.json has a size below 1; get the checkpoint again")
        if max(self.layers, self.codebooks) > 512 or max(self.hidden, self.ffn, self.vocab) > 2**18:
            raise BadCheckpoint(
                f"config.json has {self.layers} layers of {self.hidden}, {self.ffn} inside, and"
                f" {self.codebooks} codebooks of {self.vocab}; that is no MusicGen"
            )
        if self.hidden % self.heads or self.hidden % 2 or self.hidden < 4:
            raise BadCheckpoint(
                f"config.json has hidden_size {self.hidden} for {self.heads} heads;"
                " it must be even and a multiple of the heads"
            )
        if self.audio_channels not in (1, 2):
            raise BadCheckpoint(f"config.json has {self.audio_channels} audio channels; use 1 or 2")
        if self.audio_channels == 2 and self.codebooks % 2:
            raise BadCheckpoint(f"config.json has {self.codebooks} codebooks for stereo pairs")
        if not 0 <= self.chroma_bins <= 16 or (self.chroma_bins and self.chroma_frames < 1):
            raise BadCheckpoint(
                f"config.json has {self.chroma_bins} pitch classes in {self.chroma_frames} frames;"
                " a melody model has 12 in 235"
            )

    @property
    def special_token(self) -> int:
        """The padding and start token: one past the codebook's last entry."""
        return self.vocab

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    @property
    def delays(self) -> tuple[int, ...]:
        """Steps each codebook lags behind the first: 0,1,2,3 or, in stereo, 0,0,1,1,2,2,3,3."""
        pair = self.audio_channels
        return tuple(book // pair for book in range(self.codebooks))

    @property
    def max_delay(self) -> int:
        return self.delays[-1]

    @property
    def projects_text(self) -> bool:
        """Whether a linear layer brings the text states to the decoder's width.

        transformers makes the layer only where the widths differ.
        """
        return self.text_hidden != self.hidden

    @property
    def hears_melody(self) -> bool:
        """Whether melody and text come before the codes."""
        return self.chroma_bins > 0

    @property
    def hears_style(self) -> bool:
        """Whether style and text come before the codes."""
        return self.style_width > 0

    @property
    def reads_prefix(self) -> bool:
        """Whether it is told what to play before the codes: there is no cross-attention."""
        return self.hears_melody or self.hears_style

    @property
    def prefix_frames(self) -> int:
        """Most positions before the text and the codes."""
        return STYLE_FRAMES if self.hears_style else self.chroma_frames

    @property
    def projects_melody(self) -> bool:
        """As `projects_text`, of the pitch classes."""
        return self.hears_melody and self.chroma_bins != self.hidden

    @classmethod
    def from_hugging_face(
        cls, config: Mapping[str, Any], window_frames: int | None = None
    ) -> ModelConfig:
        """From a parsed `config.json` of a whole MusicGen checkpoint.

        window_frames: the trained window where another file states it; else min(1500, positions).
        Raises BadCheckpoint when it describes another kind of model or lacks a size.
        """
        kind = config.get("model_type")
        if kind not in ("musicgen", "musicgen_melody"):
            raise BadCheckpoint(
                f"config.json describes a {kind!r} model; give a MusicGen checkpoint"
                " (model_type 'musicgen' or 'musicgen_melody')"
            )
        try:
            decoder, text = config["decoder"], config["text_encoder"]
            positions = int(decoder.get("max_position_embeddings", 2_048))
            made = cls(
                hidden=int(decoder["hidden_size"]),
                layers=int(decoder["num_hidden_layers"]),
                heads=int(decoder["num_attention_heads"]),
                ffn=int(decoder["ffn_dim"]),
                codebooks=int(decoder["num_codebooks"]),
                vocab=int(decoder["vocab_size"]),
                audio_channels=int(decoder.get("audio_channels", 1)),
                text_hidden=int(text.get("hidden_size", text.get("d_model", 0))),
                window_frames=window_frames or min(PUBLIC_WINDOW, positions),
                max_positions=positions,
                activation=str(decoder.get("activation_function", "gelu")),
                dropout=float(decoder.get("dropout", 0.1)),
                attention_dropout=float(decoder.get("attention_dropout", 0.0)),
                activation_dropout=float(decoder.get("activation_dropout", 0.0)),
                chroma_bins=int(config.get("num_chroma", 12)) if kind != "musicgen" else 0,
                chroma_frames=int(config.get("chroma_length", 235)) if kind != "musicgen" else 0,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise BadCheckpoint(
                f"config.json lacks or garbles {problem}; get the checkpoint again"
            ) from problem
        if made.text_hidden < 1:
            raise BadCheckpoint("config.json has no text encoder width; get the checkpoint again")
        return made

    def to_hugging_face(
        self, text_encoder: Mapping[str, Any], audio_encoder: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The `config.json` that stock transformers reads.

        text_encoder, audio_encoder: the sub-configs (`T5Config.to_dict()`,
        `EncodecConfig.to_dict()`). `scale_embedding` is written false: transformers
        stores the flag but never multiplies by it, and AudioCraft has no such scale.
        """
        kind, name = "musicgen", "MusicgenForConditionalGeneration"
        melody: dict[str, Any] = {}
        if self.hears_melody:
            kind, name = "musicgen_melody", "MusicgenMelodyForConditionalGeneration"
            melody = {"num_chroma": self.chroma_bins, "chroma_length": self.chroma_frames}
        return {
            "architectures": [name],
            "model_type": kind,
            "is_encoder_decoder": True,
            **melody,
            "text_encoder": dict(text_encoder),
            "audio_encoder": dict(audio_encoder),
            "decoder": {
                "model_type": f"{kind}_decoder",
                "hidden_size": self.hidden,
                "num_hidden_layers": self.layers,
                "num_attention_heads": self.heads,
                "ffn_dim": self.ffn,
                "num_codebooks": self.codebooks,
                "vocab_size": self.vocab,
                "audio_channels": self.audio_channels,
                "max_position_embeddings": self.max_positions,
                "activation_function": self.activation,
                "dropout": self.dropout,
                "attention_dropout": self.attention_dropout,
                "activation_dropout": self.activation_dropout,
                "scale_embedding": False,
                "pad_token_id": self.special_token,
                "bos_token_id": self.special_token,
            },
        }
