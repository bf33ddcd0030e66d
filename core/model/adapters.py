"""LoRA adapters: low-rank side paths beside a language model's linear layers, blended by weight.

    y = W x + Σ wᵢ sᵢ Bᵢ (Aᵢ x)          wᵢ: the blend's weight, sᵢ = alphaᵢ / rankᵢ

(Hu et al., 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685.)
The model's own weights are never touched: they may be packed, and a blend changes while a take
plays. Each path is a forward hook on the layer it stands beside, so a model without adapters
runs exactly the code it ran before, and one whose adapters all have weight 0 gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from core.model.config import ModelConfig

TARGETS = ("self_attn", "cross_attn", "ffn")
_MODULES = {
    "self_attn": ("self_attn.qkv_proj", "self_attn.out_proj"),
    "cross_attn": ("cross_attn.q_proj", "cross_attn.k_proj", "cross_attn.v_proj",
                   "cross_attn.out_proj"),
    "ffn": ("fc1", "fc2"),
}  # fmt: skip
# Run once a prompt, not once a step: keys and values made before a change are stale after it.
TEXT_MODULES = ("cross_attn.k_proj", "cross_attn.v_proj")


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """One side path: x → up (down x). down [R,in], up [out,R]; alpha / rank is not yet in."""

    down: Tensor
    up: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """A set of side paths and what is known of them.

    paths: by the name of our module (`layers.0.self_attn.qkv_proj`).
    scale: alpha / rank. digest: sha256 (hex, 16 characters) of the file, names it in takes.
    trigger: the word that its captions had in common, '' if none.
    base, base_digest: the model it was trained on; '' where the file does not say.
    """

    paths: Mapping[str, LowRank]
    scale: float
    digest: str = ""
    licence: str = ""
    trigger: str = ""
    base: str = ""
    base_digest: str = ""

    @property
    def parameters(self) -> int:
        return sum(path.down.numel() + path.up.numel() for path in self.paths.values())


def module_names(config: ModelConfig, targets: Iterable[str] = TARGETS) -> list[str]:
    """The modules that adapters may stand beside, for some of TARGETS, layer after layer."""
    if config.reads_prefix:  # it has no cross-attention
        targets = [target for target in targets if target != "cross_attn"]
    chosen = [name for target in targets for name in _MODULES[target]]
    return [f"layers.{layer}.{name}" for layer in range(config.layers) for name in chosen]


def module_shape(config: ModelConfig, name: str) -> tuple[int, int]:
    """(out, in) of the linear layer `name`."""
    hidden, ffn = config.hidden, config.ffn
    last = name.rsplit(".", 1)[-1]
    shapes = {"qkv_proj": (3 * hidden, hidden), "fc1": (ffn, hidden), "fc2": (hidden, ffn)}
    return shapes.get(last, (hidden, hidden))


def beside(x: Tensor, y: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """y [...,out] + up (down x) for x [...,in]. Gradients flow; y is left as it is."""
    inner = F.linear(x, down)
    flat = torch.addmm(y.flatten(0, -2), inner.flatten(0, -2), up.t())
    return flat.view(y.shape)


class _SidePath:
    """The forward hook of one layer: all adapters' paths as one, weights multiplied in."""

    def __init__(self, down: Tensor, up: Tensor) -> None:
        self.down, self.up = down, up

    def __call__(self, module: nn.Module, given: tuple[Any, ...], y: Tensor) -> Tensor:
        return beside(given[0], y, self.down, self.up)


class AdapterBlend:
    """The adapters of one model and their weights. Used by the thread that uses the model.

    Changing a weight costs a copy of the small matrices, a millisecond or so; the next step
    uses it.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        first = next(model.parameters())
        self._device, self._dtype = first.device, first.dtype
        self._adapters: dict[str, tuple[Adapter, float]] = {}
        self._hooks: list[RemovableHandle] = []

    @property
    def weights(self) -> dict[str, float]:
        """By key, in the order in which they came."""
        return {key: weight for key, (_, weight) in self._adapters.items()}

    @property
    def adapters(self) -> dict[str, Adapter]:
        return {key: adapter for key, (adapter, _) in self._adapters.items()}

    def put(self, key: str, adapter: Adapter, weight: float) -> bool:
        """Set an adapter beside the model, in the place of another one of that key.

        Returns whether keys and values of the text are stale now.
        """
        before = self._adapters.get(key)
        self._lay({**self._adapters, key: (self._placed(adapter), weight)})
        return _touches_text(adapter) or (before is not None and _touches_text(before[0]))

    def weigh(self, key: str, weight: float) -> bool:
        """Another weight for one that is there. 0: without any effect. Returns as `put` does."""
        adapter, before = self._adapters[key]
        if weight == before:
            return False
        self._lay({**self._adapters, key: (adapter, weight)})
        return _touches_text(adapter)

    def drop(self, key: str) -> bool:
        """Forget an adapter, if there is one of that key. Returns as `put` does."""
        if key not in self._adapters:
            return False
        adapter, _ = self._adapters[key]
        self._lay({other: one for other, one in self._adapters.items() if other != key})
        return _touches_text(adapter)

    def _placed(self, adapter: Adapter) -> Adapter:
        """On the model's device, in its dtype."""
        paths = {
            name: LowRank(
                path.down.to(self._device, self._dtype), path.up.to(self._device, self._dtype)
            )
            for name, path in adapter.paths.items()
        }
        return replace(adapter, paths=paths)

    @torch.inference_mode(False)
    @torch.no_grad()
    def _lay(self, adapters: dict[str, tuple[Adapter, float]]) -> None:
        """Make the hooks anew: one for each layer that a weight other than 0 reaches.

        Where memory fails, all stays as it was.
        """
        heard = [(a, w * a.scale) for a, w in adapters.values() if w]
        made: dict[str, _SidePath] = {}
        for name in dict.fromkeys(name for adapter, _ in heard for name in adapter.paths):
            parts = [(a.paths[name], factor) for a, factor in heard if name in a.paths]
            down = torch.cat([path.down for path, _ in parts])
            up = torch.cat([path.up * factor for path, factor in parts], dim=1)
            made[name] = _SidePath(down, up)
        for hook in self._hooks:
            hook.remove()
        self._model.revision = getattr(self._model, "revision", 0) + 1
        self._adapters = adapters
        self._hooks = [
            self._model.get_submodule(name).register_forward_hook(path)
            for name, path in made.items()
        ]


def _touches_text(adapter: Adapter) -> bool:
    return any(name.endswith(TEXT_MODULES) for name in adapter.paths)


class TrainableAdapter(nn.Module):
    """Side paths whose matrices learn, beside a model whose own weights are frozen.

    down starts random, up with zeros: at the start the model is what it was.
    """

    def __init__(
        self,
        config: ModelConfig,
        rank: int,
        alpha: float,
        targets: Iterable[str] = TARGETS,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.scale, self.dropout = alpha / rank, dropout
        self.names = module_names(config, targets)
        shapes = [module_shape(config, name) for name in self.names]
        self.down = nn.ParameterList(nn.Parameter(torch.empty(rank, n)) for _, n in shapes)
        self.up = nn.ParameterList(nn.Parameter(torch.zeros(m, rank)) for m, _ in shapes)
        for matrix in self.down:
            nn.init.kaiming_uniform_(matrix, a=5**0.5)

    def attach(self, model: nn.Module) -> list[RemovableHandle]:
        """Stand beside `model`'s layers until the handles are removed."""
        return [
            model.get_submodule(name).register_forward_hook(self._path(index))
            for index, name in enumerate(self.names)
        ]

    def _path(self, index: int) -> Any:
        def hook(module: nn.Module, given: tuple[Any, ...], y: Tensor) -> Tensor:
            x = F.dropout(given[0], self.dropout, self.training) if self.dropout else given[0]
            return beside(x, y, self.down[index], self.scale * self.up[index])

        return hook

    @torch.no_grad()
    def paths(self) -> dict[str, LowRank]:
        """A copy of the matrices on the CPU, float32."""
        return {
            name: LowRank(down.detach().cpu().float().clone(), up.detach().cpu().float().clone())
            for name, down, up in zip(self.names, self.down, self.up, strict=True)
        }
