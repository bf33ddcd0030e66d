"""`daw-bridge models`: what is here, what is not, download, resume, delete; without a network."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from core.errors import BadCheckpoint, BadInput
from core.model import resumed_download
from daw_bridge.__main__ import app
from daw_bridge.cli.console import console
from tests.core.audiocraft_layout import write_audiocraft
from tests.core.tiny_checkpoints import make_checkpoint, tiny_model
from tests.daw_bridge.cli.small_hub import SmallHub

SMALL = "facebook/musicgen-small"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(console, "width", 200)
    return tmp_path / "hub"


def in_cache(cache: Path, model: str, source: Path) -> Path:
    repo = cache / f"models--{model.replace('/', '--')}"
    shutil.copytree(source, repo / "snapshots" / ("0" * 40))
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    return repo


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are looked for whole."""
    monkeypatch.setattr(console, "width", 200)


def run(*words: str, answer: str = "") -> str:
    done = CliRunner().invoke(app, ["models", *words], input=answer, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*words: str, answer: str = "") -> Exception:
    error = CliRunner().invoke(app, ["models", *words], input=answer).exception
    assert isinstance(error, Exception | SystemExit)
    return error  # type: ignore[return-value]


def test_list_tells_what_is_here_and_what_is_not(cache: Path, checkpoint: Path) -> None:
    assert not cache.exists()
    empty = run("list")
    assert "starter" in empty
    assert SMALL in empty.partition("to download")[2]
    in_cache(cache, SMALL, checkpoint)
    in_cache(cache, "google-t5/t5-base", checkpoint)
    other = in_cache(cache, "someone/bert", checkpoint)
    next(other.glob("snapshots/*/config.json")).write_text('{"model_type": "bert"}')
    begun = cache / "models--facebook--musicgen-melody" / "blobs"
    begun.mkdir(parents=True)
    (begun / "x.incomplete").write_bytes(b"x" * 3_000_000)
    here, _, there = run("list").partition("to download")
    small = next(line for line in here.splitlines() if SMALL in line)
    assert "CC-BY-4.0" in small  # the card's, not the table's
    assert "MB" in small
    melody = next(line for line in here.splitlines() if "melody" in line)
    assert "3 MB" in melody
    assert "models get facebook/musicgen-melody` gets the rest" in melody
    assert "a part of models in AudioCraft's format" in here
    assert "bert" not in here
    assert f"{SMALL} " not in there
    assert "facebook/musicgen-melody " not in there
    assert "facebook/musicgen-stereo-melody-large" in there


def test_a_folder_that_was_used_is_listed(
    cache: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daw_bridge.settings import SettingsFile

    file = SettingsFile()
    file.change({"model": str(checkpoint)})
    file.flush(now=True)
    assert str(checkpoint) in run("list")


def test_info(cache: Path, checkpoint: Path, tmp_path: Path) -> None:
    told = run("info", str(checkpoint))
    assert "licence CC-BY-4.0" in told
    assert "plays text, mono; Hugging Face layout; 2 layers of 32, window 30 s" in told
    assert "in bfloat16" in told
    assert "not downloaded, about 10.4 GB" in run("info", "facebook/musicgen-melody-large")
    craft = write_audiocraft(tmp_path / "craft", tiny_model(stereo=True, melody=True))
    assert "text and melody, stereo; AudioCraft layout" in run("info", str(craft))
    shutil.rmtree(craft / "t5-base")  # it would come from the hub, but this only tells
    error = refused("info", str(craft))
    assert isinstance(error, BadCheckpoint)
    assert "text encoder is missing" in str(error)


def test_remove_asks_and_deletes(cache: Path, checkpoint: Path) -> None:
    repo = in_cache(cache, SMALL, checkpoint)
    refused("remove", SMALL, answer="n\n")
    assert repo.exists()
    assert "came free" in run("remove", SMALL, answer="y\n")
    assert not repo.exists()
    (repo / "blobs").mkdir(parents=True)
    (repo / "blobs" / "x.incomplete").write_bytes(b"x")  # a download that had only begun
    run("remove", SMALL, "--yes")
    assert not repo.exists()


@pytest.mark.parametrize(
    ("words", "kind", "line"),
    [
        (["remove", SMALL, "--yes"], BadInput, "was not downloaded"),
        (["remove", "starter", "--yes"], BadInput, "part of the program"),
        (["remove", ".", "--yes"], BadInput, "delete yourself"),
        (["remove", "../../etc", "--yes"], BadInput, "no hub id"),
        (["get", "."], BadInput, "is a folder"),
        (["get", "small"], BadInput, "no hub id"),
        (["get", SMALL], BadCheckpoint, "not on this machine"),
        (["info", "someone/else"], BadCheckpoint, "not on this machine"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], kind: type[Exception], line: str, cache: Path
) -> None:
    error = refused(*words)
    assert isinstance(error, kind)
    assert line in str(error)
    assert "\n" not in str(error)


def test_a_full_disk_is_told_before_the_download(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.model import location

    monkeypatch.setattr(location, "missing_bytes", lambda model: 10**18)
    error = refused("get", SMALL)
    assert isinstance(error, BadInput)
    assert "it takes 1000000000.0 GB" in str(error)
    assert "HF_HOME" in str(error)


@pytest.fixture
def hub(checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """The only one there is, while the test runs."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 65_536)  # what is kept, is kept in these
    monkeypatch.setattr(resumed_download, "LARGE", 200_000)
    small = SmallHub(checkpoint, "someone/tiny")
    with small.serving() as address:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield small


def is_whole(cache: Path, checkpoint: Path) -> bool:
    here = next(cache.rglob("model.safetensors")).read_bytes()
    return here == (checkpoint / "model.safetensors").read_bytes()


def test_a_line_that_breaks_is_taken_up_again(
    hub: SmallHub, checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.breaks = 20
    told = run("get", "someone/tiny")
    assert "MB to download" in told
    assert "someone/tiny is here (licence CC-BY-4.0)" in told
    assert len(hub.ranges) == 1
    assert "someone/tiny" in run("list")
    assert is_whole(cache, checkpoint)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "is here" in run("get", "someone/tiny")  # from the cache, there is no hub


def part_of(cache: Path, checkpoint: Path, content: bytes) -> Path:
    """As a program that was stopped in the middle of the weights leaves it."""
    digest = hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    part = cache / "models--someone--tiny" / "blobs" / (digest + resumed_download.PART)
    part.parent.mkdir(parents=True)
    part.write_bytes(content)
    return part


def test_another_program_goes_on_within_a_file(
    hub: SmallHub, checkpoint: Path, cache: Path
) -> None:
    begun = (checkpoint / "model.safetensors").read_bytes()[:300_000]
    part_of(cache, checkpoint, begun)
    assert "(0 MB are here already)" in run("get", "someone/tiny")
    assert hub.ranges == ["bytes=300000-"]
    assert is_whole(cache, checkpoint)
    assert not list(cache.rglob("*.incomplete"))


def test_a_piece_that_is_damaged_is_found_out_and_fetched_anew(
    hub: SmallHub, checkpoint: Path, cache: Path
) -> None:
    part = part_of(cache, checkpoint, b"x" * 300_000)
    error = refused("get", "someone/tiny")
    assert isinstance(error, BadCheckpoint)
    assert "came damaged; get it again" in str(error)
    assert not part.exists()
    run("get", "someone/tiny")
    assert is_whole(cache, checkpoint)


def test_a_disk_that_fills_up_on_the_way_keeps_what_has_come(
    hub: SmallHub, checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (checkpoint / "model.safetensors").read_bytes()

    def full(url: str, file: BinaryIO, **_: object) -> None:
        file.write(whole[:400_000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(resumed_download, "http_get", full)
        error = refused("get", "someone/tiny")
    assert isinstance(error, BadCheckpoint)
    assert "is full; make room and try again (what has come is kept)" in str(error)
    run("get", "someone/tiny")
    assert hub.ranges == ["bytes=400000-"]
    assert is_whole(cache, checkpoint)


@pytest.mark.accept
@pytest.mark.timeout(300)
def test_a_download_that_is_stopped_goes_on_where_it_was(checkpoint: Path, tmp_path: Path) -> None:
    """From a hub on this machine: Ctrl-C in the middle, then the rest."""
    large = Path(shutil.copytree(checkpoint, tmp_path / "large"))
    tensors = load_file(large / "model.safetensors") | {"more": torch.zeros(10_000_000)}
    save_file(tensors, large / "model.safetensors")
    hub = SmallHub(large, "someone/tiny")
    hub.slow = 0.01
    with hub.serving() as address:
        environment = os.environ | {
            "HF_ENDPOINT": address,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(Path(__file__).parents[3]),
        }
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            environment.pop(name, None)
        words = [sys.executable, "-m", "daw_bridge", "models", "get", "someone/tiny"]
        first = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        waiting = time.monotonic() + 120
        begun = tmp_path / "hf" / "hub"
        while time.monotonic() < waiting and not any(
            p.stat().st_size > 0 for p in begun.rglob("*.incomplete")
        ):
            time.sleep(0.05)
        hub.slow = 60.0  # whoever waited for the file would wait for long
        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=60)
        assert first.returncode == 130, err
        assert "goes on from here" in out
        assert "Traceback" not in err
        had = [piece.stat().st_size for piece in begun.rglob("*.incomplete")]
        assert len(had) == 1
        assert list(begun.rglob("config.json"))
        hub.slow = 0.0
        second = subprocess.run(
            words, capture_output=True, text=True, env=environment, timeout=120, check=False
        )
        assert second.returncode == 0, second.stderr
        assert hub.ranges == [f"bytes={had[0]}-"]
        assert "someone/tiny is here (licence CC-BY-4.0)" in second.stdout
    whole = next(begun.rglob("model.safetensors")).read_bytes()
    assert whole == (large / "model.safetensors").read_bytes()
