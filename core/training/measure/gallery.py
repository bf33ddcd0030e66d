"""Ten clips a style to look at and to listen to: WAVs, spectrograms, a page that plays them."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.progress import track

from core.codec.soft_clip import soft_clip
from core.training.composer.compose import STYLES_OF, SUBSETS, compose
from core.training.composer.styles import STYLES
from core.training.measure.material import Material
from core.training.measure.pictures import picture, sheet
from core.training.measure.prompts import HELD_OUT_SEED, Asked, plain_prompt
from core.training.measure.spectra import Clip
from core.types import MODEL_RATE

CLIPS_A_STYLE = 10
_SHEET_COLUMNS = 5
_PIECES_FROM = HELD_OUT_SEED * 10_000_000 + 5_000_000  # past every held-out piece's own seed

_STYLE_SHEET = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       background: #16141c; color: #e8e4f0 }
ul { list-style: none; padding: 0; display: grid; gap: 1.2rem;
     grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)) }
img { width: 100%; height: 8rem; border-radius: 4px } audio { width: 100% }
nav a { color: #f0a070; margin-right: 1rem } code { color: #b9b2c8 }
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One clip as played, with the prompt it was made from."""

    asked: Asked
    pcm: Clip

    @property
    def stem(self) -> str:
        return f"{slug(self.asked.piece.style)}-{self.asked.seed:02d}"


def slug(style: str) -> str:
    return style.replace(" ", "-")


def gallery_prompts(clips: int = CLIPS_A_STYLE) -> list[Asked]:
    """`clips` prompts a style, in training wordings: full mixes first, then each kind it has."""
    asked = []
    for number, style in enumerate(STYLES):
        casts = [subset for subset in SUBSETS if style in STYLES_OF[subset]]
        for place in range(clips):
            seed = _PIECES_FROM + 1_000 * number + place
            # every other clip is the style's first cast: the full mix, but for solo piano
            cast = casts[0] if place % 2 == 0 else casts[(place // 2 + 1) % len(casts)]
            asked.append(plain_prompt(compose(seed, style, cast), place))
    return asked


def make_gallery(material: Material, out: Path, clips: int = CLIPS_A_STYLE) -> list[Shown]:
    """Render the gallery into `out`: index.html beside its clips. Raises OSError."""
    asked = gallery_prompts(clips)
    codes = material.generate(asked)
    out.mkdir(parents=True, exist_ok=True)
    shown = []
    for one, own in zip(asked, track(codes, "decoding and drawing"), strict=True):
        clip = Shown(one, soft_clip(material.decode(own)))
        soundfile.write(out / f"{clip.stem}.wav", _tapered(clip.pcm), MODEL_RATE, subtype="PCM_16")
        picture(clip.pcm, out / f"{clip.stem}.png")
        shown.append(clip)
    (out / "index.html").write_text(page(shown, material.loaded.name), encoding="utf-8")
    return shown


def write_sheets(shown: Sequence[Shown], folder: Path) -> None:
    """One contact sheet a style: `starter-gallery-STYLE.jpg`."""
    folder.mkdir(parents=True, exist_ok=True)
    for style, clips in by_style(shown).items():
        path = folder / f"starter-gallery-{slug(style)}.jpg"
        titles = [clip.asked.text for clip in clips]
        sheet([clip.pcm for clip in clips], titles, _SHEET_COLUMNS, path)


def sheets_markdown(shown: Sequence[Shown], folder: str = "pictures") -> str:
    """What docs/gallery.md shows: a heading, a sheet and the prompts of each style."""
    parts = []
    for style, clips in by_style(shown).items():
        prompts = " · ".join(f"{clip.asked.text}" for clip in clips)
        parts.append(
            f"## {style.capitalize()}\n\n![Spectrograms of {len(clips)} clips, {style}]"
            f"({folder}/starter-gallery-{slug(style)}.jpg)\n\n{prompts}"
        )
    return "\n\n".join(parts)


def page(shown: Sequence[Shown], model: str) -> str:
    """The whole HTML page; it needs no server and nothing from elsewhere."""
    styles = by_style(shown)
    links = "".join(f'<a href="#{slug(s)}">{html.escape(s)}</a>' for s in styles)
    parts = []
    for style, clips in styles.items():
        items = "".join(
            f'<li><img src="{clip.stem}.png" alt=""><audio controls preload="none"'
            f' src="{clip.stem}.wav"></audio><br>{html.escape(clip.asked.text)}'
            f" <code>seed {clip.asked.seed}</code></li>"
            for clip in clips
        )
        parts.append(f'<h2 id="{slug(style)}">{html.escape(style)}</h2><ul>{items}</ul>')
    name = html.escape(model)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE_SHEET}</style><h1>What {name} plays</h1><nav>{links}</nav>"
        f"{''.join(parts)}</html>\n"
    )


def by_style(shown: Sequence[Shown]) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    for clip in shown:
        found.setdefault(clip.asked.piece.style, []).append(clip)
    return found


def _tapered(pcm: Clip) -> Clip:
    """The last 10 ms faded: the clip is cut in mid-music."""
    out = pcm.copy()
    fade = min(len(out), MODEL_RATE // 100)
    out[len(out) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return out
