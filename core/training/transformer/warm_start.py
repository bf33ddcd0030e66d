"""Start a run from another one's weights: whatever fits by name and shape is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import T5Tokenizer

from core.errors import BadInput
from core.model.checkpoint import load_checkpoint
from core.training.run.shared import read_checkpoint

WORD_TABLES = ("shared.weight", "encoder.embed_tokens.weight")  # T5's, tied


@torch.no_grad()
def warm_start(model: nn.Module, text: nn.Module, tokenizer: Any, source: Path) -> str:
    """Copy weights from `source`; → one line on what was taken.

    source: a run's folder or its checkpoint, of which the averaged weights where it kept some;
    or the folder of a finished model. Words that both tokenizers know keep their row of the
    text encoder's table, wherever it is in the new one.
    Raises BadInput where there is no checkpoint, BadCheckpoint where it cannot be read.
    """
    if (source / "config.json").exists():
        path, theirs, old = source, *_finished(source)
    else:
        path, theirs, old = _of_a_run(source)
    left, taken = _take(model, theirs["model"], "model."), 0
    words = _take_words(text, theirs.get("text", {}), tokenizer.get_vocab(), old)
    left += _take(text, theirs.get("text", {}), "text.", WORD_TABLES)
    ours = len(model.state_dict()) + len(text.state_dict())
    taken = ours - len(left) - len([n for n in text.state_dict() if n in WORD_TABLES])
    missed = f"; not taken: {', '.join(left)}" if left else ""
    return f"weights from {path}: {taken} tensors and {words} words{missed}"


def _of_a_run(source: Path) -> tuple[Path, dict[str, Any], dict[str, int]]:
    path = source / "last.pt" if source.is_dir() else source
    if not path.exists():
        raise BadInput(
            f"weights_from: no checkpoint at {path}; name a run's folder, its .pt, or a model's"
            " folder"
        )
    state = read_checkpoint(path)
    theirs = {**state, **(state.get("average") or {})}
    if not isinstance(theirs.get("model"), dict):
        raise BadInput(f"weights_from: {path} is not a Transformer's checkpoint")
    return path, theirs, _pieces(path.parent / "tokenizer")


def _finished(folder: Path) -> tuple[dict[str, Any], dict[str, int]]:
    loaded = load_checkpoint(str(folder), trainable=True)
    encoder, tokenizer = loaded.conditioner.encoder, loaded.conditioner.tokenizer
    weights = {"model": loaded.lm.state_dict(), "text": encoder.state_dict()}
    return weights, tokenizer.get_vocab()


def _pieces(folder: Path) -> dict[str, int]:
    return T5Tokenizer.from_pretrained(folder).get_vocab() if folder.exists() else {}


def _take(
    module: nn.Module, theirs: dict[str, Tensor], prefix: str, skip: tuple[str, ...] = ()
) -> list[str]:
    """Copies what fits; → names of ours and theirs that did not."""
    ours = module.state_dict()
    left = []
    for name, tensor in ours.items():
        if name in skip:
            continue
        if name in theirs and theirs[name].shape == tensor.shape:
            tensor.copy_(theirs[name])
        else:
            left.append(prefix + name)
    return left + [f"{prefix}{name} (theirs)" for name in theirs if name not in ours]


def _take_words(
    text: nn.Module, theirs: dict[str, Tensor], new: dict[str, int], old: dict[str, int]
) -> int:
    table = text.state_dict()[WORD_TABLES[0]]
    source = theirs.get(WORD_TABLES[0])
    if source is None or source.shape[1] != table.shape[1]:
        return 0
    shared = [(new[p], old[p]) for p in new if p in old and old[p] < len(source)]
    if shared:
        here, there = (torch.tensor(rows) for rows in zip(*shared, strict=True))
        table[here.to(table.device)] = source[there].to(table.device)
    return len(shared)
