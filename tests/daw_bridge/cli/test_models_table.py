"""`daw-bridge models … --json`: what the Models page reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from daw_bridge.__main__ import app
from daw_bridge.cli.models_table import JsonProgress
from gui.model_rows import disk_text, rows_of


def test_the_panel_understands_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    done = CliRunner().invoke(app, ["models", "list", "--json"], catch_exceptions=False)
    (line,) = done.output.splitlines()
    table = json.loads(line)
    rows = {row.name: row for row in rows_of(table)}
    starter, small = rows["starter"], rows["facebook/musicgen-small"]
    assert starter.here
    assert starter.fits
    assert "float32" in starter.memory
    assert not starter.removable
    assert starter.licence
    assert not small.here
    assert small.licence.startswith("CC-BY-NC")
    assert "Downloads take 0 MB" in disk_text(table)


def test_progress_is_told_a_percent_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonProgress() as progress:
        for step in range(1001):
            progress.loading(step / 1000, "weights")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(told) == 101
    assert told[-1] == {"fraction": 1.0, "what": "weights"}
