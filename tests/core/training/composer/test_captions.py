"""Captions are true, short, varied, and keep the held-out wordings out."""

from __future__ import annotations

import re

import numpy as np
import pytest

from core.training.composer import words
from core.training.composer.captions import (
    HELD_OUT_MARKERS,
    HELD_OUT_WORDINGS,
    captions,
    held_out_captions,
)
from core.training.composer.compose import compose, plan
from core.training.composer.score import Piece


@pytest.fixture(scope="module")
def told() -> list[tuple[Piece, str]]:
    """(piece, caption, lower-case) for 200 pieces of a corpus, six captions each."""
    rng = np.random.default_rng(0)
    return [
        (piece, caption.lower())
        for index in range(200)
        for piece in [compose(*plan(3, index))]
        for caption in captions(piece, rng, 6)
    ]


def test_a_number_of_bpm_is_the_tempo(told):
    named = 0
    for piece, caption in told:
        for number in re.findall(r"(\d+(?:\.\d+)?) ?bpm|tempo (\d+(?:\.\d+)?)", caption):
            named += 1
            assert float(number[0] or number[1]) == piece.tempo
    assert named > len(told) / 3


def test_tempo_words_are_true(told):
    for piece, caption in told:
        plain = caption.replace("fast-paced", "").replace("slow strings", "")
        if re.search(r"\bslow\b", plain):
            assert piece.tempo <= 85
        if re.search(r"\bfast\b", plain):
            assert piece.tempo >= 130
        if "medium tempo" in plain:
            assert 95 <= piece.tempo <= 120


def test_a_key_is_the_pieces_key_and_drums_have_none(told):
    named = 0
    for piece, caption in told:
        for key in re.findall(r"\b([a-g][b#]? (?:minor|major))", caption):
            named += 1
            assert key == piece.key.lower()
            assert piece.subset != "drums"
    assert named > 100


def test_only_drums_are_called_drums_only(told):
    seen = 0
    for piece, caption in told:
        only = re.search(r"drums only|just drums|solo drums|drum loop|drum beat", caption)
        if only:
            seen += 1
            assert [t.role for t in piece.tracks] == ["drums"], caption
        if re.search(r"drums and bass|bass and drums", caption) and "with" not in caption:
            assert {t.role for t in piece.tracks} == {"drums", "bass"}, caption
    assert seen > 60


def test_solo_and_only_are_said_of_one_player(told):
    for piece, caption in told:
        if re.search(r"\bsolo\b|\bjust\b|bass line|bassline", caption):
            assert len(piece.tracks) == 1, caption
        if re.search(r"solo piano|(?<!electric )(?<!e-)piano only|just piano", caption):
            assert [t.program for t in piece.tracks] == [0], caption


def test_every_instrument_named_plays(told):
    everything = {n for names in words.INSTRUMENTS.values() for n in names if n != "bass"}
    for piece, caption in told:
        playing = {name for track in piece.tracks for name in words.instrument_names(track)}
        # Styles may be called after instruments ("piano"); names hide in longer ones.
        for name in everything - playing:
            if any(name in longer for longer in playing):
                continue
            assert not re.search(rf"\b{re.escape(name)}\b", caption), (name, caption)


def test_the_style_named_is_the_pieces_style(told):
    for piece, caption in told:
        caption = caption.replace("jazz guitar", "guitar").replace("swing feel", "")
        for style, names in words.ADJECTIVES.items():
            for name in names:
                if not name or style in (piece.style, "solo piano"):
                    continue
                shared = any(name in other for other in words.STYLE_NAMES[piece.style])
                if not shared:
                    assert not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", caption), (
                        piece.style, caption,
                    )  # fmt: skip


def test_the_mood_follows_mode_and_tempo():
    sad = compose(1, "solo piano", "piano")
    for seed in range(40):
        piece = compose(seed, "solo piano", "piano")
        found = words.moods(piece)
        assert ("sad" in found) == (piece.minor and piece.tempo <= 100)
        assert ("happy" in found) == (not piece.minor and piece.tempo >= 100)
        sad = piece if "sad" in found else sad
    assert sad.minor
    assert "sad" not in words.moods(compose(1, "rock", "drums"))


def test_captions_are_short_lower_case_and_varied(told):
    lengths = [len(caption.split()) for _, caption in told]
    assert np.median(lengths) <= 7
    assert max(lengths) <= 25
    rng = np.random.default_rng(1)
    raw = [c for i in range(100) for c in captions(compose(*plan(4, i)), rng, 6)]
    assert np.mean([c[0].isupper() for c in raw]) < 0.1
    assert len(set(raw)) > 0.85 * len(raw)
    assert all("  " not in c and c == c.strip() and not c.startswith(",") for c in raw)


def test_held_out_wordings_never_train(told):
    for _, caption in told:
        assert not any(marker in caption for marker in HELD_OUT_MARKERS)
    assert all(sum(m in w for m in HELD_OUT_MARKERS) == 1 for w in HELD_OUT_WORDINGS)


def test_held_out_captions_use_only_those_wordings_and_the_facts():
    piece = compose(2, "funk", "drums_and_bass")
    found = held_out_captions(piece, np.random.default_rng(0), len(HELD_OUT_WORDINGS))
    assert {m for c in found for m in HELD_OUT_MARKERS if m in c} == set(HELD_OUT_MARKERS)
    assert all(f"{piece.tempo:g}" in c for c in found)


def test_the_same_generator_gives_the_same_captions():
    piece = compose(11)
    first, second = (captions(piece, np.random.default_rng(9), 6) for _ in range(2))
    assert first == second
    assert len(set(first)) == 6
