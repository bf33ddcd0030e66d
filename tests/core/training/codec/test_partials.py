from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.training.codec.partials import partials

TIME = torch.arange(64_000) / 32_000


def note(hertz: float, phase: float = 0.0, level: float = 0.2) -> Tensor:
    """A held note of ten partials [1, 1, 64000]."""
    tones = [torch.sin(2 * torch.pi * k * hertz * TIME + k * phase) / k for k in range(1, 11)]
    return level * torch.stack(tones).sum(0)[None, None]


def test_the_original_is_as_clear_as_itself() -> None:
    found = partials(note(440), note(440))
    assert found.count > 100
    assert found.output == pytest.approx(found.original, abs=0.5)


def test_neither_phase_nor_level_counts() -> None:
    found = partials(note(440, phase=2.0, level=0.05), note(440))
    assert found.output == pytest.approx(found.original, abs=1.0)


def test_noise_in_the_place_of_partials_is_found_out() -> None:
    torch.manual_seed(0)
    found = partials(torch.randn(1, 1, 64_000), note(440))
    assert found.output < 5 < 20 < found.original


def test_more_noise_is_less_clear() -> None:
    torch.manual_seed(0)
    noise = torch.randn(1, 1, 64_000)
    clear = [partials(note(440) + share * noise, note(440)).output for share in (1e-3, 1e-2, 1e-1)]
    assert clear[0] > clear[1] > clear[2]


def test_a_signal_without_partials_has_no_figure() -> None:
    noise = torch.randn(1, 1, 32_000, generator=torch.Generator().manual_seed(1))
    found = partials(noise, noise)
    assert found.count < 5
    silence = partials(note(440)[..., :32_000], torch.zeros(1, 1, 32_000))
    assert silence.count == 0
    assert math.isnan(silence.original)
