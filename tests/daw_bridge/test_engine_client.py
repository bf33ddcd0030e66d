"""The engine dies and the music goes on: real child processes, a tiny model."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.generation.messages import (
    DEVICE_FAULT,
    CancelTake,
    ChangePrompt,
    Credit,
    EngineEvent,
    EngineProblem,
    LoadModel,
    ModelLoaded,
    PcmBlock,
    Quit,
    StartTake,
    TakeDone,
    TakeStarted,
    TakeTokens,
)
from core.generation.params import Prompt, SamplingParams
from core.generation.worker import run_engine
from daw_bridge.engine_client import EngineClient
from daw_bridge.engine_ledger import Ledger

PROMPT, SAMPLING = Prompt("slow piano"), SamplingParams(seed=3)


class Heard(queue.SimpleQueue[EngineEvent]):
    """A listener that keeps what it hears, in order."""

    def until(self, ends: Callable[[EngineEvent], bool], seconds: float = 140) -> list[EngineEvent]:
        events: list[EngineEvent] = []
        deadline = time.monotonic() + seconds
        while True:
            events.append(self.get(timeout=max(0.01, deadline - time.monotonic())))
            if ends(events[-1]):
                return events


# ------------------------------------------------------------------ a stand-in child, no torch


def fake_engine(connection: Connection) -> None:
    """Loads at once, makes three frames a take for each credit, dies on the prompt 'die'."""
    take: StartTake | None = None
    while True:
        match connection.recv():
            case LoadModel(model):
                connection.send(ModelLoaded(model, "fake", "cpu", "float32", 4, 1, "", "", 1500))
            case StartTake() as take:
                connection.send(TakeStarted(take.take, take.epoch, 0))
            case Credit(number, frames) if take is not None:
                codes = np.full((4, frames - take.done), take.done)
                connection.send(TakeTokens(number, take.done, codes, take.frames, 50.0))
                first = take.first_sample or 0
                pcm = np.full((frames * 640 - 2_402 - first, 1), 0.5, np.float32)
                connection.send(PcmBlock(number, take.epoch, first, pcm))
                if frames == take.frames:
                    connection.send(TakeDone(number, frames, cancelled=False))
            case ChangePrompt(_, prompt) if prompt.text == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case Quit():
                return
            case _:
                pass


def dead_engine(connection: Connection) -> None:
    """Dies as soon as it is asked for anything."""
    connection.recv()
    os._exit(7)


def engine_on_a_bad_gpu(connection: Connection) -> None:
    """Its device is lost at the first frame, unless that is the CPU."""
    on_the_cpu = False
    while True:
        match connection.recv():
            case LoadModel(model, device, dtype):
                on_the_cpu = device == "cpu"
                connection.send(ModelLoaded(model, "fake", device, dtype, 4, 1, "", "", 1500))
            case StartTake(number, frames=frames, done=done):
                if not on_the_cpu:
                    if not done:
                        codes = np.zeros((4, 3), np.int64)
                        connection.send(TakeTokens(number, 0, codes, frames, 50.0))
                    os._exit(DEVICE_FAULT)
                connection.send(TakeTokens(number, done, np.ones((4, 2), np.int64), frames, 50.0))
                connection.send(TakeDone(number, done + 2, cancelled=False))
            case Quit():
                return
            case _:
                pass


def deaf_engine(connection: Connection) -> None:
    """Does not end when it is asked to."""
    del connection
    time.sleep(60)


@pytest.fixture
def client_of() -> Iterator[Callable[[Any], tuple[EngineClient, Heard]]]:
    clients: list[EngineClient] = []

    def make(main: Callable[[Connection], None]) -> tuple[EngineClient, Heard]:
        client, heard = EngineClient(main, back_off=(0.0, 0.1)), Heard()
        clients.append(client)
        client.start(heard.put)
        return client, heard

    yield make
    for client in clients:
        client.stop()


def is_a(*kinds: type) -> Callable[[EngineEvent], bool]:
    return lambda event: isinstance(event, kinds)


def test_a_gpu_that_fails_again_and_again_is_left(client_of: Any) -> None:
    """The first time it may have been an accident. The take keeps its tokens throughout."""
    client, heard = client_of(engine_on_a_bad_gpu)
    client.send(LoadModel("m", "auto", "float16"))
    client.send(StartTake(1, 1, PROMPT, SAMPLING, frames=5))
    events = heard.until(is_a(TakeDone))
    loaded = [(e.device, e.dtype) for e in events if isinstance(e, ModelLoaded)]
    assert loaded == [("auto", "float16"), ("auto", "float16"), ("cpu", "auto")]
    tokens = [(e.first_frame, int(e.codes[0, 0])) for e in events if isinstance(e, TakeTokens)]
    assert tokens == [(0, 0), (3, 1)]
    texts = [e.text for e in events if isinstance(e, EngineProblem)]
    assert texts == ["the engine process ended (the GPU failed); it is being started again"] * 2


def test_what_was_asked_before_the_start_is_kept_in_order(client_of: Any) -> None:
    client = EngineClient(fake_engine)
    client.send(LoadModel("tiny"))
    client.send(StartTake(1, 1, PROMPT, SAMPLING, frames=10))
    client.send(Credit(1, 10))
    heard = Heard()
    client.start(heard.put)
    kinds = [type(event) for event in heard.until(is_a(TakeDone))]
    assert kinds == [ModelLoaded, TakeStarted, TakeTokens, PcmBlock, TakeDone]
    client.stop()
    client.stop()


def test_a_take_is_resumed_where_it_was_interrupted(client_of: Any) -> None:
    client, heard = client_of(fake_engine)
    client.send(LoadModel("tiny"))
    client.send(StartTake(1, 5, PROMPT, SAMPLING, frames=20))
    client.send(Credit(1, 8))
    first = heard.until(is_a(PcmBlock))[-1]
    client.send(ChangePrompt(1, Prompt("die")))
    problem = heard.until(is_a(EngineProblem))[-1]
    assert isinstance(problem, EngineProblem)
    assert (problem.take, problem.code) == (1, "engine")
    assert "SIGKILL" in problem.text
    client.send(ChangePrompt(1, PROMPT))  # while it restarts
    client.send(Credit(1, 20))
    heard.until(is_a(ModelLoaded))
    rest = heard.until(is_a(TakeDone))
    assert not [event for event in rest if isinstance(event, TakeStarted)]
    told = [event for event in rest if isinstance(event, TakeTokens)]
    assert told[0].first_frame == 8
    blocks = [event for event in rest if isinstance(event, PcmBlock)]
    assert isinstance(first, PcmBlock)
    assert blocks[0].first_sample == len(first.pcm)
    assert {block.epoch for block in blocks} == {5}


def test_an_engine_that_keeps_dying_is_given_up_until_a_model_is_loaded(client_of: Any) -> None:
    client, heard = client_of(dead_engine)
    client.send(LoadModel("huge"))
    client.send(StartTake(1, 1, PROMPT, SAMPLING))
    end = heard.until(lambda event: isinstance(event, EngineProblem) and event.take is None)
    problems = [event for event in end if isinstance(event, EngineProblem)]
    assert [problem.code for problem in problems] == ["engine", "engine", "failure", "failure"]
    assert "exit status 7" in problems[-1].text
    assert client.pid is None
    client.send(LoadModel("small"))
    assert heard.until(is_a(EngineProblem))  # it was started again


def test_stop_does_not_wait_for_a_deaf_engine(client_of: Any) -> None:
    client, _ = client_of(deaf_engine)
    while client.pid is None:
        time.sleep(0.01)
    begun = time.monotonic()
    client.stop()
    assert time.monotonic() - begun < 6
    assert client.pid is None


# ------------------------------------------------------------------ bookkeeping alone


def test_a_take_that_was_being_cancelled_ends_with_the_process() -> None:
    ledger = Ledger()
    ledger.request(StartTake(1, 1, PROMPT, SAMPLING))
    ledger.event(TakeTokens(1, 0, np.zeros((4, 5), np.int64), None, 50.0))
    ledger.request(CancelTake(1))
    ledger.request(StartTake(2, 2, PROMPT, SAMPLING))
    (loss,) = ledger.losses()
    assert isinstance(loss, TakeDone)
    assert (loss.take, loss.frames, loss.cancelled) == (1, 5, True)
    assert [type(each) for each in ledger.replay()] == [StartTake]


def test_a_clip_is_not_encoded_twice() -> None:
    ledger = Ledger()
    clip = np.ones((9_000, 1), np.float32)
    ledger.request(StartTake(1, 1, PROMPT, SAMPLING, frames=50, clip=clip))
    (again,) = ledger.replay()
    assert isinstance(again, StartTake)
    assert again.clip is clip  # nothing was told yet
    ledger.event(TakeStarted(1, 1, 14, np.zeros((4, 14), np.int64)))
    ledger.event(TakeTokens(1, 0, np.ones((4, 5), np.int64), 50, 50.0))
    ledger.event(PcmBlock(1, 1, 0, np.zeros((798, 1), np.float32)))
    (again,) = ledger.replay()
    assert isinstance(again, StartTake)
    assert again.codes is not None
    assert again.codes.shape == (4, 19)
    assert (again.clip, again.done, again.first_sample, again.frames) == (None, 5, 798, 50)


# ------------------------------------------------------------------ the real engine


@pytest.mark.timeout(300)  # two starts of torch and transformers: 10 s of work each
def test_kill_9_in_the_middle_of_a_take(tmp_path: Path, client_of: Any) -> None:
    from tests.core.tiny_checkpoints import make_checkpoint

    tiny_mono = make_checkpoint(tmp_path / "tiny")
    client, heard = client_of(run_engine)
    client.send(LoadModel(str(tiny_mono), "cpu"))
    client.send(StartTake(1, 1, PROMPT, SAMPLING, frames=120))
    client.send(Credit(1, 40))
    events = heard.until(lambda event: _reach(event) >= 40 * 640 - 2_402)
    os.kill(client.pid, signal.SIGKILL)
    client.send(Credit(1, 120))
    events += heard.until(is_a(TakeDone))
    tokens = np.concatenate([e.codes for e in events if isinstance(e, TakeTokens)], 1)
    assert tokens.shape == (4, 120)
    end = 0
    for block in (event for event in events if isinstance(event, PcmBlock)):
        assert block.first_sample == end
        end += len(block.pcm)
    assert end == 120 * 640
    pcm = np.concatenate([e.pcm for e in events if isinstance(e, PcmBlock)])

    from core.generation.generator import Generator

    # the take that nothing happened to
    stream = Generator.load(str(tiny_mono), "cpu").open(PROMPT, SAMPLING, 120, open_end=True)
    blocks = []
    while not stream.ended:
        blocks.append(stream.step())
    np.testing.assert_array_equal(tokens, stream.untold_codes())
    whole = np.concatenate([block.pcm for block in blocks if block is not None])
    np.testing.assert_allclose(pcm, whole, atol=1e-4)


def _reach(event: EngineEvent) -> int:
    return event.first_sample + len(event.pcm) if isinstance(event, PcmBlock) else 0


def test_the_client_does_not_load_torch() -> None:
    modules = "daw_bridge.engine_client, core.generation.worker"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
