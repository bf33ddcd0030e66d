"""A run that is killed, stopped, or spread over processes ends in the same weights.

Each run is a process of its own, forked with one thread (importing torch and transformers anew
takes longer than the runs). The acceptance test starts the real commands.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.errors import BadInput
from core.training.run.terminal import StopSignal
from core.training.transformer.crops import Crops, read_clips
from core.training.transformer.settings import TransformerTraining
from core.training.transformer.trainer import TransformerTrainer
from tests.core.training.token_clips import small_run, write_tokens

pytestmark = [
    pytest.mark.skipif(torch.cuda.is_available(), reason="exact on the CPU; forks do not mix"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
LONGER = {"steps": 40, "frames_a_step": 200, "warmup": 5, "save_every": 20, "log_every": 5}


def in_process(work: Callable[[], object], **environment: str) -> multiprocessing.Process:
    """Starts `work` in a fork with one thread."""

    def run() -> None:
        torch.set_num_threads(1)
        os.environ.update(environment)
        work()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process  # type: ignore[return-value]


def status(process: multiprocessing.Process) -> int | None:
    process.join(50)
    return process.exitcode


def weights(out: Path) -> dict[str, torch.Tensor]:
    """Weights and averages that a run's folder holds."""
    state = torch.load(out / "last.pt", weights_only=True)
    parts = {"model": state["model"], "text": state["text"]}
    parts |= {f"average {name}": part for name, part in state["average"].items()}
    return {f"{part} {name}": t for part, named in parts.items() for name, t in named.items()}


def assert_same_bits(one: Path, other: Path) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    for name, tensor in a.items():
        assert torch.equal(tensor, b[name]), name


class KilledAt27(TransformerTrainer):
    def step(self) -> torch.Tensor:
        if self.schedule.step == 27:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step()


def test_a_run_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    tokens = write_tokens(tmp_path / "tokens")
    whole = small_run(tokens, tmp_path / "whole", **LONGER)
    parts = small_run(tokens, tmp_path / "parts", **LONGER)
    assert status(in_process(lambda: TransformerTrainer(whole).run())) == 0
    assert status(in_process(lambda: KilledAt27(parts).run())) == -signal.SIGKILL
    assert torch.load(tmp_path / "parts" / "last.pt", weights_only=True)["step"] == 20
    assert status(in_process(lambda: TransformerTrainer(parts).run())) == 0
    assert_same_bits(tmp_path / "whole", tmp_path / "parts")
    log = (tmp_path / "parts" / "log.jsonl").read_text()
    logged = [int(step) for step in re.findall(r'"step": (\d+)', log)]
    assert logged == [5, 10, 15, 20, 25, 30, 35, 40]


class AskedAt7(TransformerTrainer):
    def step(self) -> torch.Tensor:
        if self.schedule.step == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return super().step()


def test_ctrl_c_saves_and_the_run_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = write_tokens(tmp_path / "tokens")
    settings = {**LONGER, "steps": 12}
    assert TransformerTrainer(small_run(tokens, tmp_path / "whole", **settings)).run()
    capsys.readouterr()
    parts = small_run(tokens, tmp_path / "parts", **settings)
    assert not AskedAt7(parts).run()
    assert capsys.readouterr().out.splitlines()[-1].startswith("stopped at step 8 of 12, saved")
    assert TransformerTrainer(parts).run()
    assert_same_bits(tmp_path / "whole", tmp_path / "parts")


def test_ctrl_c_twice_ends_at_once() -> None:
    with StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def free_port() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_do_what_one_does(tmp_path: Path, accumulate: int) -> None:
    """The same global batch: in turn of four rows, and of two, which is one a process."""
    tokens = write_tokens(tmp_path / "tokens")
    settings = {"steps": 6, "frames_a_step": 200, "warmup": 2, "short_share": 0.5, "log_every": 1}
    one = small_run(tokens, tmp_path / "one", **settings)
    two = small_run(tokens, tmp_path / "two", accumulate=accumulate, **settings)
    alone = in_process(lambda: TransformerTrainer(one).run())
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ranks = [
        in_process(lambda: TransformerTrainer(two).run(), RANK=rank, LOCAL_RANK=rank, **shared)
        for rank in ("0", "1")
    ]
    assert [status(process) for process in (alone, *ranks)] == [0, 0, 0]
    losses = [
        [float(x) for x in re.findall(r'"loss": ([\d.]+)', (out / "log.jsonl").read_text())]
        for out in (one.out, two.out)
    ]
    assert len(losses[0]) == 6
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    a, b = weights(one.out), weights(two.out)
    for name, tensor in a.items():
        assert torch.allclose(tensor, b[name], atol=2e-5), name


def test_processes_without_steps_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "core.training.transformer.trainer.Processes.__init__",
        lambda self: setattr(self, "world", 2),
    )
    with pytest.raises(BadInput, match="need `steps`"):
        TransformerTrainer(small_run(tmp_path, tmp_path, steps=None, minutes=1.0))


def test_a_batch_depends_on_seed_and_step_alone(tmp_path: Path) -> None:
    clips = read_clips(write_tokens(tmp_path / "tokens"))
    crops = [Crops(clips, small_run(tmp_path, tmp_path, seed=seed), 2048) for seed in (3, 3, 4)]
    crops[0].batch(50, 8)
    batches = [one.batch(50, 9) for one in crops]
    assert torch.equal(batches[0].codes, batches[1].codes)
    assert batches[0].captions == batches[1].captions
    assert not torch.equal(batches[0].codes, batches[2].codes)
    assert not torch.equal(crops[0].batch(50, 10).codes, batches[0].codes)


# ------------------------------------------------------------------- the real commands

SETTINGS = """kind = "transformer"
tokens = "tokens"
out = "{out}"
hidden = 16
layers = 1
heads = 2
text_width = 8
first_frames = 50
short_frames = 50
window_frames = 100
frames_a_step = 200
warmup = 5
steps = {steps}
held_out = 0.0
log_every = 5
save_every = 20
sample_every = 0
tensorboard = false
"""


def settings_file(folder: Path, out: str, steps: int) -> Path:
    path = folder / f"{out}.toml"
    path.write_text(SETTINGS.format(out=out, steps=steps))
    return path


def command(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.accept
def test_the_commands_survive_kill_9_and_agree_under_torchrun(tmp_path: Path) -> None:
    write_tokens(tmp_path / "tokens")
    parts, whole = (settings_file(tmp_path, out, 80) for out in ("parts", "whole"))
    killed = command("daw_bridge", "train", str(parts))
    assert killed.stdout is not None
    for line in killed.stdout:
        if line.startswith("step 25 "):
            break
    killed.kill()
    killed.communicate()
    assert torch.load(tmp_path / "parts" / "last.pt", weights_only=True)["step"] < 80
    for path in (parts, whole):
        process = command("daw_bridge", "train", str(path))
        process.communicate(timeout=800)
        assert process.returncode == 0
    assert_same_bits(tmp_path / "whole", tmp_path / "parts")

    one, two = (settings_file(tmp_path, out, 10) for out in ("one", "two"))
    for words in (
        ["core.training.transformer", str(one)],
        [
            "torch.distributed.run",
            "--nproc-per-node",
            "2",
            "-m",
            "core.training.transformer",
            str(two),
        ],
    ):
        process = command(*words)
        process.communicate(timeout=800)
        assert process.returncode == 0
    for (name, a), b in zip(
        weights(tmp_path / "one").items(), weights(tmp_path / "two").values(), strict=True
    ):
        assert torch.allclose(a, b, atol=5e-5), name


def test_the_settings_of_the_commands_are_read(tmp_path: Path) -> None:
    config = TransformerTraining.read(settings_file(tmp_path, "x", 7))
    assert config.length == (7, None, None)
    assert config.out == tmp_path.resolve() / "x"
