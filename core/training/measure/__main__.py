"""Measure a model, or render a gallery of it.

    python -m core.training.measure [--model starter] [--clips 200] [--out build]
    python -m core.training.measure --gallery

The first prints a table and writes OUT/starter.json; of the starter, with all 200 clips, also the
tables and pictures of its card and pages. What is costly is kept below OUT/measure, so that a
second run is short.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from core import figures as kept_figures
from core.errors import DawBridgeError
from core.figures import ROOT
from core.model.checkpoint import load_checkpoint
from core.training.measure import card, gallery, pictures, report
from core.training.measure.evaluation import Evaluation, evaluate
from core.training.measure.material import Material
from core.training.measure.prompts import has_beat

STARTER, CLIPS = "starter", 200
CARD, PAGE = ROOT / "presets/models/starter/README.md", ROOT / "docs/starter-model.md"
GALLERY_PAGE, PICTURES = ROOT / "docs/gallery.md", ROOT / "docs/pictures"
_MARKER = "eval-starter"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, 2 for bad input, 1 for a failure, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m core.training.measure", description="Measure a model on held-out music."
    )
    parser.add_argument("--model", default=STARTER, help="a checkpoint's folder, or 'starter'")
    parser.add_argument("--clips", type=int, default=CLIPS, help="generated clips, for a quick try")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder for the results")
    parser.add_argument("--gallery", action="store_true", help="ten clips a style instead")
    options = parser.parse_args(arguments)
    if options.clips < 8:
        parser.error("--clips must be 8 or more: fewer say nothing")
    try:
        material = Material(load_checkpoint(options.model), options.out / "measure")
        shipped = options.model == STARTER
        if options.gallery:
            _gallery(material, options.out / "gallery", shipped)
        else:
            _measure(material, options.clips, options.out, shipped and options.clips >= CLIPS)
    except DawBridgeError as error:
        return _fail(str(error), error.exit_status)
    except OSError as error:
        return _fail(f"cannot write to {options.out}: {error}", 2)
    except KeyboardInterrupt:
        return _fail("stopped; the same command goes on from what is kept", 130)
    return 0


def _measure(material: Material, clips: int, out: Path, shipped: bool) -> None:
    begun = time.monotonic()
    found = evaluate(material, clips)
    console = Console()
    console.print(report.screen_table(found.figures))
    kept_figures.write(report.as_json(found.figures), out / "starter.json")
    minutes = (time.monotonic() - begun) / 60
    console.print(f"{clips} clips in {minutes:.1f} min; written to {out / 'starter.json'}")
    if shipped:
        _write_pages(found)
        console.print(f"tables written into {CARD.name} and {PAGE.name}: commit them")


def _write_pages(found: Evaluation) -> None:
    commit = kept_figures.commit()
    about = (
        f"{len(found.asked)} generated clips of 10 s against {len(found.pieces)} held-out pieces;"
        f" `make eval-starter` at commit {commit}, {kept_figures.machine()}."
    )
    short = report.markdown_table(found.figures, targets_only=True)
    picture = "![Generated clips](../../../docs/pictures/starter-generated.jpg)"
    card.write_between(CARD, _MARKER, f"{about}\n\n{short}\n\n{picture}")
    card.write_between(PAGE, _MARKER, f"{about}\n\n{report.markdown_table(found.figures)}")
    PICTURES.mkdir(exist_ok=True)
    heard = [i for i, piece in enumerate(found.pieces) if has_beat(piece)][:4]
    pairs = [clip for i in heard for clip in (found.real[i], found.coded[i])]
    titles = [f"{found.asked[2 * i].text}{end}" for i in heard for end in ("", " (codec)")]
    pictures.sheet(pairs, titles, 2, PICTURES / "starter-codec.jpg")
    firsts = {one.piece.style: i for i, one in reversed(list(enumerate(found.asked)))}
    chosen = sorted(firsts.values())
    pictures.sheet(
        [found.generated[i] for i in chosen],
        [found.asked[i].text for i in chosen],
        4,
        PICTURES / "starter-generated.jpg",
    )


def _gallery(material: Material, out: Path, shipped: bool) -> None:
    shown = gallery.make_gallery(material, out)
    Console().print(f"{len(shown)} clips: open {out / 'index.html'}")
    if shipped:
        gallery.write_sheets(shown, PICTURES)
        card.write_between(GALLERY_PAGE, "gallery", gallery.sheets_markdown(shown))


def _fail(text: str, status: int) -> int:
    sys.stderr.write(f"measure: {text}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
