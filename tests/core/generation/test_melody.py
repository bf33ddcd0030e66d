"""Melody models: codes are those of transformers' MusicgenMelody, also where state is made anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import MusicgenMelodyFeatureExtractor

from core.errors import BadClip, BadInput
from core.generation.context_window import first_frame_seen
from core.generation.messages import HearMelody, Quit
from core.generation.params import MAX_MELODY_FRAMES, Prompt, SamplingParams
from core.model.melody import melody_from, melody_of
from tests.core.generation.conftest import GREEDY, Twins, taken
from tests.core.generation.remote_engine import engine_in_thread
from tests.core.generation.transformers_oracle import oracle_codes
from tests.core.tiny_checkpoints import tiny_tokenizer

RATE = 32_000
FRAMES = 260  # over five seconds
TEXT = "warm analog pads, 92 bpm"
UNGUIDED = SamplingParams(greedy=True, guidance=1.0)


def tune(seconds: float = 3.0, rate: int = RATE) -> np.ndarray:
    """Half a second each of C, E, G, A and again, with an octave above; [samples, 1]."""
    time = np.arange(round(seconds * rate)) / rate
    notes = np.array([261.63, 329.63, 392.0, 440.0])[(2 * time).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(notes) / rate
    return (0.3 * np.sin(phase) + 0.1 * np.sin(2 * phase)).astype(np.float32)[:, None]


def chroma(pcm: np.ndarray) -> torch.Tensor:
    extractor = MusicgenMelodyFeatureExtractor()
    return extractor(pcm[:, 0], sampling_rate=RATE)["input_features"]


@pytest.mark.parametrize(
    ("channels", "text", "sung", "guidance"),
    [
        ("melody", TEXT, True, 3.0),
        ("melody", TEXT, True, 1.0),
        ("melody", TEXT, False, 3.0),
        ("melody", "", True, 3.0),
        ("stereo_melody", TEXT, True, 3.0),
        ("stereo_melody", TEXT, False, 1.0),
    ],
)
def test_greedy_codes_are_transformers(
    channels: str, text: str, sung: bool, guidance: float, request: pytest.FixtureRequest
) -> None:
    twins: Twins = request.getfixturevalue(channels)
    pcm = tune()
    heard, given = (melody_of(pcm, RATE), chroma(pcm)) if sung else ("", None)
    expected = oracle_codes(twins.theirs, tiny_tokenizer(), text, FRAMES, guidance, chroma=given)
    sampling = SamplingParams(greedy=True, guidance=guidance)
    codes = taken(twins.stream(Prompt(text, melody=heard), sampling, frames=FRAMES))
    np.testing.assert_array_equal(codes, expected)
    assert len(np.unique(codes, axis=1).T) > FRAMES / 10


def test_text_and_melody_matter(melody: Twins) -> None:
    heard = melody_of(tune(), RATE)
    plain = taken(melody.stream(TEXT))
    sung = taken(melody.stream(Prompt(TEXT, melody=heard)))
    assert not np.array_equal(plain, sung)
    assert not np.array_equal(sung, taken(melody.stream(Prompt("drums", melody=heard))))
    assert not np.array_equal(sung, taken(melody.stream(Prompt(TEXT, melody=heard[::-1]))))
    assert not np.array_equal(
        sung, taken(melody.stream(Prompt(TEXT, melody=heard, negative="drums")))
    )


def test_a_continuation_is_the_rest(melody: Twins) -> None:
    prompt = Prompt(TEXT, melody=melody_of(tune(), RATE))
    whole = taken(melody.stream(prompt, frames=60))
    rest = taken(melody.stream(prompt, context=whole[:, :25], frames=35))
    np.testing.assert_array_equal(rest, whole[:, 25:])


@pytest.mark.parametrize("sampling", [GREEDY, UNGUIDED], ids=["guided", "unguided"])
def test_past_its_window_it_reads_melody_and_text_again(
    melody: Twins, sampling: SamplingParams
) -> None:
    """What comes after the window is what one gets from the last tokens and the melody as it has
    moved on."""
    prompt = Prompt(TEXT, melody=melody_of(tune(), RATE))
    window, room = 40, 43  # frames, and with their delay
    stream = melody.stream(prompt, sampling, frames=60, window_frames=window)
    whole = taken(stream)
    first = first_frame_seen(room + 1, window, max_delay=3)
    assert first > 0
    moved = "".join(f"{pitch:x}" for pitch in melody_from(prompt.melody, first, 235))
    again = melody.stream(
        Prompt(TEXT, melody=moved), sampling, whole[:, first:room], 60 - room, window_frames=window
    )
    np.testing.assert_array_equal(taken(again), whole[:, room:])


def test_a_changed_prompt_is_read_with_all_of_the_past(melody: Twins) -> None:
    heard = melody_of(tune(), RATE)
    stream = melody.stream(Prompt(TEXT, melody=heard), frames=60)
    begun = taken(stream, 30)
    stream.rewind(28)
    stream.change_prompt(Prompt("drums", melody=heard))
    changed = taken(stream)
    expected = taken(melody.stream(Prompt("drums", melody=heard), context=begun[:, :28], frames=32))
    np.testing.assert_array_equal(changed, expected)

    stream.rewind(10)  # back before the change: it is made again at its place
    np.testing.assert_array_equal(taken(stream)[:, :18], begun[:, 10:28])
    stream.rewind(28)
    np.testing.assert_array_equal(taken(stream), expected)


def test_guidance_may_change_on_the_way(melody: Twins) -> None:
    stream = melody.stream(TEXT, frames=40)
    begun = taken(stream, 20)
    stream.rewind(20)
    stream.change_sampling(UNGUIDED)
    rest = taken(stream)
    expected = taken(melody.stream(TEXT, UNGUIDED, context=begun, frames=20))
    np.testing.assert_array_equal(rest, expected)


def test_a_blend_of_texts_lies_between_them(melody: Twins) -> None:
    alone = taken(melody.stream("drums", frames=30))
    nearly = taken(melody.stream(Prompt.of([("drums", 1.0), ("pads", 1e-9)]), frames=30))
    np.testing.assert_array_equal(alone, nearly)
    half = Prompt.of([("drums", 1.0), ("warm pads", 1.0)])
    assert not np.array_equal(alone, taken(melody.stream(half, frames=30)))


def test_another_model_follows_no_melody(mono: Twins) -> None:
    with pytest.raises(BadInput, match="follows no melody"):
        mono.stream(Prompt(TEXT, melody="0123"))


# ------------------------------------------------------------------ what is heard of a clip


@pytest.mark.parametrize("rate", [32_000, 44_100])
def test_notes_are_heard(rate: int) -> None:
    heard = melody_of(tune(4.0, rate), rate)
    assert len(heard) == 1 + 4 * RATE // 4_096
    middles = [heard[round((0.25 + 0.5 * note) * RATE / 4_096)] for note in range(8)]
    assert "".join(middles) == "04790479"


def test_stereo_is_mixed_and_long_clips_are_cut() -> None:
    pcm = tune(140.0, 8_000)
    heard = melody_of(np.repeat(pcm, 2, axis=1), 8_000)
    assert len(heard) == MAX_MELODY_FRAMES
    assert heard[:100] == melody_of(pcm, 8_000)[:100]


def test_a_melody_goes_round() -> None:
    assert melody_from("09b", 0, 5) == [0, 9, 11, 0, 9]
    assert melody_from("09b", 13, 3) == [11, 0, 9]  # 13 codec frames are two of chroma
    assert melody_from("", 7, 3) == [0, 0, 0]


@pytest.mark.parametrize(
    ("pcm", "line"),
    [
        (np.zeros((RATE, 1), np.float32), "silent"),
        (tune(0.2), "0.20 s long"),
        (np.zeros((0, 1), np.float32), "no audio"),
        (np.full((RATE, 1), np.nan, np.float32), "not numbers"),
    ],
)
def test_clips_without_a_melody(pcm: np.ndarray, line: str) -> None:
    with pytest.raises(BadClip, match=line):
        melody_of(pcm, RATE)


@pytest.mark.parametrize("melody", ["c", "0" * 938, "A"])
def test_melodies_that_are_none(melody: str) -> None:
    with pytest.raises(BadInput, match="melody"):
        Prompt("x", melody=melody)


def test_the_engine_hears_a_clip_or_says_why_not() -> None:
    remote, thread = engine_in_thread()
    remote.send(HearMelody(1, tune(), RATE), HearMelody(2, 0 * tune(), RATE), Quit())
    thread.join(30)
    first, second = (remote.pipe.recv() for _ in range(2))
    assert (first.token, first.melody) == (1, melody_of(tune(), RATE))
    assert (second.token, second.melody) == (2, "")
    assert "silent" in second.problem
