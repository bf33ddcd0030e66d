"""What one generation is asked to do. Torch-free: `daw_bridge` builds these too."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import BadInput

MAX_PROMPT_CHARACTERS = 2_000
MAX_SECONDS = 600.0
MAX_ADAPTER_WEIGHT = 2.0


def checked_weight(weight: float) -> float:
    """A LoRA adapter's weight in a blend, 0 (unloaded) to 2. Raises BadInput."""
    if not 0 <= weight <= MAX_ADAPTER_WEIGHT:
        raise BadInput(
            f"adapter weight {weight:g} is out of range; use 0 (unload) to {MAX_ADAPTER_WEIGHT:g}"
        )
    return float(weight)


def is_adapter_name(asked: str) -> bool:
    """Whether an adapter is asked for by name rather than by path.

    A name is one file in the user's `adapters` folder: it can never lead out of it.
    """
    return bool(asked) and not set(asked) & set("/\\:\0") and asked[0] not in ".~"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text prompt. Empty text means unconditional, as AudioCraft treats it."""

    text: str = ""

    def __post_init__(self) -> None:
        if len(self.text) > MAX_PROMPT_CHARACTERS:
            raise BadInput(
                f"prompt has {len(self.text)} characters; shorten it to {MAX_PROMPT_CHARACTERS}"
            )


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are drawn. Defaults are the field's (AudioCraft's).

    temperature: > 0. top_k: 0 turns it off. top_p: 0 < p <= 1, 1 turns it off.
    guidance: classifier-free guidance scale, 1 turns it off.
    seed: of the draw; the same seed, model, device and options give the same tokens.
    greedy: take the most likely token; temperature, top_k and top_p are then unused.
    """

    seed: int = 0
    temperature: float = 1.0
    top_k: int = 250
    top_p: float = 1.0
    guidance: float = 3.0
    greedy: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise BadInput(f"seed {self.seed} is out of range; use 0 to 2^63-1")
        if not 0 < self.temperature <= 10:
            raise BadInput(f"temperature {self.temperature} is out of range; use 0.01 to 10")
        if not 0 <= self.top_k <= 2048:
            raise BadInput(f"top_k {self.top_k} is out of range; use 0 (off) to 2048")
        if not 0 < self.top_p <= 1:
            raise BadInput(f"top_p {self.top_p} is out of range; use 0.01 to 1 (off)")
        if not 1 <= self.guidance <= 20:
            raise BadInput(f"guidance {self.guidance} is out of range; use 1 (off) to 20")
