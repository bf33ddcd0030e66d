"""A take whose last frames are drawn anew: what is kept and what follows is one piece of music."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.generation import audio_stream
from core.generation.audio_stream import AudioStream
from core.generation.generator import Generator
from core.generation.messages import (
    CancelTake,
    ChangePrompt,
    ChangeSampling,
    Credit,
    EngineEvent,
    PcmBlock,
    StartTake,
    TakeSteered,
    TakeTokens,
)
from core.generation.params import Prompt, SamplingParams, Steering
from tests.core.generation.remote_engine import PROMPT, SAMPLING, Remote, of

DRUMS = Prompt.of([("loud drums", 0.7), ("pads", 0.3)], negative="piano")
COOL = SamplingParams(seed=3, temperature=0.6, top_k=20, guidance=1.5)
FRAMES = 120


class Kept:
    """What a listener has of a take after everything void was cut off."""

    def __init__(self) -> None:
        self.codes = np.zeros((4, 0), np.int64)
        self.pcm = np.zeros((0, 1), np.float32)

    def add_codes(self, first: int, codes: np.ndarray) -> None:
        assert self.codes.shape[1] == first, "tokens with a hole or twice"
        self.codes = np.concatenate((self.codes, codes), axis=1)

    def add_pcm(self, first: int, pcm: np.ndarray) -> None:
        assert len(self.pcm) == first, "sound with a hole or twice"
        self.pcm = np.concatenate((self.pcm, pcm))

    def cut(self, frames: int, samples: int) -> None:
        self.codes, self.pcm = self.codes[:, :frames], self.pcm[:samples]


@pytest.fixture(scope="module")
def generator(tiny_mono: Path) -> Generator:
    return Generator.load(str(tiny_mono), "cpu")


def run(stream: AudioStream, kept: Kept, until: Callable[[], bool]) -> None:
    while not stream.ended and not until():
        block = stream.step()
        codes = stream.untold_codes() if block is not None else None
        if codes is not None:
            kept.add_codes(stream.frames - codes.shape[1], codes)
        if block is not None:
            kept.add_pcm(block.first_sample, block.pcm)


@pytest.mark.parametrize("copies", [1, 64])
@pytest.mark.parametrize("begun", [0, 40])
@pytest.mark.parametrize("back_to", [0, 2, 57, 99, 100])
def test_what_is_drawn_anew_joins_what_is_kept(
    generator: Generator, monkeypatch: pytest.MonkeyPatch, copies: int, begun: int, back_to: int
) -> None:
    """As if the change had been known from the start, whether the decoder's state was kept."""
    monkeypatch.setattr(audio_stream, "COPIES_KEPT", copies)
    context = np.random.default_rng(1).integers(0, 256, (4, begun)) if begun else None
    kept, whole = Kept(), Kept()
    stream = generator.open(PROMPT, SAMPLING, FRAMES, context, open_end=True)
    run(stream, kept, lambda: stream.frames >= 100)
    given = len(kept.pcm)
    first = stream.rewind(back_to)
    assert first <= given
    assert first == given or first == max(0, back_to * 640 - 2_402)
    stream.tokens.change_prompt(DRUMS)
    kept.cut(back_to, first)
    run(stream, kept, lambda: False)
    changes = (Steering(-1, PROMPT, SAMPLING), Steering(back_to, DRUMS, SAMPLING))
    planned = generator.open(
        PROMPT if back_to else DRUMS, SAMPLING, FRAMES, context, open_end=True, changes=changes
    )
    run(planned, whole, lambda: False)
    np.testing.assert_array_equal(kept.codes, whole.codes)
    np.testing.assert_allclose(kept.pcm, whole.pcm, atol=2e-3 if begun else 1e-4)
    assert len(kept.pcm) == FRAMES * 640


# ------------------------------------------------------------------ through the pipe


def gather(kept: Kept, heard: list[EngineEvent]) -> set[int]:
    """Apply events in order; the epochs of the blocks."""
    epochs = set()
    for event in heard:
        match event:
            case TakeTokens(_, first, codes):
                kept.add_codes(first, codes)
            case PcmBlock(_, epoch, first, pcm):
                kept.add_pcm(first, pcm)
                epochs.add(epoch)
            case TakeSteered(_, _, frame, first):
                kept.cut(frame, first)
            case _:
                pass
    return epochs


def test_a_change_takes_back_what_was_sent_and_is_told_exactly(engine: Remote) -> None:
    engine.send(StartTake(40, 1, PROMPT, SAMPLING, FRAMES), Credit(40, 80))
    heard = engine.until(lambda e: isinstance(e, PcmBlock) and e.first_sample > 70 * 640 - 2_402)
    engine.send(ChangePrompt(40, DRUMS, 50, 2), ChangeSampling(40, COOL, 51, 3), Credit(40, FRAMES))
    heard += engine.until_done()
    kept = Kept()
    assert gather(kept, heard) == {1, 2}  # the second change found nothing sent to take back
    one, two = of(TakeSteered, heard)
    assert (one.frame, one.first_sample, one.epoch) == (50, 50 * 640 - 2_402, 2)
    assert (one.prompt, one.sampling) == (DRUMS, SAMPLING)
    assert (two.frame, two.prompt, two.sampling) == (50, DRUMS, COOL)
    assert kept.codes.shape[1] * 640 == len(kept.pcm) == FRAMES * 640
    changes = (Steering(50, DRUMS, COOL),)
    engine.send(StartTake(41, 4, PROMPT, SAMPLING, FRAMES, changes=changes))
    again = Kept()
    gather(again, engine.until_done())
    np.testing.assert_array_equal(kept.codes, again.codes)
    np.testing.assert_allclose(kept.pcm, again.pcm, atol=1e-4)


def test_a_change_within_what_an_earlier_process_made(engine: Remote) -> None:
    """After the engine died the take goes on; what was sent before may still be taken back."""
    engine.send(StartTake(42, 1, PROMPT, SAMPLING, FRAMES))
    whole = Kept()
    gather(whole, engine.until_done())
    engine.send(
        StartTake(43, 1, PROMPT, SAMPLING, FRAMES, whole.codes[:, :90], done=90,
                  first_sample=90 * 640 - 2_402),
        ChangePrompt(43, DRUMS, 60, 2),
    )  # fmt: skip
    heard = engine.until_done()
    (steered,) = of(TakeSteered, heard)
    assert (steered.frame, steered.first_sample) == (60, 60 * 640 - 2_402)
    kept = Kept()
    kept.add_codes(0, whole.codes[:, :90])
    kept.add_pcm(0, whole.pcm[: 90 * 640 - 2_402])
    gather(kept, heard)
    engine.send(
        StartTake(44, 1, PROMPT, SAMPLING, FRAMES, changes=(Steering(60, DRUMS, SAMPLING),))
    )
    again = Kept()
    gather(again, engine.until_done())
    np.testing.assert_array_equal(kept.codes, again.codes)
    np.testing.assert_allclose(kept.pcm, again.pcm, atol=2e-3)


def test_a_change_after_the_end_changes_nothing(engine: Remote) -> None:
    engine.send(StartTake(45, 1, PROMPT, SAMPLING, 30), ChangePrompt(45, DRUMS, 30, 2))
    assert not of(TakeSteered, engine.until_done())
    engine.send(StartTake(46, 1, PROMPT, SAMPLING), Credit(46, 20), CancelTake(46))
    engine.until_done()
