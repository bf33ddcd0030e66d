"""A folder of loops → an adapter, in one go: tokens with the model's own codec, then a LoRA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from core.errors import BadInput
from core.generation.params import is_adapter_name
from core.model.adapter_location import SUFFIX, named_path
from core.training.cli import tokenize
from core.training.lora.settings import LoraTraining
from core.training.lora.trainer import LoraTrainer

CLIPS_WANTED = 4  # below it the adapter learns the clips by heart and little else


@dataclass(frozen=True, slots=True)
class Finetune:
    """What `daw-bridge finetune` is asked for.

    name: of the adapter in the user's folder, or a path that ends in .safetensors.
    """

    folder: Path
    name: str
    model: str = "starter"
    device: str = "auto"
    steps: int = 400
    rank: int = 8
    trigger: str = ""
    licence: str = ""
    seed: int = 1

    @property
    def file(self) -> Path:
        """Raises BadInput for a name that is none."""
        if is_adapter_name(self.name):
            return named_path(self.name)
        path = Path(self.name).expanduser().absolute()
        if path.suffix != SUFFIX or path.is_dir():
            raise BadInput(f"{self.name!r} is no name for an adapter; give a word or FILE{SUFFIX}")
        return path

    @property
    def work(self) -> Path:
        """Tokens and checkpoints, so that the same command goes on."""
        home = Path(platformdirs.user_data_dir("daw-bridge", appauthor=False)) / "finetune"
        if is_adapter_name(self.name):
            return home / self.file.stem
        return self.file.with_suffix(".run")

    def settings(self) -> LoraTraining:
        return LoraTraining(
            tokens=self.work / "tokens",
            out=self.work / "run",
            adapter=self.file,
            model=self.model,
            device=self.device,
            rank=self.rank,
            alpha=2.0 * self.rank,
            steps=self.steps,
            warmup=min(20, self.steps // 10),
            trigger=self.trigger,
            licence=self.licence,
            seed=self.seed,
        )


def finetune(asked: Finetune, say: Callable[[str], None] = print) -> bool:
    """Tokenize, train, write; goes on where it was stopped. → whether it is finished.

    Raises BadInput and its kin: nothing usable in the folder, tokens or a run of another model.
    """
    settings = asked.settings()
    report = tokenize(asked.folder, settings.tokens, asked.model, device=asked.device)
    say(report.summary())
    clips = report.clips + report.kept
    if report.stopped:
        return False
    if clips < CLIPS_WANTED:
        say(f"{clips} clips are few; ten or more give an adapter that does more than repeat them")
    return LoraTrainer(settings).run()
