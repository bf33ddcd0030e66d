"""Prompts that say what is measured."""

from __future__ import annotations

from dataclasses import replace

from core.training.composer.captions import HELD_OUT_MARKERS, bpm_text
from core.training.composer.compose import compose
from core.training.measure.gallery import gallery_prompts
from core.training.measure.prompts import has_beat, names_key, names_style, prompts


def test_every_prompt_names_its_tempo_and_style() -> None:
    asked = prompts(40)
    assert len(asked) == 40
    assert all(bpm_text(one.piece.tempo) in one.text for one in asked)
    assert sum(one.names_style for one in asked) >= 38
    assert sum(one.names_key for one in asked) >= 6


def test_halves_differ_in_the_wording_alone() -> None:
    asked = prompts(12)
    for plain, new in zip(asked[::2], asked[1::2], strict=True):
        assert plain.piece == new.piece
        assert plain.seed == new.seed
        assert not any(marker in plain.text.lower() for marker in HELD_OUT_MARKERS)
        assert any(marker in new.text for marker in HELD_OUT_MARKERS)
        assert (plain.held_out, new.held_out) == (False, True)


def test_prompts_are_the_same_each_time_and_a_quick_try_is_their_start() -> None:
    assert prompts(8) == prompts(8) == prompts(12)[:8]


def test_words_for_style_and_key() -> None:
    piece = replace(compose(3, "drum and bass", "full"), key="F# minor")
    assert names_style(piece, "dnb loop")
    assert not names_style(piece, "drums and bass")
    assert names_key(piece, "dnb in F# minor")
    assert not names_key(piece, "dnb")
    assert not names_key(compose(3, "house", "drums"), "house drums in F# minor")


def test_beat_is_read_from_the_score() -> None:
    assert has_beat(compose(5, "house", "full"))
    piece = compose(5, "ambient", "full")
    silent = replace(piece, tracks=tuple(replace(t, notes=t.notes[:1]) for t in piece.tracks))
    assert not has_beat(silent)


def test_gallery_asks_for_every_style_in_several_casts() -> None:
    asked = gallery_prompts(2)
    styles = {one.piece.style for one in asked}
    assert len(asked) == 2 * len(styles) == 24
    assert all(bpm_text(one.piece.tempo) in one.text for one in asked)
    assert len({one.piece.subset for one in asked if one.piece.style == "house"}) > 1
