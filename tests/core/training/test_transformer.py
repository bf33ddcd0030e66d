from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EncodecModel

from core.errors import BadInput
from core.generation.delay_pattern import interleave
from core.training.codec import codec_config
from core.training.text import make_tokenizer
from core.training.tokens import TokenClip, encode_clip, read_tokens, tokenize_folder
from core.training.transformer import (
    IGNORED,
    LEAD_IN,
    Batch,
    Crops,
    TransformerTrainer,
    TransformerTraining,
    targets_of,
)


@pytest.fixture(scope="module")
def codec() -> EncodecModel:
    torch.manual_seed(0)
    model = EncodecModel(codec_config(2)).eval()
    for layer in model.quantizer.layers:
        layer.codebook.embed.normal_()
    return model


@pytest.fixture
def tokens(codec: EncodecModel, audio_folder: Path, tmp_path: Path) -> Path:
    assert tokenize_folder(codec, audio_folder, tmp_path / "tokens") == 6
    return tmp_path / "tokens"


def small_run(tokens: Path, out: Path) -> TransformerTraining:
    return TransformerTraining(
        tokens=tokens,
        out=out,
        hidden=16,
        layers=1,
        heads=2,
        text_width=8,
        steps=4,
        minutes=1e6,
        short_frames=50,
        frames_a_step=100,
        window_frames=100,
    )


def test_shards_give_back_codes_captions_and_facts(
    codec: EncodecModel, audio_folder: Path, tokens: Path
) -> None:
    clips = {clip.name: clip for clip in read_tokens(tokens)}
    assert set(clips) == {f"clip{i}" for i in range(6)}
    clip = clips["clip3"]
    assert np.array_equal(clip.codes, encode_clip(codec, audio_folder / "clip3.flac"))
    assert clip.codes.shape == (4, 150)
    assert clip.captions[0] == "tone 3, 120 bpm"
    assert clip.frames_a_bar == 100


def test_tokenizing_goes_on_where_it_was_and_leaves_out_bad_files(
    codec: EncodecModel, audio_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "music"
    shutil.copytree(audio_folder, folder)
    (folder / "broken.wav").write_bytes(b"RIFF nothing")
    assert tokenize_folder(codec, folder, tmp_path / "out") == 6
    assert "left out broken.wav" in capsys.readouterr().out
    shutil.copy(folder / "clip0.flac", folder / "later.flac")
    assert tokenize_folder(codec, folder, tmp_path / "out") == 1
    assert len(read_tokens(tmp_path / "out")) == 7


def test_no_tokens_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="daw-bridge tokenize"):
        read_tokens(tmp_path)


def test_the_tokenizer_reads_a_number_digit_by_digit_and_survives_saving(tmp_path: Path) -> None:
    captions = ["funky drums, 110 bpm", "solo piano, 93 bpm", "drums only, 128 bpm"] * 3
    made = make_tokenizer(captions)
    made.save_pretrained(tmp_path)
    again = type(made).from_pretrained(tmp_path)
    text = "Drums only, at 147 bpm"
    assert again(text).input_ids == made(text).input_ids
    pieces = again.tokenize(text)
    assert pieces[:3] == ["▁Drums", "▁only", ","]
    assert [p for p in pieces if any(c.isdigit() for c in p)] == ["1", "4", "7"]
    assert made.unk_token_id not in again(text).input_ids


def test_crops_start_on_a_bar_or_lead_in_without_a_loss(tmp_path: Path) -> None:
    """Codes count frames, so a crop tells where it began."""
    codes = np.tile(np.arange(600, dtype=np.int16), (4, 1))
    clip = TokenClip("a", codes, ["x"], {"tempo": 120.0})
    config = small_run(tmp_path, tmp_path)
    crops = Crops([clip], config, special=2048)
    seen = set()
    for _ in range(200):
        batch = crops.batch(150)
        for row, quiet in zip(batch.codes, batch.quiet, strict=True):
            start = int(row[0, 0])
            seen.add((start % 100 == 0, quiet))
            if quiet == 0:
                assert start % 100 == 0
    assert (True, 0) in seen
    assert (False, LEAD_IN) in seen


def test_targets_are_the_next_step_without_padding_or_lead_in() -> None:
    delays, special = (0, 1, 2, 3), 9
    codes = torch.arange(8).repeat(4, 1)[None] % 8
    delayed = interleave(codes, delays, special)
    targets = targets_of(delayed, Batch(codes, [8], [2], ["x"]), delays, special)
    assert targets.shape[-1] == delayed.shape[-1] - 1
    assert special not in targets
    for book, delay in enumerate(delays):
        counted = targets[0, book][targets[0, book] != IGNORED]
        assert torch.equal(counted, codes[0, book, 2:])
        assert int((targets[0, book, : 2 + delay] != IGNORED).sum()) == 0


def test_training_lowers_the_loss_on_what_it_sees(tokens: Path, tmp_path: Path) -> None:
    trainer = TransformerTrainer(small_run(tokens, tmp_path / "run"))
    batch = trainer.crops.batch(50)
    before = float(trainer.losses(batch).mean().detach())
    for _ in range(60):
        loss = trainer.losses(batch).mean()
        trainer.optimizer.zero_grad()
        loss.backward()
        trainer.optimizer.step()
    assert float(trainer.losses(batch).mean().detach()) < before - 1


def test_a_resumed_run_equals_an_uninterrupted_one(tokens: Path, tmp_path: Path) -> None:
    whole = TransformerTrainer(small_run(tokens, tmp_path / "whole"))
    for _ in range(4):
        whole.step()
    first = TransformerTrainer(small_run(tokens, tmp_path / "parts"))
    for _ in range(2):
        first.step()
    first.save()
    second = TransformerTrainer(small_run(tokens, tmp_path / "parts"))
    for _ in range(2):
        second.step()
    for a, b in zip(whole.weights, second.weights, strict=True):
        assert torch.equal(a, b)
