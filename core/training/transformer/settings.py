"""What a Transformer's training run can be told, by its TOML file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput
from core.model.config import ModelConfig
from core.training.run.config_file import ranged, read_config
from core.training.run.length import RunLength


@dataclass(frozen=True, slots=True)
class TransformerTraining:
    """A run, as its TOML file says it. How long: core/training/run/length.py."""

    tokens: Path
    out: Path
    weights_from: Path | None = None  # another run's folder or file to start from
    # the model
    hidden: int = ranged(256, 4)
    layers: int = ranged(6, 1)
    heads: int = ranged(4, 1)
    text_width: int = ranged(192, 8)
    window_frames: int = ranged(1500, 8)
    # how long
    steps: int | None = ranged(None, 1)
    minutes: float | None = ranged(None, 0.01)
    # a step
    frames_a_step: int = ranged(2_000, 1)  # over all processes and accumulated parts
    accumulate: int = ranged(1, 1)  # parts of a step, one after the other, to save memory
    # Crops grow while the run goes on. Text says most about the first seconds of a piece: many
    # short crops are many captions a step, and that is when the model learns to read.
    first_frames: int = ranged(150, 8)  # of a crop, until first_share of the run
    first_share: float = ranged(0.45, 0.0, 1.0)
    short_frames: int = ranged(500, 8)  # … then, until short_share; after it whole windows
    short_share: float = ranged(0.85, 0.0, 1.0)
    text_dropout: float = ranged(0.12, 0.0, 1.0)
    off_bar: float = ranged(0.15, 0.0, 1.0)
    # Questions beside the codes (questions.py), by weight. 0: not asked.
    metre: float = ranged(1.0, 0.0)  # beat and bar
    words: float = ranged(0.25, 0.0)  # of the caption
    questions_share: float = ranged(0.3, 0.0, 1.0)  # of the run; they fade to a tenth until then
    # the optimizer
    rate: float = ranged(1e-3, 1e-8, 1.0)
    warmup: int = ranged(200, 0)  # steps
    weight_decay: float = ranged(0.05, 0.0, 10.0)
    clip: float = ranged(1.0, 1e-6)  # largest norm of the gradient
    ema: float = ranged(0.999, 0.0, 0.999999)  # share kept by the averaged weights; 0: none
    # speed and memory
    autocast: bool = False  # bfloat16
    checkpoint_layers: bool = False
    # looking on
    seed: int = ranged(1, 0)
    held_out: float = ranged(0.05, 0.0, 0.9)  # share of the clips kept for validation
    log_every: int = ranged(50, 1)
    validate_every: int = ranged(400, 1)
    save_every: int = ranged(400, 1)
    sample_every: int = ranged(2_000, 0)  # steps; 0: no samples
    sample_seconds: float = ranged(5.0, 0.1, 30.0)
    prompts: tuple[str, ...] = ()  # of the samples; else captions of held-out clips
    codec: str = "starter"  # decodes the samples: a model, or the folder of a codec's run
    tensorboard: bool = True

    @classmethod
    def read(cls, path: Path) -> TransformerTraining:
        """Raises BadInput that names a key the file should not have, or a wrong value."""
        config = read_config(cls, path, folders=("tokens", "out"))
        if config.hidden % config.heads or config.hidden % 2:
            raise BadInput(
                f"{path.name}: hidden = {config.hidden} must be even and a multiple of"
                f" heads = {config.heads}"
            )
        beside = path.parent / Path(config.codec).expanduser()
        if beside.exists():
            config = dataclasses.replace(config, codec=str(beside.resolve()))
        return config

    @property
    def length(self) -> RunLength:
        return RunLength.of(self.steps, self.minutes)

    def crop_frames(self, progress: float) -> int:
        """Length of the crops at `progress`, 0 … 1, of the run."""
        if progress < self.first_share:
            return self.first_frames
        return self.short_frames if progress < self.short_share else self.window_frames

    def question_weights(self, progress: float) -> dict[str, float]:
        """Of those that are asked in this run, at `progress`, 0 … 1.

        They show the way to the text, and then give way: kept strong, they cost the codes (three
        times as many steps to the same loss, docs/training.md).
        """
        left = max(0.0, 1 - progress / self.questions_share) if self.questions_share else 0.0
        fade = 0.1 + 0.9 * left
        asked = {"metre": self.metre, "words": self.words}
        return {name: weight * fade for name, weight in asked.items() if weight}

    def shape(self, codebooks: int = 4) -> ModelConfig:
        return ModelConfig(
            hidden=self.hidden,
            layers=self.layers,
            heads=self.heads,
            ffn=4 * self.hidden,
            codebooks=codebooks,
            audio_channels=2 if codebooks == 8 else 1,
            text_hidden=self.text_width,
            dropout=0.0,
            window_frames=self.window_frames,
            max_positions=max(2_048, self.window_frames),
        )
