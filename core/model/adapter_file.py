"""An adapter as one .safetensors file: peft's tensor names, all that is known in its metadata.

Tensors are named as peft names them for transformers' MusicGen
(`base_model.model.decoder.model.decoder.layers.0.self_attn.q_proj.lora_A.weight`), so that others
can use ours; theirs are read too, with rank and alpha from the `adapter_config.json` beside
them. Metadata of ours: rank, lora_alpha, base_model, base_digest, hidden_size, num_hidden_layers,
num_codebooks, licence, trigger, made_with. Whatever is wrong with a file is told as BadAdapter.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from core.errors import BadAdapter
from core.model.adapters import Adapter, LowRank, module_names, module_shape
from core.model.config import ModelConfig
from core.model.hugging_face import DECODER
from core.model.weights import DIGEST_LENGTH, reason_of

PREFIX = "base_model.model."
LARGEST = 2**30  # bytes; adapters are a hundredth of it, whole models are more
MOST_RANK = 1024
_THEIRS = {"cross_attn": "encoder_attn"}
_KEY = re.compile(r"(.+)\.lora_([AB])(?:\.default)?\.weight")


@dataclass(frozen=True, slots=True)
class Origin:
    """What an adapter is for and where it comes from, as its file says it."""

    base: str  # the model's name
    base_digest: str
    licence: str = ""
    trigger: str = ""


def write_adapter(
    path: Path,
    paths: Mapping[str, LowRank],
    rank: int,
    alpha: float,
    config: ModelConfig,
    origin: Origin,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write the file whole or not at all; float16. Raises BadAdapter when training went wrong.

    notes: more lines for the metadata (steps, clips …).
    """
    tensors: dict[str, Tensor] = {}
    for name, low in paths.items():
        theirs = _theirs(name)
        for part, up in zip(theirs, low.up.chunk(len(theirs)), strict=True):
            tensors[f"{PREFIX}{part}.lora_A.weight"] = low.down.half().contiguous().clone()
            tensors[f"{PREFIX}{part}.lora_B.weight"] = up.half().contiguous().clone()
    if not all(bool(torch.isfinite(one).all()) for one in tensors.values()):
        raise BadAdapter("the adapter holds numbers that are none; train it with a lower rate")
    metadata = {
        "format": "pt",
        "rank": str(rank),
        "lora_alpha": f"{alpha:g}",
        "base_model": origin.base,
        "base_digest": origin.base_digest,
        "hidden_size": str(config.hidden),
        "num_hidden_layers": str(config.layers),
        "num_codebooks": str(config.codebooks),
        "licence": origin.licence,
        "trigger": origin.trigger,
        "made_with": f"daw-bridge {version('daw-bridge')}",
        **(notes or {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            file.write(_in_order(save(tensors, metadata)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_adapter(path: Path, config: ModelConfig, base_digest: str = "") -> Adapter:
    """An adapter for the model of that config. base_digest: of its weights, '' if unknown.

    Raises BadAdapter in one line: no such file, cut short, not an adapter, of another model,
    with tensors that are foreign to it or numbers that are none.
    """
    name = path.name if len(path.name) <= 60 else f"{path.name[:59]}…"
    try:
        size = path.stat().st_size
        if not path.is_file():  # a folder, or a pipe that would be waited for
            raise BadAdapter(f"{path} is not a file; give the adapter's .safetensors file")
        if size > LARGEST:
            raise BadAdapter(f"{name} has {size >> 20} MB, too much for an adapter; check the path")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_LENGTH]
        with safe_open(path, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    except OSError as problem:
        why = problem.strerror or problem
        raise BadAdapter(f"the adapter {path} cannot be read ({why}); check the path") from None
    except SafetensorError as problem:
        raise BadAdapter(
            f"{name} is cut short or no safetensors file ({reason_of(problem)}); get it again"
        ) from None
    _check_model(name, metadata, config, base_digest)
    lows = _paired(name, tensors)
    return Adapter(
        _ours(name, lows, config),
        _scale(name, path, metadata, lows),
        digest,
        metadata.get("licence", ""),
        metadata.get("trigger", ""),
        metadata.get("base_model", ""),
        metadata.get("base_digest", ""),
    )


def _in_order(data: bytes) -> bytes:
    """The same file with its metadata in order: safetensors shuffles it, and the same adapter
    is to have the same digest."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


# ---------------------------------------------------------------- names


def _theirs(name: str) -> list[str]:
    """Our module's name → Hugging Face's; query, key and value are three there."""
    layers, number, rest = name.split(".", 2)
    for ours, theirs in _THEIRS.items():
        rest = re.sub(rf"^{ours}\.", f"{theirs}.", rest)
    whole = f"{DECODER}{layers}.{number}.{rest}"
    if rest == "self_attn.qkv_proj":
        return [whole.replace("qkv_proj", f"{part}_proj") for part in "qkv"]
    return [whole]


def _paired(name: str, tensors: Mapping[str, Tensor]) -> dict[str, LowRank]:
    """Tensors → side paths by Hugging Face's module names."""
    halves: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        found = _KEY.fullmatch(key.removeprefix(PREFIX))
        if found is None:
            raise BadAdapter(f"{name} holds {key[:80]!r}, which is no part of a LoRA adapter")
        if not tensor.is_floating_point() or tensor.dim() != 2:
            raise BadAdapter(f"{name} is no LoRA adapter: its {key[:80]} is no matrix of numbers")
        if not bool(torch.isfinite(tensor).all()):
            raise BadAdapter(f"{name} holds numbers that are none (NaN); train or get it again")
        halves.setdefault(found[1], {})[found[2]] = tensor.float()
    if not halves:
        raise BadAdapter(f"{name} is empty; train or get it again")
    lows = {}
    for module, pair in halves.items():
        if len(pair) != 2 or pair["A"].shape[0] != pair["B"].shape[1]:
            raise BadAdapter(f"{name} is not whole: {module[:80]} lacks one of its two matrices")
        lows[module] = LowRank(pair["A"], pair["B"])
    return lows


def _ours(name: str, lows: dict[str, LowRank], config: ModelConfig) -> dict[str, LowRank]:
    """By our module names, query, key and value merged; every shape checked."""
    left, paths = dict(lows), {}
    for module in module_names(config):
        rows, columns = module_shape(config, module)
        theirs = _theirs(module)
        found = [left.pop(part, None) for part in theirs]
        there = [(place, low) for place, low in enumerate(found) if low is not None]
        if not there:
            continue
        height = rows // len(theirs)
        for _, low in there:
            if low.down.shape[1] != columns or low.up.shape[0] != height:
                raise BadAdapter(
                    f"{name} is for another model: its {theirs[0]} is"
                    f" {low.up.shape[0]} × {low.down.shape[1]}, here it is {height} × {columns}"
                )
        first = there[0][1]
        if len(there) == len(theirs) and all(torch.equal(first.down, o.down) for _, o in there):
            paths[module] = LowRank(first.down, torch.cat([low.up for _, low in there]))
            continue
        # Each with a way down of its own: side by side, the ways up in their own rows.
        ranks = [low.down.shape[0] for _, low in there]
        up, column = torch.zeros(rows, sum(ranks)), 0
        for (place, low), rank in zip(there, ranks, strict=True):
            up[place * height : (place + 1) * height, column : column + rank] = low.up
            column += rank
        paths[module] = LowRank(torch.cat([low.down for _, low in there]), up)
    if left:
        foreign = next(iter(left))[:80]
        raise BadAdapter(f"{name} is for another model: there is no {foreign} here to adapt")
    return paths


# ---------------------------------------------------------------- metadata


def _check_model(
    name: str, metadata: Mapping[str, str], config: ModelConfig, base_digest: str
) -> None:
    base = metadata.get("base_model") or "another model"
    sizes = {
        "hidden_size": config.hidden,
        "num_hidden_layers": config.layers,
        "num_codebooks": config.codebooks,
    }
    for key, here in sizes.items():
        said = metadata.get(key)
        if said is not None and said != str(here):
            raise BadAdapter(
                f"{name} is for {base} ({key} {said[:20]}, here {here}); load that model first"
            )
    said = metadata.get("base_digest")
    if said and base_digest and said != base_digest:
        raise BadAdapter(
            f"{name} is for other weights ({base} {said[:16]}, here they are {base_digest});"
            " load that model, or train the adapter again"
        )


def _scale(
    name: str, path: Path, metadata: Mapping[str, str], lows: Mapping[str, LowRank]
) -> float:
    """alpha / rank: ours from the metadata, peft's from the file beside; else 1, as peft has it."""
    rank = next(iter(lows.values())).down.shape[0]
    if any(low.down.shape[0] != rank for low in lows.values()) or not 1 <= rank <= MOST_RANK:
        raise BadAdapter(f"{name} mixes ranks, which is not understood; train it with one rank")
    said: object = metadata.get("lora_alpha")
    root = False
    beside = path.with_name("adapter_config.json")
    if said is None and beside.exists():
        try:
            table = json.loads(beside.read_text(encoding="utf-8"))
            said, root = table.get("lora_alpha"), bool(table.get("use_rslora"))
        except (OSError, ValueError, AttributeError):
            raise BadAdapter(f"{beside} cannot be read; get the adapter again") from None
    if said is None:
        return 1.0
    try:
        alpha = float(str(said))
    except ValueError:
        alpha = float("nan")
    if not 0 < alpha < 1e4:
        raise BadAdapter(f"{name} says lora_alpha {str(said)[:20]!r}; it must be a number above 0")
    return alpha / (rank**0.5 if root else rank)
