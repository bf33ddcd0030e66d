"""`--no-discovery` reaches the program; without it there is discovery."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from daw_bridge.__main__ import app
from daw_bridge.serving import ServeOptions


@pytest.mark.parametrize(("words", "wanted"), [([], True), (["--no-discovery"], False)])
def test_the_switch(words: list[str], wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[ServeOptions] = []
    monkeypatch.setattr(
        "daw_bridge.cli.running._serve", lambda options, *rest: asked.append(options)
    )
    assert CliRunner().invoke(app, ["serve", *words]).exit_code == 0
    assert [options.discovery for options in asked] == [wanted]
