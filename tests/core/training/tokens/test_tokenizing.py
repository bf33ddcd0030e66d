from __future__ import annotations

import io
import json
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from transformers import EncodecModel

from core.codec.encodec import Codec
from core.errors import BadInput
from core.training.music import cutting
from core.training.tokens import tokenizing
from core.training.tokens.clips import TokenClip, codec_digest, codec_of, read_tokens
from core.training.tokens.progress import TokenizeProgress
from core.training.tokens.report import Report
from core.training.tokens.store import TokenStore
from core.training.tokens.tokenizing import tokenize_folder
from tests.core.training.sounds import silence, small_codec, tone, write


@pytest.fixture(scope="module")
def codec() -> EncodecModel:
    return small_codec()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    write(folder / "a" / "kick 01.wav", tone(1.5))
    write(folder / "b" / "kick 01.wav", tone(2, 44_100, 2), 44_100)
    write(folder / "02.flac", tone(1.2))
    return folder


def run(codec: EncodecModel, folder: Path, **how: float | None) -> Report:
    quiet = TokenizeProgress(Console(file=io.StringIO()))
    return tokenize_folder(codec, folder, folder.parent / "tokens", progress=quiet, **how)


def tokens(folder: Path) -> dict[str, TokenClip]:
    clips = read_tokens(folder.parent / "tokens")
    assert len({clip.name for clip in clips}) == len(clips)
    return {clip.name: clip for clip in clips}


def test_names_are_paths_below_the_folder_and_codes_are_the_codecs(
    codec: EncodecModel, music: Path
) -> None:
    report = run(codec, music, loudness=None)
    assert (report.clips, report.without_caption) == (3, 1)
    clips = tokens(music)
    assert set(clips) == {"a/kick 01.wav", "b/kick 01.wav", "02.flac"}
    pcm = np.float32(tone(1.5))
    pcm = np.round(pcm * 32768).astype(np.float32) / 32768  # 16 bits in the file
    kick = clips["a/kick 01.wav"]
    assert kick.codes.dtype == np.int16
    assert (kick.codes == Codec(codec).encode(pcm)).mean() > 0.99
    assert kick.captions == ["kick"]
    assert clips["02.flac"].captions == []


def test_loudness_is_brought_to_the_target_before_encoding(
    codec: EncodecModel, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = {}
    encode = tokenizing._encode

    def listen(codec: Codec, pcm: np.ndarray) -> np.ndarray:
        heard[len(pcm)] = float(np.sqrt(np.mean(pcm**2)))
        return encode(codec, pcm)

    monkeypatch.setattr(tokenizing, "_encode", listen)
    write(music / "02.flac", 0.1 * tone(1.2))
    run(codec, music)
    assert max(heard.values()) < 1.1 * min(heard.values())
    with pytest.raises(BadInput, match="use -60 to 0"):
        run(codec, music, loudness=6.0)


def test_a_second_run_encodes_only_what_is_new(codec: EncodecModel, music: Path) -> None:
    run(codec, music)
    write(music / "later.wav", tone(1.1))
    report = run(codec, music)
    assert (report.clips, report.kept) == (1, 3)
    assert len(tokens(music)) == 4


def test_a_file_that_changed_is_done_again(codec: EncodecModel, music: Path) -> None:
    run(codec, music)
    write(music / "02.flac", tone(2.4))
    report = run(codec, music)
    assert (report.clips, report.kept) == (1, 2)
    assert tokens(music)["02.flac"].codes.shape[1] == 120


def test_a_caption_that_changed_costs_no_encoding(
    codec: EncodecModel, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(codec, music)
    monkeypatch.delattr(tokenizing, "_encode")
    (music / "02.txt").write_text("a tone\n")
    report = run(codec, music)
    assert (report.clips, report.without_caption) == (0, 0)
    assert tokens(music)["02.flac"].captions == ["a tone"]


def test_a_tempo_that_changed_cuts_a_long_file_again(codec: EncodecModel, tmp_path: Path) -> None:
    music = tmp_path / "music"
    song = write(music / "song.wav", tone(40, 8_000), 8_000)
    run(codec, music)
    before = tokens(music)
    song.with_suffix(".json").write_text('{"tempo": 100, "captions": ["a song"]}')
    run(codec, music)
    clips = tokens(music)
    assert set(clips) == set(before) == {"song.wav#0", "song.wav#1"}
    bar = 60 / 100 * 4
    assert clips["song.wav#1"].facts["start_seconds"] == pytest.approx(9 * bar)
    assert clips["song.wav#1"].captions == ["a song"]
    assert clips["song.wav#1"].frames_a_bar == pytest.approx(120)


def test_bad_files_are_left_out_by_name_and_odd_ones_kept_with_a_remark(
    codec: EncodecModel, music: Path
) -> None:
    write(music / "silent.wav", silence(10))
    write(music / "hit.wav", tone(0.3))
    write(music / "hot.wav", np.clip(tone(2, level=3), -1, 1))
    write(music / "gap.wav", np.concatenate([tone(2), silence(8), tone(2)]))
    (music / "broken.wav").write_bytes(b"RIFF nothing")
    (music / "empty.mp3").touch()
    (music / "song.m4a").write_bytes(b"ftyp")
    (music / "hot.json").write_text("{")
    report = run(codec, music)
    left_out = dict(report.left_out)
    assert set(left_out) == {"silent.wav", "hit.wav", "broken.wav", "empty.mp3", "song.m4a"}
    assert left_out["silent.wav"] == "silent"
    assert "shorter than 1 s" in left_out["hit.wav"]
    assert "convert it to FLAC" in left_out["song.m4a"]
    remarks = {(file, text.split(":")[0]) for file, text in report.notes}
    assert ("hot.wav", "clipped") in remarks
    assert ("hot.wav", "its sidecar hot.json was not used") in remarks
    assert ("gap.wav", "8 s of silence left out") in remarks
    assert report.clips == 3 + 1 + 2
    line = report.summary()
    assert line.startswith("wrote 6 clips, 11 s; left out 5: ")
    written = json.loads((music.parent / "tokens" / "report.json").read_text())
    assert written["complete"]
    assert written["clips"] == 6
    assert {one["file"] for one in written["left_out"]} == set(left_out)
    # a run that goes on tells the same of the files it did not read again
    again = run(codec, music)
    assert set(again.notes) == set(report.notes)
    assert dict(again.left_out) == left_out


def test_another_codec_loudness_or_folder_is_refused(codec: EncodecModel, music: Path) -> None:
    run(codec, music)
    with pytest.raises(BadInput, match="were made with codec"):
        run(small_codec(seed=1), music)
    with pytest.raises(BadInput, match=r"were made with loudness -18\.0, not None"):
        run(codec, music, loudness=None)
    other = shutil.copytree(music, music.parent / "other")
    with pytest.raises(BadInput, match="holds the tokens of"):
        run(codec, other)
    # a folder that was moved is still the same music
    shutil.rmtree(other)
    music.rename(other)
    assert run(codec, other).kept == 3


def test_files_that_are_gone_keep_their_clips_and_are_counted(
    codec: EncodecModel, music: Path
) -> None:
    run(codec, music)
    (music / "02.flac").unlink()
    report = run(codec, music)
    assert (report.kept, report.gone) == (3, 1)
    assert "no longer there" in report.summary()


def test_a_second_run_beside_the_first_is_refused(codec: EncodecModel, music: Path) -> None:
    out = music.parent / "tokens"
    with (
        TokenStore(out, music, {"codec": "x"}),
        pytest.raises(BadInput, match="another run is writing"),
    ):
        run(codec, music)
    assert run(codec, music).clips == 3


def test_stereo_models_get_both_channels(codec: EncodecModel, music: Path) -> None:
    tokenize_folder(Codec(codec, 2), music, music.parent / "tokens", loudness=None)
    assert {clip.codes.shape[0] for clip in tokens(music).values()} == {8}


def test_a_long_file_is_never_held_whole(
    tmp_path: Path, codec: EncodecModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four minutes are 31 MB at 32 kHz; more minutes must not mean more memory."""
    frames = []

    def count(codec: Codec, pcm: np.ndarray) -> np.ndarray:
        frames.append(len(pcm) // 640)
        return np.zeros((4, frames[-1]), np.int16)

    monkeypatch.setattr(tokenizing, "_encode", count)
    music = tmp_path / "music"
    monkeypatch.setattr(tokenizing, "KEPT_IN_MEMORY", 10.0)
    monkeypatch.setattr(cutting, "LONGEST", 10.0)
    write(music / "set.wav", tone(240, 8_000), 8_000)
    tracemalloc.start()
    try:
        report = run(codec, music)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.clips == len(frames) == 24
    assert sum(frames) == 240 * 50
    assert peak < 20e6


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_run(
    codec: EncodecModel, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = tokenizing._encode

    def record_on(codec: Codec, pcm: np.ndarray) -> np.ndarray:
        os.utime(music / "02.flac", (1, 1))
        return encode(codec, pcm)

    monkeypatch.setattr(tokenizing, "_encode", record_on)
    report = run(codec, music)
    assert dict(report.left_out).keys() == {"02.flac"}
    assert "02.flac" not in tokens(music)


def test_the_digest_is_of_what_decides_the_tokens(codec: EncodecModel) -> None:
    other = small_codec()
    assert codec_digest(other) == codec_digest(codec)
    assert codec_digest(other.half().float()) == codec_digest(codec)
    for parameter in other.decoder.parameters():
        parameter.zero_()
    assert codec_digest(other) == codec_digest(codec)
    other.quantizer.layers[3].codebook.embed[0, 0] += 0.1
    assert codec_digest(other) != codec_digest(codec)


def test_progress_without_a_terminal_is_a_few_lines(
    codec: EncodecModel, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.tokens.progress.SAY_EVERY", -1.0)
    told = io.StringIO()
    tokenize_folder(
        codec, music, music.parent / "tokens", progress=TokenizeProgress(Console(file=told))
    )
    last = told.getvalue().splitlines()[-1]
    assert last.startswith("3 of 3 files, 5 s of music, ")
    assert "times real time, 0 s left" in last
    assert "\x1b" not in told.getvalue()


def test_a_shard_that_says_no_codec_is_read_but_not_gone_on_with(
    codec: EncodecModel, music: Path
) -> None:
    """Shards of the first version."""
    run(codec, music)
    out = music.parent / "tokens"
    digest = codec_of(out)
    assert digest == codec_digest(codec)
    index = out / "tokens-00000.json"
    clips = [
        {name: clip[name] for name in ("name", "start", "frames", "captions", "facts")}
        for clip in json.loads(index.read_text())["clips"]
    ]
    index.write_text(json.dumps({"clips": clips}))
    assert len(tokens(music)) == 3
    assert codec_of(out) is None
    with pytest.raises(BadInput, match="earlier version"):
        run(codec, music)
