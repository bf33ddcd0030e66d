from __future__ import annotations

import pytest
import torch

from core.errors import BadInput
from core.training.codec.balancer import LossBalancer


def output() -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(2, 1, 100, generator=generator).requires_grad_()


def test_a_losss_own_size_does_not_matter() -> None:
    found = []
    for size in (1.0, 1e4):
        y = output()
        losses = {"mel": y.pow(2).mean(), "wave": size * y.abs().mean()}
        gradient, _ = LossBalancer("mel").gradient(losses, {"mel": 1.0, "wave": 0.5}, y)
        found.append(gradient)
    assert torch.allclose(*found)


def test_each_gradient_gets_its_share_of_the_references_norm() -> None:
    y = output()
    losses = {"mel": y[:, :, :50].pow(2).sum(), "wave": 7 * y[:, :, 50:].sum()}
    gradient, norms = LossBalancer("mel").gradient(losses, {"mel": 1.0, "wave": 0.25}, y)
    mel, wave = (gradient[..., part].flatten(1).norm(dim=1) for part in (slice(50), slice(50, 100)))
    assert torch.allclose(mel, 2 * y[..., :50].flatten(1).norm(dim=1))
    assert float(wave.mean() / mel.mean()) == pytest.approx(0.25)
    assert norms["wave"] == pytest.approx(7 * 50**0.5, rel=1e-5)


def test_a_loss_without_weight_has_no_say() -> None:
    y = output()
    losses = {"mel": y.pow(2).mean(), "wave": y.abs().mean()}
    gradient, norms = LossBalancer("mel").gradient(losses, {"mel": 1.0, "wave": 0.0}, y)
    assert torch.allclose(gradient, 2 * y.detach() / y.numel())
    assert "wave" not in norms


def test_norms_are_averaged_over_steps_and_survive_a_save() -> None:
    first, second = LossBalancer("mel", decay=0.5), LossBalancer("mel", decay=0.5)
    y = output()
    for size in (1.0, 3.0):
        _, norms = first.gradient({"mel": size * y.sum()}, {"mel": 1.0}, y)
    assert norms["mel"] == pytest.approx(10 * (0.25 * 1 + 0.5 * 3) / 0.75)
    second.load_state_dict(first.state_dict())
    results = [b.gradient({"mel": y.sum()}, {"mel": 1.0}, y)[1] for b in (first, second)]
    assert results[0] == results[1]


def test_a_decay_that_never_forgets_is_refused() -> None:
    with pytest.raises(BadInput, match="decay"):
        LossBalancer("mel", decay=1.0)
