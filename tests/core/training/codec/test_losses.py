from __future__ import annotations

import torch

from core.training.codec.losses import (
    ComplexSpectrum,
    FineSpectrum,
    MultiScaleMel,
    log_mel_distance,
)


def test_the_loss_is_zero_for_the_same_signal_and_grows_with_the_difference() -> None:
    torch.manual_seed(0)
    real = torch.randn(2, 1, 16_000) * 0.1
    for loss in (MultiScaleMel(), ComplexSpectrum((512, 2048)), FineSpectrum((1024,))):
        none, little, much = (
            float(loss(real + share * torch.randn_like(real), real)) for share in (0.0, 0.01, 0.3)
        )
        assert none == 0
        assert 0 < little < much
    assert log_mel_distance(real, real) == 0


def test_complex_spectra_tell_a_partial_in_phase_from_one_that_is_not() -> None:
    time = torch.arange(16_000) / 32_000
    bass = 0.3 * torch.sin(2 * torch.pi * 100 * time)
    partial, other = (0.003 * torch.sin(2 * torch.pi * 3_000 * time + p) for p in (0.0, 2.0))
    real, made = ((bass + x)[None, None] for x in (partial, other))
    waveform = float((made - real).abs().mean() / real.abs().mean())
    compressed = float(ComplexSpectrum((2048,), 0.5)(made, real))
    assert waveform < 0.02
    assert compressed > 5 * waveform
    assert float(MultiScaleMel()(made, real)) < 0.1
