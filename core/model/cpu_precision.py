"""Which precision a model computes in on a CPU, where nobody says.

Chosen from the model's size and from what the processor can do, both of which are the same at every
start: a measured speed would not be, and a take would sound otherwise after a restart. Quality and
speed of each: docs/benchmarks.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.model.config import ModelConfig
from core.model.int8_linear import can_quantise
from core.packed_weights import knows_bfloat16

AUTO = "auto"
PLENTY = 160e6  # bytes a step: 8 GB a second in real time, which any processor reads
GB = 1e9


@dataclass(frozen=True, slots=True)
class Choice:
    """precision, and one line for people that says why."""

    precision: str
    why: str


def chosen(config: ModelConfig) -> Choice:
    """For a model of this size, on this machine."""
    size = 4 * weights_a_step(config)
    if size <= PLENTY:
        return Choice("float32", f"float32: the model is small, {size / 1e6:.0f} MB a step")
    needs = f"a step reads {size / GB:.1f} GB of weights in float32"
    if can_quantise():
        return Choice("int8", f"int8: {needs}, a quarter in 8 bits, which the processor multiplies")
    if knows_bfloat16():
        return Choice("bfloat16", f"bfloat16: {needs}, half in 16 bits, and 8 it does not multiply")
    return Choice("float32", f"float32: {needs}, and this processor multiplies nothing shorter")


def weights_a_step(config: ModelConfig) -> int:
    """Weights that one step multiplies with: of the blocks' products and of the heads."""
    attentions = 4 if config.reads_prefix else 6  # in units of hidden²; text's keys are made before
    block = attentions * config.hidden**2 + 2 * config.hidden * config.ffn
    return config.layers * block + config.codebooks * config.vocab * config.hidden
