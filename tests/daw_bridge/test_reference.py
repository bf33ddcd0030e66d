"""The reference in docs/ is what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

from daw_bridge.reference import midi_reference, osc_reference

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("name", "made"), [("osc.md", osc_reference), ("midi.md", midi_reference)])
def test_docs_are_up_to_date(name: str, made) -> None:
    hint = "run `python -m daw_bridge.reference docs`"
    assert (DOCS / name).read_text(encoding="utf-8") == made(), hint
