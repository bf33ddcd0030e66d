"""One side of the comparison with `transformers`, in a process of its own: speed and memory.

    python -m tests.benchmarks.sides FOLDER float32|bfloat16|int8|int4|transformers

Prints one JSON object: seconds of each step timed, at which context; seconds to the first sound;
the process's largest memory. Both sides are guided and draw. `OMP_NUM_THREADS` sets their threads.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from transformers import MusicgenForConditionalGeneration

from core.generation.audio_stream import FIRST_BLOCKS
from core.generation.generator import Generator
from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from tests.benchmarks.small_checkpoint import TEXT
from tests.core.tiny_checkpoints import tiny_tokenizer

THEIRS = "transformers"
FRAMES = 1_500  # 30 s
CONTEXTS = (0, 250, 750, 1_450)  # theirs are timed at these alone: a whole run takes minutes
THEIR_STEPS = 6  # at each
FIRST_SOUNDS = 7
ENDS = (1_300, 220)  # frames of context, and steps from there: a window ends among them


@dataclass(frozen=True)
class Side:
    """contexts, seconds: of the steps timed. first_sound: median seconds. peak: bytes.

    pause: seconds of the longest step where a window ends, 0 where it was not measured.
    """

    contexts: list[float]
    seconds: list[float]
    first_sound: float
    peak: int
    pause: float = 0.0


def measured(folder: Path, side: str) -> Side:
    """Starts the process."""
    command = [sys.executable, "-m", "tests.benchmarks.sides", str(folder), side]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Side(**json.loads(done.stdout.splitlines()[-1]))


def ours(folder: Path, precision: str) -> Side:
    generator = Generator.load(str(folder), "cpu", precision)
    generator.warm_up()
    lm, conditioner = generator.loaded.lm, generator.loaded.conditioner
    waits = [_first_sound(generator, f"{TEXT} {take}") for take in range(FIRST_SOUNDS)]
    stream = TokenStream(lm, conditioner, Prompt(TEXT), SamplingParams(), None, FRAMES)
    stream.next_frame()  # the delay's first steps
    seconds = []
    for _ in range(FRAMES - 1):
        begun = time.perf_counter()
        stream.next_frame()
        seconds.append(time.perf_counter() - begun)
    contexts = [float(frame) for frame in range(1, FRAMES)]
    return Side(contexts, seconds, statistics.median(waits), _peak(), _pause(generator))


def _first_sound(generator: Generator, text: str) -> float:
    """From a prompt that is new to the first block of sound."""
    begun = time.perf_counter()
    stream = generator.open(Prompt(text), SamplingParams(), FRAMES)
    while stream.step() is None:
        pass
    return time.perf_counter() - begun


def _pause(generator: Generator) -> float:
    lm, (context, steps) = generator.loaded.lm, ENDS
    codes = torch.randint(lm.config.vocab, (lm.config.codebooks, context))
    stream = TokenStream(lm, generator.loaded.conditioner, Prompt(TEXT), SamplingParams(), codes)
    stream.next_frame()  # reads the context
    took = []
    for _ in range(steps):
        begun = time.perf_counter()
        stream.next_frame()
        took.append(time.perf_counter() - begun)
    return max(took)


def theirs(folder: Path) -> Side:
    model = MusicgenForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    contexts: list[float] = []
    seconds: list[float] = []
    for context in CONTEXTS:
        steps = _their_steps(model, context)
        seconds += steps
        contexts += [float(context + step) for step in range(1, len(steps) + 1)]
    begun = time.perf_counter()
    with torch.inference_mode():
        model.generate(**_asked(), do_sample=True, max_new_tokens=FIRST_BLOCKS[0] + 3)
    return Side(contexts, seconds, time.perf_counter() - begun, _peak())


def _their_steps(model: Any, context: int) -> list[float]:
    """Seconds between calls of the decoder, without the one that reads the context."""
    ends: list[float] = []
    forward = model.decoder.forward

    def timed(*args: Any, **kwargs: Any) -> Any:
        made = forward(*args, **kwargs)
        ends.append(time.perf_counter())
        return made

    known = torch.randint(
        model.decoder.config.vocab_size, (4, context), generator=torch.Generator().manual_seed(0)
    )
    silent = SimpleNamespace(audio_values=torch.zeros(1, 1, 1))
    with (
        torch.inference_mode(),
        mock.patch.object(model.decoder, "forward", timed),
        mock.patch.object(model.audio_encoder, "decode", return_value=silent),
    ):
        model.generate(
            **_asked(),
            **({"decoder_input_ids": known} if context else {}),
            do_sample=True,
            max_new_tokens=THEIR_STEPS + 2,
        )
    return [after - before for before, after in pairwise(ends[1:])]


def _asked() -> dict[str, Any]:
    return dict(tiny_tokenizer()([TEXT], return_tensors="pt")) | {"guidance_scale": 3.0}


def _peak() -> int:
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


if __name__ == "__main__":
    place, which = Path(sys.argv[1]), sys.argv[2]
    found = theirs(place) if which == THEIRS else ours(place, which)
    print(json.dumps(asdict(found)))
