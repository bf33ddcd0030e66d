"""A Transformer's run on disk: last.pt to go on from, best.pt and last.pt to make a model of.

last.pt: `model`, `text`, `questions` (as trained), `average` (the same, averaged, or None),
`optimizer`, `schedule`, `torch_rng`, `best`. best.pt: `model`, `text` (averaged), `loss`. Both:
`shape`, `step`. All tensors and plain values: nothing pickled need be executed to read them.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from core.errors import BadCheckpoint, BadInput
from core.training.run.shared import atomic_save, read_checkpoint

if TYPE_CHECKING:
    from core.training.transformer.trainer import TransformerTrainer

PARTS = ("model", "text", "questions")  # of the objective


def trained_weights(run: Path) -> tuple[dict[str, Any], Path]:
    """What a run made, to be heard or exported: `model`, `text`, `shape`; and its tokenizer's
    folder. run: its folder, of which best.pt is taken, else last.pt; or one of these files.

    The averaged weights where the run kept some. Raises BadCheckpoint where there is none.
    """
    path = run
    if run.is_dir():
        path = run / "best.pt" if (run / "best.pt").exists() else run / "last.pt"
    state = read_checkpoint(path)
    return state | (state.get("average") or {}), path.parent / "tokenizer"


def averaged_state(run: TransformerTrainer) -> dict[str, Any]:
    """What a model is made of: the averaged weights, their shape, the step."""
    average = run.average.module
    return {
        "model": average.model.state_dict(),
        "text": average.text.state_dict(),
        "shape": dataclasses.asdict(run.shape),
        "step": run.schedule.step,
    }


def save_best(run: TransformerTrainer) -> None:
    """The averaged weights as they are now, as best.pt. Raises DawBridgeError: a full disk."""
    atomic_save(averaged_state(run) | {"loss": run.best}, run.config.out / "best.pt")


def save_last(run: TransformerTrainer) -> None:
    """Everything needed to go on, as last.pt; the one before is kept.

    Raises BadInput, and leaves last.pt, where weights are not numbers any more;
    DawBridgeError where the disk is full.
    """
    norms = torch.stack(torch._foreach_norm([p.detach() for p in run.weights]))
    if not math.isfinite(float(norms.sum())):
        raise BadInput(
            f"weights are not numbers any more at step {run.schedule.step}; lower rate (it is"
            f" {run.config.rate:g}) and give the command again: {run.checkpoint} is from before"
        )
    average = None
    if run.average.decay:
        average = {part: getattr(run.average.module, part).state_dict() for part in PARTS}
    atomic_save(
        {
            **{part: getattr(run.objective, part).state_dict() for part in PARTS},
            "average": average,
            "shape": dataclasses.asdict(run.shape),
            "optimizer": run.optimizer.state_dict(),
            "schedule": run.schedule.state_dict(),
            "step": run.schedule.step,
            "torch_rng": torch.get_rng_state(),
            "best": run.best,
        },
        run.checkpoint,
        keep_previous=True,
    )


def resume_last(run: TransformerTrainer) -> None:
    """Go on from last.pt. Raises BadCheckpoint where it is damaged or of another shape."""
    state = read_checkpoint(run.checkpoint, run.device, run.log.say)
    settings = [dict(group) for group in run.optimizer.param_groups]
    try:
        for part in PARTS:
            getattr(run.objective, part).load_state_dict(state[part])
        run.optimizer.load_state_dict(state["optimizer"])
    except (KeyError, ValueError, RuntimeError, TypeError):
        raise BadCheckpoint(
            f"{run.checkpoint} is of a model of other sizes; set them back, or choose another"
            " `out` (and weights_from for what fits)"
        ) from None
    for group, setting in zip(run.optimizer.param_groups, settings, strict=True):
        # the file's settings win over the checkpoint's
        group.update({k: v for k, v in setting.items() if k not in ("params", "lr")})
    if state.get("average") and run.average.decay:
        for part in PARTS:
            getattr(run.average.module, part).load_state_dict(state["average"][part])
    else:
        run.average.restart()
    run.schedule.load_state_dict(state["schedule"])
    run.best = float(state.get("best", math.inf))
    torch.set_rng_state(state["torch_rng"].cpu())
    if run.processes.leads:
        run.log.rewind(run.schedule.step)
    run.log.write(resumed=run.schedule.step)
