"""How the codec's output is compared with the original: every loss at the output, balanced."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from core.training.codec.adversary import Adversary
from core.training.codec.balancer import LossBalancer
from core.training.codec.losses import ComplexSpectrum, FineSpectrum, MultiScaleMel
from core.training.codec.settings import CodecTraining


class Comparison:
    """Losses that reach the codec through its output, and the adversary among them."""

    def __init__(self, config: CodecTraining, device: torch.device) -> None:
        self.config = config
        self.mel = MultiScaleMel().to(device)
        self.spectrum = ComplexSpectrum(config.spectrum_windows, config.spectrum_power).to(device)
        self.fine = FineSpectrum(config.fine_windows).to(device)
        self.balancer = LossBalancer(reference="mel")
        self.adversary = Adversary(
            config.discriminator_filters,
            config.discriminator_windows,
            config.discriminator_power,
            config.discriminator_rate,
            device,
        )

    def gradient(
        self, made: Tensor, real: Tensor, progress: float
    ) -> tuple[Tensor, dict[str, float]]:
        """The balanced gradient at `made` [batch, 1, samples], and each loss for the log.

        progress: share of the run, 0 … 1. Once the adversary has joined, it learns here too.
        """
        output = made.detach().requires_grad_()
        losses = {
            "mel": self.mel(output, real),
            "spectrum": self.spectrum(output, real),
            "fine": self.fine(output, real),
            "wave": (output - real).abs().mean(),
        }
        figures: dict[str, float] = {}
        if self.config.adversarial_share < 1 and progress >= self.config.adversarial_share:
            hinge, features, figures = self.adversary.step(real, output)
            losses["adversary"] = hinge + self.config.feature_weight * features
            figures["features"] = float(features.detach())
        gradient, norms = self.balancer.gradient(losses, self._shares(progress), output)
        figures |= {name: float(loss.detach()) for name, loss in losses.items()}
        return gradient, figures | {f"norm_{name}": norm for name, norm in norms.items()}

    def _shares(self, progress: float) -> dict[str, float]:
        """The norm of each loss's gradient beside the mel loss's."""
        config = self.config
        start, end = config.wave_weight, config.wave_weight_end
        return {
            "mel": 1.0,
            "spectrum": config.spectrum_weight,
            "fine": config.fine_weight,
            "wave": start ** (1 - progress) * end**progress,
            "adversary": config.adversarial_weight,
        }

    def state_dict(self) -> dict[str, Any]:
        return {"adversary": self.adversary.state_dict(), "balancer": self.balancer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.adversary.load_state_dict(state["adversary"])
        self.balancer.load_state_dict(state["balancer"])
