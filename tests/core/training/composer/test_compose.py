"""What the composer writes: the same from a seed, in key, on the bar line, in the right shares."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from core.training.composer.compose import STYLES_OF, SUBSETS, compose, plan
from core.training.composer.drums import FILL_OF, GROOVES, write_drums
from core.training.composer.harmony import chord_at, harmonise, voicings
from core.training.composer.performance import with_effects
from core.training.composer.score import Note, Piece, Track
from core.training.composer.styles import STYLES

EVERY = sorted({(style, subset) for subset, names in STYLES_OF.items() for style in names})


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    """Three seeds of every style and subset."""
    return [compose(seed, *pair) for seed in (1, 2, 3) for pair in EVERY]


def test_a_seed_gives_the_same_piece_and_another_seed_another():
    assert compose(7) == compose(7)
    assert compose(7, "funk", "full") != compose(8, "funk", "full")


def test_a_style_without_the_subset_is_refused():
    with pytest.raises(ValueError, match="solo piano"):
        compose(1, "solo piano", "drums")


def test_every_piece_lasts_whole_bars_of_20_to_30_seconds_at_the_tempo_of_its_style(pieces):
    for piece in pieces:
        low, high = STYLES[piece.style].tempo
        assert low <= piece.tempo <= high
        assert piece.tempo * 2 == int(piece.tempo * 2)
        assert 20.0 <= piece.seconds <= 30.0
        assert piece.beats == piece.bars * piece.beats_per_bar


def test_every_piece_starts_on_the_bar_line_and_ends_at_the_last(pieces):
    for piece in pieces:
        notes = [note for track in piece.tracks for note in track.notes]
        assert min(note.start for note in notes) == pytest.approx(0.0, abs=0.01)
        assert all(note.length > 0 for note in notes)
        assert max(note.start for note in notes) < piece.beats


def test_every_bar_line_of_a_piece_with_drums_has_a_hit_close_to_it(pieces):
    for piece in (p for p in pieces if p.subset == "drums"):
        onsets = np.array([note.start for note in piece.tracks[0].notes])
        for bar in range(piece.bars):
            assert np.abs(onsets - bar * piece.beats_per_bar).min() < 0.05


def test_notes_are_playable_and_in_the_key(pieces):
    for piece in pieces:
        for track in piece.tracks:
            assert all(20 <= n.pitch <= 105 and 1 <= n.velocity <= 127 for n in track.notes)
            if track.role == "drums":
                continue
            inside = np.mean([n.pitch % 12 in piece.scale for n in track.notes])
            # Walking basses and secondary chords leave the key, dance music does not.
            assert inside >= (0.5 if piece.style == "jazz trio" else 0.75), (
                piece.style,
                track.role,
            )


def test_a_pitch_of_one_track_never_sounds_twice_at_once(pieces):
    for piece in pieces:
        for track in (t for t in piece.tracks if t.role != "drums"):
            ends: dict[int, float] = {}
            for note in sorted(track.notes, key=lambda n: n.start):
                assert note.start >= ends.get(note.pitch, -1.0) - 1e-9
                ends[note.pitch] = note.start + note.length


def test_the_bass_plays_the_root_where_a_pattern_starts_on_the_bar(pieces):
    heard = 0
    for piece in pieces:
        for track in piece.tracks:
            if track.role == "bass" and piece.style in ("rock", "funk", "chiptune"):
                for note in track.notes:
                    beat = round(note.start)
                    if beat % 4 == 0 and abs(note.start - beat) < 0.05:
                        heard += 1
                        assert note.pitch % 12 == chord_at(piece.chords, beat).root
    assert heard > 50


def test_melodies_take_chord_tones_on_strong_beats(pieces):
    strong = [
        note.pitch % 12 in chord_at(piece.chords, round(note.start)).pitch_classes
        for piece in pieces
        for track in piece.tracks
        if track.role == "lead" and not track.echo  # echoes repeat a note over the next chord
        for note in track.notes
        if abs(note.start - round(note.start / 2) * 2) < 0.03
    ]
    assert len(strong) > 200
    assert np.mean(strong) > 0.97


def test_echoes_are_later_and_softer_and_leave_the_written_notes_alone():
    style = STYLES["house"]
    track = Track("lead", 80, 0, (Note(0.0, 0.4, 60, 100), Note(2.0, 0.4, 64, 90)))
    rng = np.random.default_rng(0)
    always = replace(style, echo=(0.75,))
    echoed = with_effects(track, always, 4, rng).notes
    assert set(track.notes) < set(echoed)
    assert Note(0.75, 0.4, 60, 55) in echoed
    assert Note(1.5, 0.4, 60, 30) in echoed
    assert Note(2.75, 0.4, 64, 50) in echoed
    assert all(note.start < 4 for note in echoed)
    assert with_effects(track, replace(style, echo=(0.0,)), 4, rng).notes == track.notes


def test_an_echo_gives_way_to_a_note_of_its_own_pitch():
    track = Track("lead", 80, 0, (Note(0.0, 0.4, 60, 100), Note(0.7, 0.4, 60, 90)))
    rng = np.random.default_rng(0)
    echoed = with_effects(track, replace(STYLES["house"], echo=(0.75,)), 4, rng).notes
    assert not any(note.start == 0.75 for note in echoed)


def test_subsets_hold_what_they_say(pieces):
    players = {"drums": ["drums"], "bass": ["bass"], "piano": ["piano"],
               "drums_and_bass": ["drums", "bass"]}  # fmt: skip
    for piece in pieces:
        roles = [track.role for track in piece.tracks]
        assert roles == players.get(piece.subset, roles)
        if piece.subset == "full":
            assert len(roles) >= 3
        if piece.subset in ("solo", "pair"):
            assert len(roles) == {"solo": 1, "pair": 2}[piece.subset]
        assert len({track.channel for track in piece.tracks}) == len(roles)


def test_every_hundred_pieces_of_a_corpus_hold_the_shares_of_subsets_and_all_styles():
    for block in range(3):
        planned = [plan(5, index) for index in range(100 * block, 100 * (block + 1))]
        assert Counter(subset for _, _, subset in planned) == SUBSETS
        assert {style for _, style, _ in planned} == set(STYLES)
    seeds = [plan(5, index)[0] for index in range(500)]
    assert len(set(seeds)) == 500
    assert plan(5, 0)[0] != plan(6, 0)[0]


@pytest.mark.parametrize("style", sorted(FILL_OF))
def test_drums_repeat_their_groove_and_fill_every_fourth_or_eighth_bar(style: str):
    notes = write_drums(style, 8, np.random.default_rng(3))
    bars = [
        frozenset((n.start - 4 * bar, n.pitch) for n in notes if 4 * bar <= n.start < 4 * bar + 4)
        for bar in range(8)
    ]
    assert bars[0] == bars[2]  # grooves are two bars long at most
    assert bars[7] not in bars[:3]


def test_every_groove_is_made_of_whole_bars():
    for grooves in GROOVES.values():
        for groove in grooves:
            assert all(len(pattern) in (16, 32) for pattern in groove.values())


def test_swing_delays_the_offbeat_by_what_the_piece_says():
    piece = next(p for s in range(20) if (p := compose(s, "jazz trio", "drums")).swing > 0.2)
    offbeats = [n.start % 1 for n in piece.tracks[0].notes if 0.3 < n.start % 1 < 0.9]
    assert np.median(offbeats) == pytest.approx(0.5 * (1 + piece.swing), abs=0.02)


@pytest.mark.parametrize("progression", ["I V vi IV", "ii7 V7 Imaj7 vi7", "i bVI bIII bVII"])
def test_voices_lead_by_small_steps(progression: str):
    chords = harmonise(progression, 2, 4, 4)
    for before, after in pairwise(voicings(chords, 60)):
        assert max(min(abs(p - b) for b in before) for p in after) <= 4


def test_chord_symbols_become_the_right_notes():
    dominant, sixth = harmonise("V7,bVImaj7", 9, 1, 4)  # of A: E7 and Fmaj7
    assert (dominant.pitch_classes, dominant.length) == ((4, 8, 11, 2), 2.0)
    assert (sixth.pitch_classes, sixth.start) == ((5, 9, 0, 4), 2.0)
    with pytest.raises(ValueError, match="chord"):
        harmonise("H7", 0, 1, 4)
