"""What a take's WAV says of itself, as other programs read it and as we read it back."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path

import mutagen.wave
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daw_bridge.riff import append_chunks, chunks_of, find_chunk, read_chunk, sound_digest
from daw_bridge.take_chunks import OUR_ID, chunks_for, read_take_file
from daw_bridge.take_record import AdapterUse, TakeRecord
from daw_bridge.take_writing import write_take
from tests.fakes import codes_of, pcm_of

RECORD = TakeRecord(
    7,
    prompts=((0, "Funky drums!"), (30, "more “bass”"), (999, "never heard")),
    seed=42,
    tempo=119.0,
    bars=1,
    beats=4,
    adapters=(AdapterUse("mine", 0.5, "abc"),),
    parent=3,
    at=120,
    source="input",
    uid="0" * 32,
    frames=101,
    complete=True,
    created="2026-01-02T03:04:05+00:00",
)
FRAMES = 101  # round(50 · 4 · 60 / 119.0)


def write(path: Path, record: TakeRecord = RECORD, frames: int = FRAMES) -> bytes:
    codes, before = codes_of(frames), codes_of(40, 700)
    write_take(path, record, [pcm_of(frames)], frames * 640, 1, codes, before)
    return path.read_bytes()


def body(path: Path, name: bytes) -> bytes:
    with path.open("rb") as file:
        chunk = find_chunk(file, name)
        assert chunk is not None
        return read_chunk(file, chunk, 1 << 20)


def test_a_take_comes_back_from_its_wav_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    found = read_take_file(path)
    assert found is not None
    assert found.record == RECORD
    assert not found.edited
    assert np.array_equal(found.codes, codes_of(FRAMES))
    assert np.array_equal(found.context, codes_of(40, 700))


def test_other_programs_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    pcm, rate = soundfile.read(path)
    assert (len(pcm), rate) == (FRAMES * 640, 32_000)
    assert np.abs(pcm - pcm_of(FRAMES)[:, 0]).max() < 1e-6
    with soundfile.SoundFile(path) as sound:
        assert sound.title == "never heard"
        assert "seed 42" in sound.comment
        log = sound.extra_info  # libsndfile's own reading of the chunks
    assert "Tempo" in log
    assert "119" in log
    assert mutagen.wave.WAVE(path).info.length == pytest.approx(FRAMES / 50)


def test_acid_and_smpl_say_tempo_and_loop(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    flags, _, _, _, beats, low, high, tempo = struct.unpack("<IHHfIHHf", body(path, b"acid"))
    assert (flags & 1, beats, low, high, tempo) == (0, 4, 4, 4, 119.0)
    loops, _, _, start, end, _, plays = struct.unpack("<28xI4x6I", body(path, b"smpl"))
    assert (loops, start, plays) == (1, 0, 0)
    assert end == round(4 * 60 / 119.0 * 32_000) - 1
    assert struct.unpack("<Q", body(path, b"bext")[338:346])[0] == 40 * 640


@pytest.mark.parametrize("changes", [{"bars": 0}, {"complete": False}, {"bars": 2}])
def test_what_is_no_whole_bars_is_a_one_shot(tmp_path: Path, changes: dict[str, int]) -> None:
    path = tmp_path / "a.wav"
    write(path, replace(RECORD, **changes))
    with path.open("rb") as file:
        assert find_chunk(file, b"smpl") is None
    assert struct.unpack_from("<I", body(path, b"acid"))[0] & 1
    assert struct.unpack_from("<I", body(path, b"acid"), 12)[0] == 4  # 2.02 s at 119 bpm


def test_a_new_prompt_is_a_marker(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    count, number, at = struct.unpack_from("<III", body(path, b"cue "))
    assert (count, number, at) == (1, 1, 30 * 640)
    assert "more “bass”".encode() in path.read_bytes()


def test_the_samples_are_as_libsndfile_wrote_them(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    soundfile.write(tmp_path / "b.wav", pcm_of(FRAMES), 32_000, subtype="PCM_24")
    assert body(tmp_path / "a.wav", b"data") == body(tmp_path / "b.wav", b"data")


def test_an_edit_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write(path)
    with path.open("r+b") as file:
        chunk = find_chunk(file, b"data")
        assert chunk is not None
        file.seek(chunk.start + 3_000)
        file.write(b"\x01\x02\x03")
    found = read_take_file(path)
    assert found is not None
    assert found.edited


def test_other_sound_files_are_no_takes(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "a.aiff"):
        soundfile.write(tmp_path / name, pcm_of(5), 32_000)
        assert read_take_file(tmp_path / name) is None
    (tmp_path / "empty.wav").write_bytes(b"")
    assert read_take_file(tmp_path / "empty.wav") is None


def test_chunks_of_odd_length_are_padded() -> None:
    file = io.BytesIO()
    soundfile.write(file, pcm_of(1)[:333], 32_000, format="WAV", subtype="PCM_24")
    before = sound_digest(file)
    append_chunks(file, [(b"one ", b"x"), (b"two ", b"yz"), (b"tri ", b"")])
    names = {c.id: c for c in chunks_of(file)}
    assert read_chunk(file, names[b"one "], 9) == b"x"
    assert read_chunk(file, names[b"two "], 9) == b"yz"
    assert sound_digest(file) == before
    assert struct.unpack_from("<I", file.getvalue(), 4)[0] == len(file.getvalue()) - 8
    file.seek(0)
    assert len(soundfile.read(file)[0]) == 333


def test_a_file_that_would_be_too_large_stays_without_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.BytesIO()
    soundfile.write(file, pcm_of(1), 32_000, format="WAV")
    before = file.getvalue()
    monkeypatch.setattr("daw_bridge.riff.LARGEST", len(before))
    append_chunks(file, [(b"more", b"12345678")])
    assert file.getvalue() == before


# ---------------------------------------------------------------- files that nobody vouches for


WAV = io.BytesIO()
soundfile.write(WAV, pcm_of(1), 32_000, format="WAV", subtype="PCM_16")
OURS = dict(chunks_for(RECORD, 640, codes_of(3), codes_of(2), "x"))[OUR_ID]
READ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_bytes(path: Path, data: bytes) -> None:
    """It is a take, none, or damaged: never anything else."""
    path.write_bytes(data)
    try:
        found = read_take_file(path)
    except ValueError:
        return
    if found is not None:
        assert found.codes.dtype == found.context.dtype == np.int16
        assert isinstance(found.record.seed, int)
        assert found.record.tempo > 0


@READ
@given(st.binary(max_size=400))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    read_bytes(tmp_path / "a.wav", data)
    read_bytes(tmp_path / "a.wav", b"RIFF\xff\xff\xff\xffWAVE" + data)


@READ
@given(st.data())
def test_a_take_with_some_bytes_changed(tmp_path: Path, data: st.DataObject) -> None:
    ours = bytearray(OURS)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(ours) - 1))
        ours[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(ours)))
    file = io.BytesIO(WAV.getvalue())
    append_chunks(file, [(OUR_ID, bytes(ours) if cut % 2 else bytes(ours[:cut]))])
    read_bytes(tmp_path / "a.wav", file.getvalue())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@READ
@given(st.sampled_from(sorted(TakeRecord.__dataclass_fields__)), JSON)
def test_a_field_of_any_kind(tmp_path: Path, name: str, value: object) -> None:
    length = struct.unpack_from("<I", OURS, 12)[0]
    table = json.loads(OURS[16 : 16 + length])
    text = json.dumps({**table, name: value}).encode()
    ours = OURS[:12] + struct.pack("<I", len(text)) + text + OURS[16 + length :]
    file = io.BytesIO(WAV.getvalue())
    append_chunks(file, [(OUR_ID, ours)])
    read_bytes(tmp_path / "a.wav", file.getvalue())


def test_a_deep_description_is_damaged_and_not_a_crash(tmp_path: Path) -> None:
    text = b"[" * 100_000
    ours = struct.pack("<HHIII", 1, 4, 0, 0, len(text)) + text
    file = io.BytesIO(WAV.getvalue())
    append_chunks(file, [(OUR_ID, ours)])
    (tmp_path / "a.wav").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="damaged"):
        read_take_file(tmp_path / "a.wav")
