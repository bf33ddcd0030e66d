"""Adapters through the engine's pipe: loaded, weighed and refused while a take plays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.generation.messages import (
    AdaptersLoaded,
    Credit,
    EngineEvent,
    LoadModel,
    ModelLoaded,
    PcmBlock,
    Quit,
    StartTake,
    TakeDone,
    TakeStarted,
    TakeTokens,
    UseAdapter,
)
from core.model.adapter_location import named_path
from core.model.checkpoint import read_info
from tests.core.generation.remote_engine import (
    PROMPT,
    SAMPLING,
    Remote,
    engine_in_thread,
    of,
    pcm_of,
    tokens_of,
)
from tests.core.model.tiny_adapters import make_adapter

FRAMES, CHANGED_AT = 50, 20


@pytest.fixture
def adapter(tiny_mono: Path, tmp_path: Path) -> Path:
    return make_adapter(tmp_path / "warm.safetensors", read_info(str(tiny_mono)).config)


@pytest.fixture
def plain(engine: Remote) -> list[EngineEvent]:
    """A take without adapters."""
    engine.send(StartTake(1, 1, PROMPT, SAMPLING, FRAMES))
    return engine.until_done()


def changed_in_mid_take(
    engine: Remote, *requests: UseAdapter
) -> tuple[list[EngineEvent], list[AdaptersLoaded]]:
    """A take that gets the requests after CHANGED_AT frames: what was heard; the answers."""
    engine.send(StartTake(2, 2, PROMPT, SAMPLING, FRAMES), Credit(2, CHANGED_AT))
    drawn = 0

    def out_of_credit(event: EngineEvent) -> bool:
        nonlocal drawn
        if isinstance(event, TakeTokens):
            drawn = event.first_frame + event.codes.shape[1]
        return isinstance(event, PcmBlock) and drawn == CHANGED_AT

    heard = engine.until(out_of_credit)
    engine.send(*requests, Credit(2, FRAMES))
    heard += engine.until_done()
    assert isinstance(heard[-1], TakeDone)
    return heard, of(AdaptersLoaded, heard)


def is_whole(events: list[EngineEvent]) -> bool:
    """Whether the PCM goes on without a missing sample, to the end."""
    at = 0
    for block in of(PcmBlock, events):
        if block.first_sample != at:
            return False
        at += len(block.pcm)
    return at == FRAMES * 640


def test_an_adapter_joins_a_take_without_a_gap(
    engine: Remote, adapter: Path, plain: list[EngineEvent]
) -> None:
    heard, [answer] = changed_in_mid_take(engine, UseAdapter(str(adapter), 1.0))
    assert (answer.takes, answer.problem) == (((2, CHANGED_AT),), "")
    assert [(one.name, one.weight) for one in answer.adapters] == [(str(adapter), 1.0)]
    assert answer.adapters[0].trigger == "zither"
    assert is_whole(heard)
    before, after = tokens_of(plain), tokens_of(heard)
    assert np.array_equal(before[:, :CHANGED_AT], after[:, :CHANGED_AT])
    assert not np.array_equal(before[:, CHANGED_AT:], after[:, CHANGED_AT:])
    kept = (CHANGED_AT - 4) * 640  # the codec looks four frames ahead
    np.testing.assert_array_equal(pcm_of(heard)[:kept], pcm_of(plain)[:kept])
    # The take after it begins with it, and says so; unloaded, the first take comes back.
    engine.send(StartTake(3, 3, PROMPT, SAMPLING, FRAMES))
    third = engine.until_done()
    assert of(TakeStarted, third)[0].adapters == answer.adapters
    assert not np.array_equal(tokens_of(third)[:, 5:15], before[:, 5:15])
    engine.send(UseAdapter(str(adapter), 0.0), StartTake(4, 4, PROMPT, SAMPLING, FRAMES))
    fourth = engine.until_done()
    assert of(AdaptersLoaded, fourth)[0].adapters == ()
    assert np.array_equal(tokens_of(fourth), before)
    assert np.array_equal(pcm_of(fourth), pcm_of(plain))


def test_several_blend_and_a_weight_moves(engine: Remote, tiny_mono: Path, tmp_path: Path) -> None:
    config = read_info(str(tiny_mono)).config
    one = str(make_adapter(tmp_path / "one.safetensors", config, seed=1))
    make_adapter(named_path("two"), config, seed=2)
    requests = [UseAdapter(one, 0.5), UseAdapter("two", 1.5), UseAdapter(one, 2.0)]
    heard, answers = changed_in_mid_take(engine, *requests)
    assert [[(a.name, a.weight) for a in answer.adapters] for answer in answers] == [
        [(one, 0.5)],
        [(one, 0.5), ("two", 1.5)],
        [(one, 2.0), ("two", 1.5)],
    ]
    assert is_whole(heard)
    named_path("two").unlink()  # gone from the disk: it can be unloaded all the same
    engine.send(UseAdapter("two", 0.0), UseAdapter(one, 0.0))
    last = engine.until(lambda e: isinstance(e, AdaptersLoaded) and not e.adapters)
    assert [event.problem for event in of(AdaptersLoaded, last)] == ["", ""]


def test_a_file_that_changed_is_read_again(engine: Remote, tiny_mono: Path, tmp_path: Path) -> None:
    config = read_info(str(tiny_mono)).config
    path = make_adapter(tmp_path / "one.safetensors", config, seed=1)
    digests = []
    for rank in (2, 3):
        make_adapter(path, config, seed=rank, rank=rank)
        engine.send(UseAdapter(str(path), 1.0))
        answer = engine.until(lambda event: isinstance(event, AdaptersLoaded))[-1]
        assert isinstance(answer, AdaptersLoaded)
        digests.append([one.digest for one in answer.adapters])
    assert len(digests[0]) == len(digests[1]) == 1
    assert digests[0] != digests[1]
    engine.send(UseAdapter(str(path), 0.0))
    engine.until(lambda event: isinstance(event, AdaptersLoaded))


def test_a_bad_adapter_is_one_line_and_the_take_goes_on(
    engine: Remote, adapter: Path, tiny_stereo: Path, tmp_path: Path, plain: list[EngineEvent]
) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(adapter.read_bytes()[:-20])
    foreign = make_adapter(tmp_path / "stereo.safetensors", read_info(str(tiny_stereo)).config)
    asked = [str(cut), str(foreign), "nobody", str(tmp_path), "/nowhere.safetensors"]
    heard, answers = changed_in_mid_take(engine, *(UseAdapter(one) for one in asked))
    said = [answer.problem for answer in answers]
    for problem, words in zip(
        said, ("cut short", "num_codebooks 8, here 4", "no adapter", "not a file", "check"),
        strict=True,
    ):  # fmt: skip
        assert words in problem
        assert "\n" not in problem
    assert [answer.asked for answer in answers] == asked
    assert not any(answer.adapters for answer in answers)
    assert is_whole(heard)
    assert np.array_equal(tokens_of(heard), tokens_of(plain))


def test_another_model_starts_without_adapters(
    engine: Remote, adapter: Path, tiny_mono: Path, tiny_stereo: Path
) -> None:
    engine.send(UseAdapter(str(adapter)), LoadModel(str(tiny_stereo), "cpu"))
    heard = engine.until(lambda event: isinstance(event, ModelLoaded))
    assert [len(event.adapters) for event in of(AdaptersLoaded, heard)] == [1, 0]
    engine.send(UseAdapter(str(adapter)), LoadModel(str(tiny_mono), "cpu"))
    heard = engine.until(lambda event: isinstance(event, ModelLoaded))
    assert "num_codebooks 4, here 8" in of(AdaptersLoaded, heard)[0].problem


def test_before_a_model_is_there_it_says_so() -> None:
    remote, thread = engine_in_thread()
    remote.send(UseAdapter("warm"))
    [answer] = remote.until(lambda event: isinstance(event, AdaptersLoaded))
    assert isinstance(answer, AdaptersLoaded)
    assert "no model is loaded" in answer.problem
    remote.send(Quit())
    thread.join(10)
