"""The adversary of the codec's training: encodec's multi-scale STFT discriminator, tuned to notes.

EnCodec (Défossez et al., 2022, arXiv:2210.13438): hinge losses and a relative feature-matching
loss, the discriminator taught in two steps of three. Two things are set for music instead of
speech. Windows are long: only 2048 samples and more part the partials of a chord at 32 kHz. And
spectra are compressed (magnitude to a power, phase kept), because partials lie 40 dB below the
bass and a network that sees linear spectra does not hear them.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from encodec.msstftd import MultiScaleSTFTDiscriminator
from torch import Tensor, nn
from torch.nn import functional

FLOOR = 1e-5  # of a spectrum's magnitude, below which compression stops
TAUGHT, OF = 2, 3  # steps that teach the discriminator, of so many


class CompressedSpectrum(nn.Module):
    """Complex STFT, magnitudes to a power. [batch, 1, samples] → [batch, 1, bins, frames]."""

    def __init__(self, window: int, hop: int, power: float) -> None:
        super().__init__()
        self.n_fft, self.hop, self.power = window, hop, power
        self.register_buffer("window", torch.hann_window(window), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        window = self.get_buffer("window")
        spectrum = torch.stft(
            audio[:, 0], self.n_fft, self.hop, window=window, center=False, return_complex=True
        )
        spectrum = spectrum / window.pow(2).sum().sqrt()
        return (spectrum * spectrum.abs().clamp_min(FLOOR) ** (self.power - 1))[:, None]


def make_discriminator(
    filters: int, windows: tuple[int, ...], power: float
) -> MultiScaleSTFTDiscriminator:
    """One sub-network a window, hop a quarter of it."""
    hops = [window // 4 for window in windows]
    with warnings.catch_warnings():  # encodec 0.1.1 still calls the old weight_norm
        warnings.simplefilter("ignore", FutureWarning)
        made = MultiScaleSTFTDiscriminator(
            filters, n_ffts=list(windows), hop_lengths=hops, win_lengths=list(windows)
        )
    for part, window, hop in zip(made.discriminators, windows, hops, strict=True):
        part.spec_transform = CompressedSpectrum(window, hop, power)
    return made


class Adversary:
    """The discriminator, its optimiser, and the two sides' losses."""

    def __init__(
        self,
        filters: int,
        windows: tuple[int, ...],
        power: float,
        rate: float,
        device: torch.device,
    ) -> None:
        self.network = make_discriminator(filters, windows, power).to(device)
        self.rate = rate
        self.optimizer = torch.optim.AdamW(self.network.parameters(), rate, betas=(0.8, 0.99))
        self.steps = 0

    def step(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor, dict[str, float]]:
        """Teach the discriminator, in two steps of three, then judge `made` [batch, 1, samples].

        Returns the generator's hinge loss and feature-matching loss, with gradients to `made`
        alone, and figures for the log.
        """
        teach = self.steps % OF < TAUGHT
        self.steps += 1
        figures: dict[str, float] = {}
        self.network.requires_grad_(teach)
        with torch.set_grad_enabled(teach):
            real_logits, real_features = self.network(real)
        if teach:
            fake_logits, _ = self.network(made.detach())
            loss = hinge(real_logits, fake_logits)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            figures["discriminator"] = float(loss.detach())
        self.network.requires_grad_(False)
        logits, features = self.network(made)
        return generator_hinge(logits), feature_distance(real_features, features), figures

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:  # the file's setting wins
            group["lr"] = self.rate
        self.steps = int(state["steps"])


def hinge(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """What the discriminator minimises: real above 1, made below -1. 0 at best, 2 when blind."""
    parts = [
        functional.relu(1 - r).mean() + functional.relu(1 + m).mean()
        for r, m in zip(real, made, strict=True)
    ]
    return torch.stack(parts).mean()


def generator_hinge(made: list[Tensor]) -> Tensor:
    """What the codec minimises: its output taken for real (above 1)."""
    return torch.stack([functional.relu(1 - m).mean() for m in made]).mean()


def feature_distance(real: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """L1 between the discriminator's layers for both signals, relative to the real one's size."""
    parts = [
        (r.detach() - m).abs().mean() / r.detach().abs().mean().clamp_min(1e-8)
        for of_real, of_made in zip(real, made, strict=True)
        for r, m in zip(of_real, of_made, strict=True)
    ]
    return torch.stack(parts).mean()
