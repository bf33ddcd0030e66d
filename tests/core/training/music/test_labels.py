from __future__ import annotations

import json
import re
from pathlib import Path

import mutagen.id3
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from core.training.music.labels import label_of
from tests.core.training.sounds import tone, write


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "Bass" / "deep_groove_95bpm_Dm.flac", tone(0.2))


def test_without_anything_the_names_speak(clip: Path, tmp_path: Path) -> None:
    label = label_of(clip, tmp_path)
    assert label.captions == ["deep groove, bass, D minor, 95 bpm"]
    assert label.facts == {"tempo": 95.0, "key": "D minor"}
    assert label.bar_seconds == pytest.approx(240 / 95)


def test_a_text_sidecar_gives_captions_and_the_name_still_its_facts(
    clip: Path, tmp_path: Path
) -> None:
    clip.with_suffix(".txt").write_bytes("\ufeffa warm  bass\r\n\r\n dub bass \n".encode())
    label = label_of(clip, tmp_path)
    assert label.captions == ["a warm bass", "dub bass"]
    assert label.facts["tempo"] == 95.0


def test_a_json_sidecar_has_the_last_word_on_facts(clip: Path, tmp_path: Path) -> None:
    facts = {"tempo": 190, "key": None, "beats_per_bar": 3, "instruments": ["bass"]}
    clip.with_suffix(".json").write_text(json.dumps({"captions": ["x"], **facts}))
    clip.with_name(clip.name + ".txt").write_text("x\ny")
    label = label_of(clip, tmp_path)
    assert label.captions == ["x", "y"]
    assert label.facts == facts
    assert label.bar_seconds == pytest.approx(180 / 190)


def test_an_empty_list_of_captions_means_none(clip: Path, tmp_path: Path) -> None:
    clip.with_suffix(".json").write_text('{"captions": []}')
    assert label_of(clip, tmp_path).captions == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "not JSON"),
        (b"[1]", "no JSON object"),
        (b'{"tempo": NaN}', "not JSON"),
        (b"\xff\xfe\xff", "not JSON|UTF-8|codec"),
        (b"\xe4\xe4\xe4", "UTF-8"),
        (b'"' + b"x" * 2**21 + b'"', "larger than 1 MB"),
        (b"[" * 100_000, "not JSON"),
        (b"a\0b", "not text"),
    ],
)
def test_a_bad_sidecar_is_told_and_the_next_source_used(
    clip: Path, tmp_path: Path, content: bytes, why: str
) -> None:
    clip.with_suffix(".json").write_bytes(content)
    label = label_of(clip, tmp_path)
    assert label.captions == ["deep groove, bass, D minor, 95 bpm"]
    (problem,) = label.problems
    assert "deep_groove_95bpm_Dm.json was not used" in problem
    assert re.search(why, problem)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tempo", "fast"),
        ("tempo", -3),
        ("tempo", 1e999),
        ("tempo", True),
        ("tempo", 10**400),
        ("beats_per_bar", 0),
        ("key", 7),
        ("captions", "7"),
    ],
)
def test_one_bad_fact_does_not_spoil_the_rest(
    clip: Path, tmp_path: Path, name: str, value: object
) -> None:
    text = json.dumps({"captions": ["x"], "mood": "dark"} | {name: value})
    clip.with_suffix(".json").write_text(text.replace("Infinity", "1e999").replace('"7"', "[7]"))
    label = label_of(clip, tmp_path)
    assert label.facts["mood"] == "dark"
    assert label.facts["tempo"] == 95.0
    (problem,) = label.problems
    assert name in problem


@given(content=st.binary(max_size=80) | st.text(max_size=40).map(str.encode))
def test_no_sidecar_is_too_odd(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "odd"
    folder.mkdir(exist_ok=True)
    (folder / "beat.wav").touch()
    for suffix in (".json", ".txt"):
        (folder / "beat.wav").with_suffix(suffix).write_bytes(content)
    label = label_of(folder / "beat.wav", folder)
    assert label.captions == ["beat"] or not any("beat.txt" in one for one in label.problems)
    json.dumps(label.facts)


# ---------------------------------------------------------------- tags


def test_flac_tags(tmp_path: Path) -> None:
    path = write(tmp_path / "01.flac", tone(0.2))
    tags = FLAC(path)
    tags.update({"TITLE": "Night Drive", "GENRE": "Synthwave", "BPM": "105", "INITIALKEY": "8A"})
    tags["COMMENT"] = "https://example.com/free"
    tags.save()
    label = label_of(path, tmp_path)
    assert label.captions == ["synthwave, night drive, A minor, 105 bpm"]
    assert label.facts == {"tempo": 105.0, "key": "A minor"}


@pytest.mark.parametrize("suffix", [".mp3", ".wav"])
def test_id3_tags(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"01{suffix}", tone(0.5))
    opened = MP3(path) if suffix == ".mp3" else WAVE(path)
    opened.add_tags()
    assert opened.tags is not None
    opened.tags.add(mutagen.id3.TCON(encoding=3, text=["House"]))
    opened.tags.add(mutagen.id3.TBPM(encoding=3, text=["124"]))
    opened.tags.add(mutagen.id3.COMM(encoding=3, lang="eng", desc="", text=["warm club groove"]))
    opened.tags.add(mutagen.id3.COMM(encoding=3, lang="eng", desc="iTunNORM", text=["000 0A"]))
    opened.save()
    assert label_of(path, tmp_path).captions == ["warm club groove, house, 124 bpm"]


def test_riff_info_of_a_wav(tmp_path: Path) -> None:
    path = tmp_path / "01.wav"
    with soundfile.SoundFile(path, "w", 32_000, 1) as sound:
        sound.title, sound.genre = "Slow Rain", "Ambient"
        sound.write(tone(0.2))
    assert label_of(path, tmp_path).captions == ["ambient, slow rain"]


def test_a_title_that_repeats_the_name_does_not_hide_the_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "Tape Loops" / "drone.flac", tone(0.2))
    tags = FLAC(path)
    tags["TITLE"] = "Drone"
    tags.save()
    assert label_of(path, tmp_path).captions == ["drone, tape loops"]


def test_damaged_tags_count_as_none(tmp_path: Path) -> None:
    path = tmp_path / "beat.mp3"
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x0f\x7fTBPM\x00\x00\x7f\x7f\x00\x00\x03")
    assert label_of(path, tmp_path).captions == ["beat"]
