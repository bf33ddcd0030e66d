"""The parameter table: OSC addresses, MIDI controllers, sliders and the docs derive from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.errors import BadInput
from core.generation.params import DEFAULT_TEXT_PUSH


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a performer sets.

    name: the OSC leaf under /musicgen and the key in settings.
    low, high: the range, inclusive. default: what it is at the start.
    integer: whole numbers only. unit: as shown to people, '' if none.
    controller: the MIDI control change that sets it (0–127 spans the range), None: unmapped.
    live: takes effect on the take in flight, not only on the next.
    words: for whole numbers that are a choice, what each is called, from `low` on.
    """

    name: str
    label: str
    low: float
    high: float
    default: float
    help: str
    unit: str = ""
    integer: bool = False
    controller: int | None = None
    live: bool = False
    words: tuple[str, ...] = ()

    def from_word(self, word: str) -> float:
        """The number that a word of a choice stands for. Raises BadInput that lists the words."""
        if word.lower() not in self.words:
            raise BadInput(f"{self.name} {word[:40]!r} is unknown; use {', '.join(self.words)}")
        return self.low + self.words.index(word.lower())

    def checked(self, value: float) -> float:
        """`value` as this parameter holds it. Raises BadInput with the range if outside."""
        if not math.isfinite(value):
            raise BadInput(f"{self.name} must be a number from {self.low:g} to {self.high:g}")
        if not self.low <= value <= self.high:
            raise BadInput(
                f"{self.name} {value:g} is out of range; use {self.low:g} to {self.high:g}"
            )
        return float(round(value)) if self.integer else float(value)

    def from_controller(self, value: int) -> float:
        """A MIDI controller's 0–127 spread over the range."""
        return self.checked(self.low + (self.high - self.low) * value / 127)


PARAMETERS: dict[str, Parameter] = {
    p.name: p
    for p in (
        Parameter("tempo", "Tempo", 20, 400, 120, "tempo when no clock leads", "bpm"),
        Parameter(
            "link",
            "Ableton Link",
            0,
            1,
            0,
            "1 joins the Link session of the local network, 0 leaves it",
            integer=True,
        ),
        Parameter(
            "clock",
            "Clock",
            0,
            5,
            0,
            "which clock leads; any: the first that is there, as listed",
            integer=True,
            words=("any", "link", "midi", "jack", "osc", "internal"),
        ),
        Parameter(
            "tell_tempo",
            "Tempo in prompt",
            0,
            1,
            1,
            "1 adds the tempo to the prompt, where one was set or a clock leads",
            integer=True,
        ),
        Parameter(
            "bars",
            "Bars",
            0,
            64,
            8,
            "length of a take; 0 goes on until stopped",
            "bars",
            integer=True,
            controller=21,
        ),
        Parameter(
            "loop",
            "Loop",
            0,
            1,
            0,
            "1 plays the next take of whole bars round and round; 0 ends it with its round",
            integer=True,
            controller=26,
        ),
        Parameter(
            "beats",
            "Beats per bar",
            1,
            16,
            4,
            "quarter notes in a bar",
            integer=True,
        ),
        Parameter(
            "quantize",
            "Quantize",
            0,
            16,
            1,
            "start and stop on every n-th bar; 0 at once",
            "bars",
            integer=True,
        ),
        Parameter(
            "seed",
            "Seed",
            -1,
            2**31 - 1,
            -1,
            "same seed, same take; -1 draws a new one",
            integer=True,
        ),
        Parameter(
            "temperature",
            "Temperature",
            0.1,
            3,
            1,
            "low is safe, high is wild",
            controller=22,
            live=True,
        ),
        Parameter(
            "top_k",
            "Top-k",
            0,
            2048,
            250,
            "tokens considered; 0 all",
            integer=True,
            controller=23,
            live=True,
        ),
        Parameter(
            "guidance",
            "Guidance",
            1,
            10,
            3,
            "how closely the prompt is followed; 1 is fastest",
            controller=24,
            live=True,
        ),
        Parameter(
            "style_detail",
            "Style detail",
            1,
            6,
            3,
            "how closely a style model follows the style clip: codebooks of it; 1 is loosely",
            integer=True,
            live=True,
        ),
        Parameter(
            "text_push",
            "Text over style",
            1,
            10,
            DEFAULT_TEXT_PUSH,
            "how much more than the style clip a style model follows the words; 1 as much, faster",
            live=True,
        ),
        Parameter(
            "context",
            "Context",
            1,
            16,
            4,
            "bars of the input that Continue listens to",
            "bars",
            integer=True,
            controller=25,
        ),
        Parameter(
            "latency",
            "Latency",
            0,
            2,
            1,
            "low: early, as it comes; auto: adapts to the machine's headroom; safe: more in hand",
            integer=True,
            words=("low", "auto", "safe"),
        ),
        Parameter(
            "buffer",
            "Buffer",
            0,
            6,
            0,
            "frames the sound device takes at once; auto: its own choice; more is safer and later",
            integer=True,
            words=("auto", "64", "128", "256", "512", "1024", "2048"),
        ),
        Parameter(
            "gain", "Gain", 0, 2, 1, "output level, 1 is as generated", controller=7, live=True
        ),
    )
}


def parameter(name: str) -> Parameter:
    """Raises BadInput that lists the names if there is none such."""
    try:
        return PARAMETERS[name]
    except KeyError:
        raise BadInput(f"no parameter {name!r}; there are {', '.join(PARAMETERS)}") from None
