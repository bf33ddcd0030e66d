"""The engine's loop behind its pipe. In a thread where it can be, in a process where it must."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from core.codec.encodec import Codec
from core.codec.soft_clip import soft_clip
from core.generation.messages import (
    CancelTake,
    ChangePrompt,
    ChangeSampling,
    Credit,
    EngineEvent,
    EngineProblem,
    LoadModel,
    ModelLoaded,
    PcmBlock,
    StartTake,
    TakeDone,
    TakeStarted,
    TakeTokens,
)
from core.generation.params import Prompt, SamplingParams
from core.model.checkpoint import load_checkpoint
from tests.core.generation.remote_engine import (
    PROMPT,
    SAMPLING,
    Remote,
    engine_in_thread,
    of,
    pcm_of,
    tokens_of,
)

AHEAD = 2_402  # samples that a take's end hears of music that goes on


def _heard(samples: int) -> Callable[[EngineEvent], bool]:
    """Whether a block reaches as far as that."""
    return lambda event: (
        isinstance(event, PcmBlock) and event.first_sample + len(event.pcm) >= samples
    )


@pytest.fixture(scope="module")
def codec(tiny_mono: Path) -> Codec:
    return Codec(load_checkpoint(str(tiny_mono)).codec)


def test_a_take_from_start_to_end(engine: Remote, codec: Codec) -> None:
    engine.send(StartTake(1, 7, PROMPT, SAMPLING, frames=40))
    heard = engine.until_done()
    assert isinstance(heard[0], TakeStarted)
    assert (heard[0].take, heard[0].epoch, heard[0].context_frames) == (1, 7, 0)
    done = heard[-1]
    assert isinstance(done, TakeDone)
    assert (done.frames, done.cancelled) == (40, False)
    tokens = tokens_of(heard)
    assert tokens.shape == (4, 40)
    blocks = of(PcmBlock, heard)
    assert {block.epoch for block in blocks} == {7}
    assert [block.last for block in blocks].index(True) == len(blocks) - 1
    pcm, whole = pcm_of(heard), soft_clip(codec.decode(tokens))
    assert pcm.shape == whole.shape
    np.testing.assert_allclose(pcm[:-AHEAD], whole[:-AHEAD], atol=1e-4)
    assert all(event.steps_per_second > 0 for event in of(TakeTokens, heard))
    told = 0  # what is heard can always be continued: its tokens were told before
    for event in heard:
        if isinstance(event, TakeTokens):
            told = event.first_frame + event.codes.shape[1]
        elif isinstance(event, PcmBlock):
            assert event.first_sample + len(event.pcm) <= told * 640


def test_the_same_seed_gives_the_same_take(engine: Remote) -> None:
    heard = []
    for take in (2, 3):
        engine.send(StartTake(take, take, PROMPT, SAMPLING, frames=20))
        heard.append(pcm_of(engine.until_done()))
    np.testing.assert_array_equal(*heard)


def test_credit_holds_the_engine_back_while_it_answers(engine: Remote) -> None:
    engine.send(StartTake(4, 4, PROMPT, SAMPLING), Credit(4, 12))
    heard = engine.until(_heard(12 * 640 - 2_402))
    used = time.process_time()
    assert engine.silent(0.3)
    assert time.process_time() - used < 0.1  # it sleeps
    made = tokens_of(heard).shape[1]
    assert made >= 12
    engine.send(Credit(4, made + 8))
    more = engine.until(_heard((made + 8) * 640 - 2_402))
    assert tokens_of(more).shape[1] == 8
    engine.send(CancelTake(4))
    done = engine.until_done()[-1]
    assert isinstance(done, TakeDone)
    assert done.cancelled
    assert done.frames == made + 8


def test_credit_for_all_frames_lets_the_take_end(engine: Remote) -> None:
    engine.send(StartTake(5, 5, PROMPT, SAMPLING, frames=15), Credit(5, 15))
    assert pcm_of(engine.until_done()).shape == (15 * 640, 1)


def test_an_endless_take_is_cancelled_within_a_step(engine: Remote) -> None:
    engine.send(StartTake(6, 6, PROMPT, SAMPLING))
    engine.until(lambda event: isinstance(event, PcmBlock))
    begun = time.monotonic()
    engine.send(CancelTake(6))
    heard = engine.until_done()
    assert time.monotonic() - begun < 0.5
    assert isinstance(heard[-1], TakeDone)
    assert heard[-1].cancelled
    assert of(PcmBlock, heard)[-1].last


def test_a_new_take_takes_the_place_of_the_old_one(engine: Remote) -> None:
    engine.send(StartTake(7, 7, PROMPT, SAMPLING), StartTake(8, 8, PROMPT, SAMPLING, frames=9))
    first, second = engine.until_done(), engine.until_done()
    assert isinstance(first[-1], TakeDone)
    assert (first[-1].take, first[-1].cancelled) == (7, True)
    assert isinstance(second[-1], TakeDone)
    assert (second[-1].take, second[-1].frames) == (8, 9)


def test_prompt_and_sampling_change_on_the_way(engine: Remote) -> None:
    greedy = SamplingParams(greedy=True)
    engine.send(StartTake(9, 9, PROMPT, greedy, frames=60), Credit(9, 10))
    engine.until(lambda event: isinstance(event, PcmBlock))
    engine.send(ChangePrompt(9, Prompt("loud drums")), ChangeSampling(9, SAMPLING), Credit(9, 60))
    changed = pcm_of(engine.until_done())
    engine.send(StartTake(10, 10, PROMPT, greedy, frames=60))
    plain = pcm_of(engine.until_done())
    assert not np.array_equal(changed[-6_400:], plain[-6_400:])


def test_a_clip_is_continued_and_its_codes_are_told(engine: Remote, codec: Codec) -> None:
    clip = np.random.default_rng(0).normal(0, 0.2, (44_100, 2)).astype(np.float32)
    engine.send(StartTake(11, 11, PROMPT, SAMPLING, frames=10, clip=clip, clip_rate=44_100))
    heard = engine.until_done()
    started = heard[0]
    assert isinstance(started, TakeStarted)
    assert started.context_frames == 50
    assert started.context is not None
    codes = np.concatenate((started.context, tokens_of(heard)), 1)
    assert started.level != 1
    pcm = pcm_of(heard)
    whole = soft_clip(np.float32(started.level) * codec.decode(codes))[-6_400:]
    assert pcm.shape == whole.shape
    np.testing.assert_allclose(pcm[:-AHEAD], whole[:-AHEAD], atol=1e-4)
    # What is skipped is what would have been heard first.
    request = StartTake(11, 11, PROMPT, SAMPLING, frames=6, clip=clip, clip_rate=44_100, skip=4)
    engine.send(request)
    skipped = engine.until_done()
    assert isinstance(skipped[0], TakeStarted)
    assert skipped[0].context is not None
    assert skipped[0].context.shape[1] == 54
    again = np.concatenate((skipped[0].context, tokens_of(skipped)), 1)
    np.testing.assert_array_equal(again, codes)


def test_an_interrupted_take_keeps_its_numbers(engine: Remote, codec: Codec) -> None:
    codes = np.random.default_rng(0).integers(0, 256, (4, 30))
    request = StartTake(
        12, 12, PROMPT, SAMPLING, frames=35, codes=codes, done=20, first_sample=7_000
    )
    engine.send(request)
    heard = engine.until_done()
    tokens, blocks = of(TakeTokens, heard), of(PcmBlock, heard)
    assert tokens[0].first_frame == 20
    assert blocks[0].first_sample == 7_000
    assert isinstance(heard[-1], TakeDone)
    assert heard[-1].frames == 35
    whole = soft_clip(codec.decode(np.concatenate((codes, tokens_of(heard)), 1)))
    pcm, whole = pcm_of(heard), whole[10 * 640 + 7_000 :]
    assert pcm.shape == whole.shape
    np.testing.assert_allclose(pcm[:-AHEAD], whole[:-AHEAD], atol=1e-4)


@pytest.mark.parametrize(
    ("request_", "code", "says"),
    [
        (
            StartTake(20, 20, PROMPT, SAMPLING, clip=np.zeros((9_000, 1), np.float32)),
            "bad_clip",
            "silent",
        ),
        (
            StartTake(21, 21, PROMPT, SAMPLING, codes=np.zeros((2, 9), np.int64)),
            "bad_input",
            "wants \\[4, frames\\]",
        ),
        (
            StartTake(22, 22, PROMPT, SAMPLING, codes=np.full((4, 9), 999)),
            "bad_input",
            "another codec",
        ),
    ],
)
def test_what_cannot_be_played_is_told_in_a_line(
    engine: Remote, request_: StartTake, code: str, says: str
) -> None:
    engine.send(request_)
    problem = engine.until_done()[-1]
    assert isinstance(problem, EngineProblem)
    assert (problem.take, problem.code) == (request_.take, code)
    assert re.search(says, problem.text)
    assert "\n" not in problem.text
    engine.send(StartTake(23, 23, PROMPT, SAMPLING, frames=3))
    assert isinstance(engine.until_done()[-1], TakeDone)  # the engine goes on


def test_lack_of_memory_ends_the_take_only(engine: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.generation.audio_stream import AudioStream

    def fails(self: AudioStream) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 TB")

    with monkeypatch.context() as patch:
        patch.setattr(AudioStream, "step", fails)
        engine.send(StartTake(30, 30, PROMPT, SAMPLING, frames=3))
        problem = engine.until_done()[-1]
    assert isinstance(problem, EngineProblem)
    assert (problem.take, problem.code) == (30, "out_of_memory")
    engine.send(StartTake(31, 31, PROMPT, SAMPLING, frames=3))
    assert isinstance(engine.until_done()[-1], TakeDone)


def test_models_that_cannot_be_loaded(tmp_path: Path) -> None:
    remote, thread = engine_in_thread()
    remote.send(
        StartTake(1, 1, PROMPT, SAMPLING),
        LoadModel(str(tmp_path / "nowhere"), "cpu"),
        LoadModel(str(tmp_path), "cpu"),
        LoadModel(str(tmp_path), "gpu"),
    )
    codes = []
    for _ in range(4):
        problem = remote.until_done()[-1]
        assert isinstance(problem, EngineProblem)
        codes.append(problem.code)
    assert codes == ["no_model", "bad_checkpoint", "bad_checkpoint", "bad_input"]
    remote.pipe.close()  # the application is gone: the engine ends by itself
    thread.join(10)
    assert not thread.is_alive()


def test_a_model_that_is_refused_leaves_the_one_before_and_its_take(
    engine: Remote, tmp_path: Path
) -> None:
    engine.send(StartTake(1, 1, PROMPT, SAMPLING, frames=60), LoadModel(str(tmp_path), "cpu"))
    events = engine.until(lambda event: isinstance(event, TakeDone))
    kinds = [type(event) for event in events]
    told = kinds.index(EngineProblem)
    assert ModelLoaded in kinds[told:], "which model is in memory is told"
    (done,) = of(TakeDone, events)
    assert (done.frames, done.cancelled) == (60, False)


def test_a_model_that_turns_out_bad_while_it_is_read_gives_way_to_the_one_before(
    engine: Remote, tiny_mono: Path, tmp_path: Path
) -> None:
    bad = Path(shutil.copytree(tiny_mono, tmp_path / "bad"))
    weights = load_file(bad / "model.safetensors")
    weights["decoder.lm_heads.0.weight"][0, 0] = float("nan")
    save_file(weights, bad / "model.safetensors")
    engine.send(LoadModel(str(bad), "cpu"), StartTake(1, 1, PROMPT, SAMPLING, frames=5))
    events = engine.until_done()
    (problem,) = of(EngineProblem, events)
    assert (problem.take, problem.code) == (None, "bad_checkpoint")
    assert "no numbers" in problem.text
    (back,) = of(ModelLoaded, engine.until(lambda event: isinstance(event, ModelLoaded)))
    assert back.model == str(tiny_mono)
    assert of(TakeDone, engine.until_done())[0].frames == 5


PARENT = """
import multiprocessing, sys, time
from core.generation.messages import LoadModel, StartTake
from core.generation.params import Prompt, SamplingParams
from core.generation.worker import run_engine
if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    child = spawn.Process(target=run_engine, args=(theirs,))
    child.start()
    theirs.close()
    ours.send(LoadModel(sys.argv[1], "cpu"))
    ours.send(StartTake(1, 1, Prompt("x"), SamplingParams()))
    while type(ours.recv()).__name__ != "PcmBlock":
        pass
    print(child.pid, "torch" in sys.modules, flush=True)
    time.sleep(60)  # and never reads again: the child blocks in a write
"""


@pytest.mark.timeout(200)  # a start of torch and transformers: 10 s of work
def test_no_orphan_is_left_when_the_application_is_killed(tiny_mono: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, str(script), str(tiny_mono)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    with parent.stdout as lines:
        pid, torch_in_parent = lines.readline().split()
    assert torch_in_parent == "False"
    time.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 5
    while _alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(int(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
