"""`--no-discovery` and `--latency` reach the program."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daw_bridge.__main__ import app
from daw_bridge.serving import ServeOptions, Serving
from tests.fakes import FakeAudio, FakeEngine
from tests.real.serving import free_port


@pytest.mark.parametrize(
    ("words", "name", "wanted"),
    [
        ([], "discovery", True),
        (["--no-discovery"], "discovery", False),
        ([], "latency", None),
        (["--latency", "safe"], "latency", "safe"),
    ],
)
def test_the_switch(
    words: list[str], name: str, wanted: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[ServeOptions] = []
    monkeypatch.setattr(
        "daw_bridge.cli.running._serve", lambda options, *rest: asked.append(options)
    )
    assert CliRunner().invoke(app, ["serve", *words]).exit_code == 0
    assert [getattr(options, name) for options in asked] == [wanted]


def test_latency_is_set_before_anything_plays(tmp_path: Path) -> None:
    options = ServeOptions(osc_port=free_port(), takes=tmp_path, discovery=False, latency="safe")
    with Serving(options, FakeEngine(), FakeAudio(), lambda line: None) as running:
        state = lambda: running.controller.state.values["latency"]  # noqa: E731
        waiting = time.monotonic() + 5
        while state() != 2.0:
            assert time.monotonic() < waiting
            time.sleep(0.01)
