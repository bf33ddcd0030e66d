from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from transformers import EncodecModel

from core.errors import BadInput
from core.training.audio_folder import AudioFolder
from core.training.codec import (
    CodecTrainer,
    CodecTraining,
    codec_config,
    finished_codec,
    scale_layers,
)
from core.training.codec_losses import MultiScaleMel, log_mel_distance
from core.training.quantizer import make_quantizer, revive_dead_entries, start_from_latents


def small_run(audio: Path, out: Path, **more: float) -> CodecTraining:
    settings = {"filters": 2, "steps": 6, "batch": 2, "segment_seconds": 0.2, "minutes": 1e6}
    return CodecTraining(audio=audio, out=out, **{**settings, **more})  # type: ignore[arg-type]


def test_segments_are_mono_and_of_the_length_asked(audio_folder: Path) -> None:
    batch = AudioFolder(audio_folder, 6_400, seed=1).batch(3)
    assert batch.shape == (3, 1, 6_400)
    assert float(batch.std()) > 0.01


def test_the_same_seed_draws_the_same_segments(audio_folder: Path) -> None:
    draws = [AudioFolder(audio_folder, 640, seed=5).batch(4) for _ in range(2)]
    assert torch.equal(*draws)


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="put WAV or FLAC"):
        AudioFolder(tmp_path, 640, seed=1)


def test_other_sample_rates_are_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(800) * 0.1, 8_000)
    with pytest.raises(BadInput, match="8000 Hz"):
        AudioFolder(tmp_path, 640, seed=1).batch(1)


def test_the_loss_is_zero_for_the_same_signal_and_grows_with_the_difference() -> None:
    real = torch.randn(2, 1, 16_000) * 0.1
    loss = MultiScaleMel()
    none, little, much = (
        float(loss(real + share * torch.randn_like(real), real)) for share in (0.0, 0.01, 0.3)
    )
    assert none == 0
    assert 0 < little < much
    assert log_mel_distance(real, real) == 0


def test_the_signal_reaches_the_latents_of_a_fresh_codec() -> None:
    torch.manual_seed(0)
    audio = torch.randn(4, 1, 32_000) * 0.14
    model = EncodecModel(codec_config(4))
    with torch.no_grad():
        before = model.encoder(audio)
        scale_layers(model, audio)
        after = model.encoder(audio)
        made = model.decoder(after)
    assert float(before.std(dim=2).mean()) < 0.1
    assert float(after.std(dim=2).mean()) > 0.3
    assert 0.07 < float(made.std()) < 0.28


def test_kmeans_start_uses_every_codebook_and_lowers_the_error() -> None:
    torch.manual_seed(0)
    latents = torch.randn(4_000, 8)
    quantizer = make_quantizer(dim=8, codebooks=3, size=64).eval()
    start_from_latents(quantizer, latents, seed=0)
    x = latents[:500].T[None]
    errors = []
    for books in (1, 2, 3):
        codes = quantizer.vq.encode(x, n_q=books)
        errors.append(float((quantizer.vq.decode(codes) - x).pow(2).mean()))
    assert errors[0] > errors[1] > errors[2]
    codes = quantizer.vq.encode(latents.T[None], n_q=3)
    assert all(len(book.unique()) > 56 for book in codes)


def test_dead_entries_come_back_to_life() -> None:
    torch.manual_seed(0)
    latents = torch.randn(2_000, 8)
    quantizer = make_quantizer(dim=8, codebooks=1, size=64).train()
    start_from_latents(quantizer, latents, seed=0)
    book = quantizer.vq.layers[0]._codebook
    book.embed[:32] = 100.0  # far from every latent: never chosen again
    book.embed_avg[:32] = 0.0
    book.cluster_size[:32] = 0.0
    batch = latents[:1_000].T[None]
    assert revive_dead_entries(quantizer, batch) == [32]
    for _ in range(5):
        quantizer(batch, 50)
    assert len(quantizer.encode(batch, 50).unique()) > 48


def test_a_run_goes_through_both_stages_and_transformers_runs_the_result(
    audio_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        CodecTrainer.switch_on_quantiser, "__defaults__", (2_100,)
    )  # latents: one entry each
    trainer = CodecTrainer(small_run(audio_folder, tmp_path, warm_share=0.5))
    trainer.run()
    assert trainer.quantised
    assert (tmp_path / "spectrogram.png").stat().st_size > 10_000
    codec = finished_codec(tmp_path / "last.pt")
    with torch.inference_mode():
        audio = torch.randn(1, 1, 6_400) * 0.1
        codes = codec.encode(audio).audio_codes
        assert codes.shape == (1, 1, 4, 10)
        assert torch.isfinite(codec.decode(codes, [None]).audio_values).all()


def test_a_resumed_run_equals_an_uninterrupted_one(audio_folder: Path, tmp_path: Path) -> None:
    whole = CodecTrainer(small_run(audio_folder, tmp_path / "whole"))
    for _ in range(4):
        whole.step()
    first = CodecTrainer(small_run(audio_folder, tmp_path / "parts"))
    for _ in range(2):
        first.step()
    first.save()
    second = CodecTrainer(small_run(audio_folder, tmp_path / "parts"))
    assert second.schedule.step == 2
    for _ in range(2):
        second.step()
    for a, b in zip(whole.weights, second.weights, strict=True):
        assert torch.equal(a, b)
