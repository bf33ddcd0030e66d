"""Putting others in the place of a model's linear layers, for generation."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def replace_bias_free(model: nn.Module, make: Callable[[nn.Linear], nn.Module]) -> None:
    """Put `make(layer)` in the place of each linear layer without a bias, one after the other.

    The text projection has a bias and stays: it runs once a prompt. What `make` raises ends it;
    old and new layers work side by side. No list holds the old ones, so their memory is free as
    soon as they are replaced.
    """
    parents = [module for module in model.modules() if not isinstance(module, nn.Linear)]
    for parent in parents:
        for name in [name for name, _ in parent.named_children()]:
            child = getattr(parent, name)
            if isinstance(child, nn.Linear) and child.bias is None:
                setattr(parent, name, make(child))
