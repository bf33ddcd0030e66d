"""What a LoRA's training run can be told, by its TOML file or by `daw-bridge finetune`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import BadInput
from core.model.adapters import TARGETS
from core.training.run.config_file import ranged, read_config


@dataclass(frozen=True, slots=True)
class LoraTraining:
    """A run. tokens: made with the model's own codec. adapter: the file that is written; without
    it `adapter.safetensors` in `out`.
    """

    tokens: Path
    out: Path
    adapter: Path | None = None
    model: str = "starter"  # a folder, a hub id or 'starter'
    device: str = "auto"
    # the adapter
    rank: int = ranged(8, 1, 256)
    alpha: float = ranged(16.0, 0.01, 1024.0)
    targets: tuple[str, ...] = TARGETS
    dropout: float = ranged(0.0, 0.0, 0.9)
    trigger: str = ""  # a word put before every caption, to ask for this music by
    licence: str = ""  # of the adapter; '' is the model's
    # the run
    steps: int = ranged(400, 1)
    frames_a_step: int = ranged(2_000, 1)
    crop_frames: int = ranged(500, 8)
    rate: float = ranged(1e-3, 1e-8, 1.0)
    warmup: int = ranged(20, 0)
    weight_decay: float = ranged(0.01, 0.0, 10.0)
    clip: float = ranged(1.0, 1e-6)  # largest norm of the gradient
    text_dropout: float = ranged(0.12, 0.0, 1.0)
    off_bar: float = ranged(0.15, 0.0, 1.0)
    autocast: bool = False  # bfloat16
    checkpoint_layers: bool = False  # less memory, more time
    seed: int = ranged(1, 0)
    held_out: float = ranged(0.1, 0.0, 0.9)  # share of the clips kept for validation
    log_every: int = ranged(20, 1)
    save_every: int = ranged(100, 1)

    def __post_init__(self) -> None:
        for target in self.targets:
            if target not in TARGETS:
                raise BadInput(f"target {target!r} is unknown; use some of {', '.join(TARGETS)}")
        if not self.targets:
            raise BadInput(f"targets is empty; use some of {', '.join(TARGETS)}")

    @classmethod
    def read(cls, path: Path) -> LoraTraining:
        """Raises BadInput that names a key the file should not have, or a wrong value."""
        config = read_config(cls, path, folders=("tokens", "out"))
        beside = path.parent / config.model
        if beside.is_dir():  # a folder, relative to the file like all others
            config = replace(config, model=str(beside.resolve()))
        return config

    @property
    def file(self) -> Path:
        return self.adapter or self.out / "adapter.safetensors"
