"""The report's forms, and tables written between markers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import figures as kept_figures
from core.errors import BadInput
from core.training.measure.card import write_between
from core.training.measure.report import Figure, Target, as_json, markdown_table

FIGURES = [
    Figure("tempo", 0.85, "share", "right pulse", 0.97, 0.876, Target("≥", 0.8)),
    Figure("silent", 0.02, "share", "3 silent", target=Target("≤", 0.0)),
    Figure("gain", 0.5, "nats", "of the text"),
]


def test_json_has_the_contract_s_form(tmp_path: Path) -> None:
    path = tmp_path / "build" / "starter.json"
    kept_figures.write(as_json(FIGURES), path)
    report = json.loads(path.read_text())
    assert set(report) == {"machine", "commit", "figures"}
    assert report["figures"]["tempo"] == {
        "value": 0.85, "unit": "share", "baseline": 0.97, "ratio": 0.876,
    }  # fmt: skip
    assert report["figures"]["gain"]["baseline"] is None
    assert list(path.parent.iterdir()) == [path]


def test_table_says_target_and_verdict() -> None:
    lines = markdown_table(FIGURES).splitlines()
    assert len(lines) == 5
    assert "| ≥ 0.8 | yes |" in lines[2]
    assert "| ≤ 0 | **no** |" in lines[3]
    assert "gain" in lines[4]
    assert "gain" not in markdown_table(FIGURES, targets_only=True)


def test_targets_at_their_edge() -> None:
    assert Target("≤", 0.5).met(0.5)
    assert Target("≥", 0.5).met(0.5)
    assert not Target(">", 0.6).met(0.6)


def test_prose_stays_when_the_table_changes(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("# Title\n<!-- it -->\nold\n<!-- /it -->\nafter <!-- other -->\n")
    write_between(path, "it", "new\n\ntable")
    write_between(path, "it", "newer")
    assert path.read_text() == ("# Title\n<!-- it -->\nnewer\n<!-- /it -->\nafter <!-- other -->\n")


@pytest.mark.parametrize("text", ["none", "<!-- it -->", "<!-- /it --> <!-- it -->"])
def test_a_page_without_its_markers_is_untouched(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(BadInput, match="lacks the lines"):
        write_between(path, "it", "new")
    assert path.read_text() == text
    with pytest.raises(BadInput, match="cannot read"):
        write_between(tmp_path / "missing.md", "it", "new")


@settings(max_examples=25)
@given(before=st.text(), after=st.text(), table=st.text())
def test_any_prose_survives(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str, table: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "prose.md"
    page = f"{before}<!-- it -->x<!-- /it -->{after}".replace("\r", "")
    path.write_text(page, encoding="utf-8")
    write_between(path, "it", table.replace("\r", ""))
    found = path.read_text(encoding="utf-8")
    assert found.startswith(before.replace("\r", ""))
    assert found.endswith(after.replace("\r", ""))
