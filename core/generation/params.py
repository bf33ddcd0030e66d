"""What one generation is asked to do. Torch-free: `daw_bridge` builds these too."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.errors import BadInput

MAX_PROMPT_CHARACTERS = 2_000
MAX_SECONDS = 600.0
MAX_ADAPTER_WEIGHT = 2.0
MAX_TEXT_WEIGHT = 10.0
MAX_BLENDED = 8  # prompts
MAX_MELODY_FRAMES = 937  # 120 s of chroma frames
MAX_STYLE_FRAMES = 40
SHORTEST_STYLE, LONGEST_STYLE, STYLE_SECONDS = 1.5, 4.5, 3.0  # a model was trained on these
DEFAULT_TEXT_PUSH = 5.0  # AudioCraft's advice for MusicGen-Style
_STYLE = re.compile(r"([0-9a-f]{3})+(\.([0-9a-f]{3})+)*")


def checked_weight(weight: float) -> float:
    """A LoRA adapter's weight in a blend, 0 (unloaded) to 2. Raises BadInput."""
    if not 0 <= weight <= MAX_ADAPTER_WEIGHT:
        raise BadInput(
            f"adapter weight {weight:g} is out of range; use 0 (unload) to {MAX_ADAPTER_WEIGHT:g}"
        )
    return float(weight)


def checked_text_weight(weight: float) -> float:
    """A prompt's weight in a blend, 0 (silent) to 10. Raises BadInput."""
    if not 0 <= weight <= MAX_TEXT_WEIGHT:
        raise BadInput(f"prompt weight {weight:g} is out of range; use 0 to {MAX_TEXT_WEIGHT:g}")
    return float(weight)


def is_adapter_name(asked: str) -> bool:
    """Whether an adapter is asked for by name rather than by path.

    A name is one file in the user's `adapters` folder: it can never lead out of it.
    """
    return bool(asked) and not set(asked) & set("/\\:\0") and asked[0] not in ".~"


def checked_style_seconds(seconds: float) -> float:
    """How much of a clip is heard for its style. Raises BadInput."""
    if not SHORTEST_STYLE <= seconds <= LONGEST_STYLE:
        raise BadInput(
            f"{seconds:g} s of style is out of range; use {SHORTEST_STYLE} to {LONGEST_STYLE} s"
        )
    return seconds


def style_of(codes: Sequence[Sequence[int]]) -> str:
    """Codes of a style [frames][books], below 4096, as `Prompt.style` has them."""
    return ".".join("".join(f"{code:03x}" for code in frame) for frame in codes)


def style_codes(style: str) -> list[list[int]]:
    """The other way round. Raises BadInput for what is no style."""
    frames = style.split(".")
    alike = len({len(frame) for frame in frames}) == 1
    if not (_STYLE.fullmatch(style) and alike and len(frames) <= MAX_STYLE_FRAMES):
        raise BadInput("that is no style of a clip; make it of a clip")
    return [[int(frame[at : at + 3], 16) for at in range(0, len(frame), 3)] for frame in frames]


def style_in_books(style: str, books: int) -> str:
    """Of a style the first `books` codebooks: with few it is followed loosely."""
    return ".".join(frame[: 3 * books] for frame in style.split("."))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to play, in words. Empty text means unconditional, as AudioCraft treats it.

    blend: of several texts each with its share, in the order of the texts; the shares sum to
        1, and `text` then says it for people. Made by `Prompt.of`; empty for a single text.
    negative: what to keep away from, in place of guidance's null branch; empty: nothing.
    melody: what to play it on, for a melody model: a pitch class a chroma frame (128 ms), one hex
        digit each, 0 is C (core/model/melody.py makes it of a clip); empty: none.
    style: what it is to be like, for a style model: the codes of a clip, a frame after a dot, three
        hex digits a codebook (core/model/style_clip.py makes it of a clip); empty: none.
    """

    text: str = ""
    blend: tuple[tuple[str, float], ...] = ()
    negative: str = ""
    melody: str = ""
    style: str = ""

    def __post_init__(self) -> None:
        if self.style:
            style_codes(self.style)
        if len(self.melody) > MAX_MELODY_FRAMES or not set(self.melody) <= set("0123456789ab"):
            raise BadInput(
                f"a melody is up to {MAX_MELODY_FRAMES} digits, 0 to b; make it of a clip"
            )
        for text in (self.negative, *([self.text] if not self.blend else dict(self.blend))):
            if len(text) > MAX_PROMPT_CHARACTERS:
                raise BadInput(
                    f"prompt has {len(text)} characters; shorten it to {MAX_PROMPT_CHARACTERS}"
                )

    @classmethod
    def of(cls, weighted: Iterable[tuple[str, float]], negative: str = "") -> Prompt:
        """Texts with weights. Their order, their scale, empty ones and those of weight 0 say
        nothing; a text that comes twice is one text. Raises BadInput for a bad weight."""
        weights: dict[str, float] = {}
        alone = ""
        for text, weight in weighted:
            checked_text_weight(weight)
            if text.strip() and weight:
                weights[text] = weights.get(text, 0.0) + weight
            else:
                alone = alone or (text if weight else "")
        if len(weights) > MAX_BLENDED:
            raise BadInput(f"{len(weights)} prompts are too many to blend; use {MAX_BLENDED}")
        whole = math.fsum(weights.values())
        whole = 1.0 if math.isclose(whole, 1.0, rel_tol=1e-9) else whole  # shares stay as they are
        weights = {text: weight / whole for text, weight in weights.items() if weight / whole}
        if len(weights) < 2:
            return cls(next(iter(weights), alone), negative=negative)
        blend = tuple((text, weights[text]) for text in sorted(weights))
        heaviest = sorted(blend, key=lambda one: (-one[1], one[0]))
        said = " + ".join(f"{text} {share:.0%}" for text, share in heaviest)
        return cls(said, blend, negative)

    @property
    def guidable(self) -> bool:
        """Whether there is anything for guidance to follow or to keep away from."""
        return bool(self.texts or self.negative.strip() or self.melody or self.style)

    @property
    def texts(self) -> tuple[tuple[str, float], ...]:
        """The texts that are heard and their shares; none for an empty prompt."""
        return self.blend or (((self.text, 1.0),) if self.text.strip() else ())


@dataclass(frozen=True, slots=True)
class Steering:
    """What holds from a frame on. `frame` counts a take's new frames; below 0, its context's."""

    frame: int
    prompt: Prompt
    sampling: SamplingParams


@dataclass(frozen=True, slots=True)
class BarGrid:
    """Where bar lines fall among frames: `first`, and every `frames` before and after it.

    Both in codec frames (50 a second), fractions allowed. `first` may be negative.
    Raises BadInput where a bar is shorter than a frame.
    """

    frames: float
    first: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.first) and 1 <= self.frames < 1e9):
            raise BadInput(f"bars of {self.frames:g} frames are out of range; use 1 or more")

    def moved(self, frames: float) -> BarGrid:
        """The same lines, counted from a frame that lies `frames` earlier."""
        return BarGrid(self.frames, self.first + frames)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are drawn. Defaults are the field's (AudioCraft's).

    temperature: > 0. top_k: 0 turns it off. top_p: 0 < p <= 1, 1 turns it off.
    guidance: classifier-free guidance scale, 1 turns it off.
    text_push: where a prompt has words and a style, how much more than the style the words are
        followed, 1 as much (the beta of MusicGen-Style's double guidance).
    seed: of the draw; the same seed, model, device and options give the same tokens.
    greedy: take the most likely token; temperature, top_k and top_p are then unused.
    """

    seed: int = 0
    temperature: float = 1.0
    top_k: int = 250
    top_p: float = 1.0
    guidance: float = 3.0
    greedy: bool = False
    text_push: float = DEFAULT_TEXT_PUSH

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
        if not 1 <= self.text_push <= 10:
            raise BadInput(f"text push {self.text_push} is out of range; use 1 (off) to 10")
