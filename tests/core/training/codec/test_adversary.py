from __future__ import annotations

import copy

import torch
from torch import Tensor

from core.training.codec.adversary import Adversary, CompressedSpectrum

CPU = torch.device("cpu")
TIME = torch.arange(6_400) / 32_000


def tones(batch: int) -> Tensor:
    hertz = torch.rand(batch, 1) * 2_000 + 500
    return 0.2 * torch.sin(2 * torch.pi * hertz * TIME)[:, None]


def small() -> Adversary:
    torch.manual_seed(0)
    return Adversary(filters=2, windows=(512, 1024), power=0.3, rate=1e-2, device=CPU)


def test_it_learns_to_tell_tones_from_noise() -> None:
    adversary = small()
    first = last = 0.0
    for _ in range(21):
        _, _, figures = adversary.step(tones(2), 0.15 * torch.randn(2, 1, 6_400))
        last = figures.get("discriminator", last)
        first = first or last
    assert last < 0.97 * first


def test_two_steps_of_three_teach_it_and_each_judges() -> None:
    adversary = small()
    taught, changed = [], []
    for _ in range(6):
        before = [p.clone() for p in adversary.network.parameters()]
        made = (0.1 * torch.randn(2, 1, 6_400)).requires_grad_()
        hinge, features, figures = adversary.step(tones(2), made)
        (gradient,) = torch.autograd.grad(hinge + features, made)
        assert float(gradient.abs().sum()) > 0
        taught.append("discriminator" in figures)
        now = adversary.network.parameters()
        changed.append(any(not torch.equal(a, b) for a, b in zip(before, now, strict=True)))
    assert taught == changed == [True, True, False] * 2


def test_judging_leaves_no_gradient_in_the_discriminator() -> None:
    adversary = small()
    made = (0.1 * torch.randn(2, 1, 6_400)).requires_grad_()
    adversary.step(tones(2), made)
    hinge, features, _ = adversary.step(tones(2), made)
    gradients = [p.grad for p in adversary.network.parameters()]
    before = [None if g is None else g.clone() for g in gradients]
    (hinge + features).backward()
    assert made.grad is not None
    for a, b in zip(before, [p.grad for p in adversary.network.parameters()], strict=True):
        assert (a is None and b is None) or (a is not None and b is not None and torch.equal(a, b))


def test_the_same_signal_has_no_feature_distance() -> None:
    adversary = small()
    adversary.steps = 2  # a step that does not teach in between
    signal = tones(2)
    _, features, _ = adversary.step(signal, signal.clone().requires_grad_())
    assert float(features.detach()) == 0


def test_a_saved_adversary_goes_on_as_it_was() -> None:
    first, second = small(), Adversary(2, (512, 1024), 0.3, 1e-2, CPU)
    made = 0.1 * torch.randn(2, 1, 6_400)
    first.step(tones(2), made)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    real = tones(2)
    results = [adversary.step(real, made) for adversary in (first, second)]
    assert torch.equal(results[0][0], results[1][0])
    for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_compression_keeps_phase_and_lifts_quiet_partials() -> None:
    plain, compressed = CompressedSpectrum(512, 128, 1.0), CompressedSpectrum(512, 128, 0.3)
    loud = torch.sin(2 * torch.pi * 500 * TIME)
    quiet = 0.01 * torch.sin(2 * torch.pi * 4_000 * TIME)
    a, b = (spectrum((loud + quiet)[None, None])[0, 0] for spectrum in (plain, compressed))
    assert a.shape == b.shape == (257, 47)
    assert torch.allclose(a[8].angle(), b[8].angle(), atol=1e-4)
    assert float(b[64].abs().mean() / b[8].abs().mean()) > 0.2
    assert float(a[64].abs().mean() / a[8].abs().mean()) < 0.02
