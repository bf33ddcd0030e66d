from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.music.file_names import caption, read_name, read_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Drum Loops/120bpm_funky_break_01.wav", "funky break, drum loops, 120 bpm"),
        ("DnB_Loop_174_Am.wav", "dnb loop, A minor, 174 bpm"),
        ("Cymatics - 140 BPM F# Min Lead.wav", "cymatics lead, F# minor, 140 bpm"),
        ("BPM_92.5 lofi/keys_Ebmaj.flac", "keys, lofi, Eb major, 92.5 bpm"),
        ("LoFiBeats/JazzyPiano_Key_C.wav", "jazzy piano, lofi beats, C major"),
        ("AMB_E flat minor_pad-85bpm.wav", "amb pad, Eb minor, 85 bpm"),
        ("synth_128_C#m.wav", "synth, C# minor, 128 bpm"),
        ("ROCK_BEAT_120BPM_FULL.wav", "rock beat full, 120 bpm"),
        ("Lo-Fi/hip-hop_drums.wav", "hip hop drums, lo-fi"),
        ("8 bit arp 150bpm.wav", "8-bit arp, 150 bpm"),
        ("90s rnb/01 - track.wav", "90s rnb"),
        ("My Song (Final) v2.mp3", "my song"),
        ("tr808 kick 07.wav", "tr808 kick"),
        ("日本の太鼓.wav", "日本の太鼓"),
        # numbers that are no tempo
        ("Loop 120.wav", "loop"),
        ("SH 101 bass 3.wav", "sh bass"),
        ("Juno 106 pad 4.wav", "juno pad"),
        ("00000012.flac", ""),
        ("7f3a9c21e.wav", ""),
        # words that are no key
        ("a big bad beat.wav", "big bad beat"),
        ("Cmaj7 chords.wav", "cmaj7 chords"),
    ],
)
def test_sample_packs_names_are_understood(path: str, expected: str) -> None:
    found = read_path(PurePosixPath(path))
    assert caption(found.words, found.key, found.tempo) == expected


@pytest.mark.parametrize("spelled", ["{}bpm", "{} BPM", "{}-bpm", "BPM {}", "bpm_{}", "({}bpm)"])
@given(tempo=st.integers(30, 300), before=st.sampled_from(["", "loop_", "Funk - ", "01 "]))
def test_every_spelling_of_a_tempo(spelled: str, tempo: int, before: str) -> None:
    assert read_name(before + spelled.format(tempo) + "_x").tempo == tempo


SHARPS = {"C": "C#", "D": "Eb", "F": "F#", "G": "G#", "A": "Bb"}  # minor keys


@given(
    st.sampled_from("ABCDEFG"),
    st.booleans(),
    st.sampled_from(["m", "min", " min", "_minor", "Minor", "-min", " MIN"]),
)
def test_every_spelling_of_a_minor_key(letter: str, sharp: bool, mode: str) -> None:
    sharp = sharp and letter in SHARPS
    name = f"bass_{letter}{'#' if sharp else ''}{mode}_01"
    expected = SHARPS[letter] if sharp else letter
    assert read_name(name).key == f"{expected} minor"


@given(st.text(max_size=60))
def test_no_name_is_too_odd(name: str) -> None:
    found = read_name(name)
    assert found.tempo is None or 20 <= found.tempo <= 400
    assert found.key is None or found.key.split()[1] in ("major", "minor")
    assert found.words == " ".join(found.words.split()).lower()


PARTS = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20
)


@given(st.lists(PARTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=5))
def test_no_path_is_too_odd(parts: list[str]) -> None:
    found = read_path(PurePosixPath(*parts))
    assert found.words.count(", ") <= 2 + found.words.count(",,")
    assert caption(found.words, found.key, found.tempo).strip() == caption(
        found.words, found.key, found.tempo
    )
