"""The whole command on a tiny random model: every figure, the pages, and a short second run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.model.checkpoint import load_checkpoint
from core.training.measure import __main__ as command
from core.training.measure import evaluation, gallery, material
from core.training.measure.material import Material

CONTRACT = {
    "codec_logmel_ratio", "codebook_use", "tempo_within_2pct", "class_ratio",
    "silent_or_clipped", "heldout_wording_drop",
}  # fmt: skip


@pytest.mark.usefixtures("fluidsynth")
def test_figures_pages_and_a_second_run_from_what_is_kept(
    tiny_mono: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = evaluation.evaluate
    monkeypatch.setattr(material, "CLIP_SECONDS", 2.0)
    monkeypatch.setattr(command, "evaluate", lambda m, clips: learn(m, clips, learn_from=6))
    monkeypatch.setattr(command, "CLIPS", 8)
    for name in ("CARD", "PAGE"):
        monkeypatch.setattr(command, name, tmp_path / f"{name}.md")
        (tmp_path / f"{name}.md").write_text("prose\n<!-- eval-starter -->\n<!-- /eval-starter -->")
    monkeypatch.setattr(command, "PICTURES", tmp_path / "pictures")
    monkeypatch.setattr(command, "STARTER", str(tiny_mono))
    arguments = ["--model", str(tiny_mono), "--clips", "8", "--out", str(tmp_path / "build")]
    assert command.main(arguments) == 0
    figures = json.loads((tmp_path / "build" / "starter.json").read_text())["figures"]
    assert set(figures) >= CONTRACT
    assert all(np.isfinite(figure["value"]) for figure in figures.values())
    assert figures["codec_logmel_ratio"]["value"] > 0.8  # random weights are no codec
    page = (tmp_path / "PAGE.md").read_text()
    assert page.startswith("prose")
    assert "`tempo_within_2pct`" in page
    assert {p.name for p in (tmp_path / "pictures").iterdir()} == {
        "starter-codec.jpg", "starter-generated.jpg",
    }  # fmt: skip

    def not_again(*_: object, **__: object) -> None:
        raise AssertionError("generated again")

    monkeypatch.setattr(material, "generate_codes", not_again)
    assert command.main(arguments) == 0
    assert json.loads((tmp_path / "build" / "starter.json").read_text())["figures"] == figures


def test_gallery_is_a_page_beside_its_clips(
    tiny_mono: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(material, "CLIP_SECONDS", 1.0)
    shown = gallery.make_gallery(
        Material(load_checkpoint(str(tiny_mono)), tmp_path / "kept"), tmp_path / "out", clips=1
    )
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert len(shown) == 12
    assert names == {"index.html"} | {f"{c.stem}{end}" for c in shown for end in (".wav", ".png")}
    page = (tmp_path / "out" / "index.html").read_text()
    assert all(f'src="{name}"' in page for name in names - {"index.html"})
    assert "http" not in page
    gallery.write_sheets(shown[:1], tmp_path / "sheets")
    assert len(list((tmp_path / "sheets").iterdir())) == 1
    assert "starter-gallery-house.jpg" in gallery.sheets_markdown(shown)


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--model", "/nowhere/at/all"], 2), (["--clips", "2"], 2)]
)
def test_bad_input_is_one_line(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        found = command.main(arguments)
    except SystemExit as left:
        found = left.code
    assert found == status
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "measure" in said
    assert "Traceback" not in said


def test_stereo_models_are_refused(tiny_stereo: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="mono"):
        Material(load_checkpoint(str(tiny_stereo)), tmp_path)
