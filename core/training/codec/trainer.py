"""Train the EnCodec codec: an auto-encoder, its quantiser, then the decoder with an adversary.

    daw-bridge train core/training/configs/starter-codec.toml

Stage one trains encoder and decoder without a quantiser, a small penalty on the latents'
power holding their scale near one. Stage two starts the codebooks by k-means over latents
and goes on through the quantiser (straight-through gradient, moving-average codebooks). Stage
three leaves encoder and codebooks alone and tunes the decoder, while the Transformer can
already be trained on the tokens. An adversary joins when `adversarial_share` says so.
Learnt by trying: bfloat16 autocast left the latents constant in time, without the penalty
their deviation grew to hundreds, and audio quieter than an RMS of about 0.1 taught nothing.
Mel losses alone left the decoder at noise in the shape of the envelope (SDR below 0 dB after
1,500 steps); with a strong waveform term at the start it reached 3.3 dB after 250. A rate of
1e-3 stalls: lowered to 2e-4, the mel loss fell from 1.84 to 1.50 within 150 steps.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor
from transformers import EncodecModel

from core.errors import BadInput
from core.training.codec.comparison import Comparison
from core.training.codec.model import (
    CODEBOOKS,
    ENTRIES,
    WIDTH,
    codec_config,
    finished_codec,
    read_run,
    scale_layers,
)
from core.training.codec.quantizer import make_quantizer, revive_dead_entries, start_from_latents
from core.training.codec.settings import CodecTraining
from core.training.codec.validation import Validator
from core.training.music.held_out import train_and_held_out
from core.training.run.averaging import WeightAverage
from core.training.run.shared import Log, Schedule, atomic_save, read_checkpoint
from core.training.run.terminal import StopSignal

__all__ = ["CodecTrainer", "CodecTraining", "codec_config", "finished_codec"]

BETAS = (0.8, 0.99)  # AdamW's: a short memory, because the adversary changes its mind
LOG_EVERY = 100  # steps
REVIVE_EVERY = 20
HELD_OUT_SEGMENTS = 12


class CodecTrainer:
    """One run. It goes on from the checkpoint in `config.out` if there is one."""

    def __init__(self, config: CodecTraining) -> None:
        """Raises BadInput for folders without audio and weights that do not fit."""
        self.config = config
        torch.manual_seed(config.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.data, held_out = train_and_held_out(
            config.audio, config.held_out, config.held_out_share, config.segment, config.seed
        )
        self.model = EncodecModel(codec_config(config.filters)).to(self.device)
        self.quantizer = make_quantizer(WIDTH, CODEBOOKS, ENTRIES).to(self.device)
        self.comparison = Comparison(config, self.device)
        self.average = WeightAverage(self.model.decoder, config.average)
        self.weights = [*self.model.encoder.parameters(), *self.model.decoder.parameters()]
        self.optimizer = torch.optim.AdamW(self.weights, config.rate, betas=BETAS)
        steps, minutes, _ = config.length
        warmup = min(200, steps // 10) if steps else 200
        self.schedule = Schedule(steps, minutes, config.rate, warmup)
        self.quantised = False
        self.log = Log(config.out)
        self.validator = Validator(held_out.batch(HELD_OUT_SEGMENTS).to(self.device), config.out)
        self.checkpoint = config.out / "last.pt"
        if self.checkpoint.exists():
            self.resume()
        elif config.weights_from:
            start = read_run(config.weights_from)
            self.load_weights(start)
            if start.get("average"):
                self.model.decoder.load_state_dict(start["average"]["decoder"])
            self.average.restart()
        else:
            scale_layers(self.model, self.data.batch(8).to(self.device))
            self.average.restart()
        if self.schedule.progress >= config.freeze_share and not self.quantised:
            raise BadInput(
                "freeze_share keeps the tokens as they are, and weights_from has none yet; name a"
                " codec's run that has its codebooks, or raise freeze_share"
            )

    @property
    def frozen(self) -> bool:
        """Whether encoder and codebooks stay, so that tokens made now hold to the end."""
        return self.quantised and self.schedule.progress >= self.config.freeze_share

    # ------------------------------------------------------------ one step

    def step(self) -> dict[str, float]:
        """One batch: the adversary where it has joined, then the codec. Returns figures."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate
        real = self.data.batch(self.config.batch).to(self.device)
        self.optimizer.zero_grad(set_to_none=True)
        carried, beside, figures = self._carry(real)
        made = self.model.decoder(carried)[..., : real.shape[-1]]
        gradient, compared = self.comparison.gradient(made, real, self.schedule.progress)
        if not math.isfinite(compared["mel"]):
            raise BadInput(
                f"the loss is {compared['mel']} at step {self.schedule.step}; last.pt is from"
                " before it: lower `rate` and give the same command again"
            )
        aside = list(beside.values())
        torch.autograd.backward([made, *aside], [gradient, *map(torch.ones_like, aside)])
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.average.update(self.schedule.step)
        self.schedule.tick()
        return figures | compared | {name: float(loss.detach()) for name, loss in beside.items()}

    def _carry(self, real: Tensor) -> tuple[Tensor, dict[str, Tensor], dict[str, float]]:
        """What the decoder gets for audio [batch, 1, samples]: latents or their quantisation.

        With it come the losses that do not pass through the decoder, and figures.
        """
        with torch.set_grad_enabled(not self.frozen):
            latents = self.model.encoder(real)
        # held at unit scale so that the commitment loss has the same weight all through
        power = latents.pow(2).mean()
        figures = {
            "z_time_std": float(latents.detach().std(dim=2).mean()),
            "z_rms": float(power.detach().sqrt()),
        }
        if self.frozen:
            self.quantizer.eval()
            with torch.no_grad():
                return self.quantizer.decode(self.quantizer.encode(latents, 50)), {}, figures
        beside = {"penalty": self.config.latent_penalty * (power - 1).clamp_min(0)}
        if not self.quantised:
            return latents, beside, figures
        self.quantizer.train()
        result = self.quantizer(latents, 50)
        beside["commit"] = self.config.commitment * result.penalty
        if self.schedule.step % REVIVE_EVERY == 0:
            revive_dead_entries(self.quantizer, latents.detach())
        return result.quantized, beside, figures

    @torch.no_grad()
    def switch_on_quantiser(self, latents_wanted: int = 20_000) -> None:
        """k-means for the codebooks over latents of the auto-encoder as it is now."""
        found: list[Tensor] = []
        while sum(len(z) for z in found) < latents_wanted:
            z = self.model.encoder(self.data.batch(8).to(self.device))
            found.append(z.permute(0, 2, 1).reshape(-1, z.shape[1]))
        start_from_latents(self.quantizer, torch.cat(found), self.config.seed)
        self.quantised = True

    # ------------------------------------------------------------ the run

    def run(self) -> bool:
        """To the end, or until Ctrl-C, SIGTERM or the session's minutes; saved in each case.

        → False where it was asked to stop. Figures, pictures, checkpoints are in `config.out`.
        """
        with StopSignal() as stop:
            return self._run(stop)

    def _run(self, stop: StopSignal) -> bool:
        config, schedule = self.config, self.schedule
        sums: dict[str, list[float]] = {}
        began, minutes = time.monotonic(), config.length.session_minutes
        if schedule.step == 0:
            self.validate()
        while schedule.progress < 1:
            if not self.quantised and schedule.progress >= config.warm_share:
                self.validate()
                self.switch_on_quantiser()
                self.save()
            for name, value in self.step().items():
                sums.setdefault(name, []).append(value)
            if schedule.step % LOG_EVERY == 0:
                means = {name: sum(values) / len(values) for name, values in sums.items()}
                spent = schedule.seconds / 60
                self.log.write(step=schedule.step, minutes=spent, lr=schedule.rate, **means)
                sums.clear()
                self.data.rescan()
            if schedule.step % config.validate_every == 0:
                self.validate()
                self.save()
            if stop.asked or (minutes and time.monotonic() - began > 60 * minutes):
                break
        if schedule.progress >= 1 and schedule.step % config.validate_every:
            self.validate()
        self.save()
        return not stop.asked or schedule.progress >= 1

    def validate(self) -> None:
        """Figures of the averaged decoder on held-out music, into the log."""
        quantizer = self.quantizer if self.quantised else None
        step = self.schedule.step
        figures = self.validator(self.model.encoder, quantizer, self.average.module, f"step {step}")
        self.log.write(validate=step, **figures)

    def save(self) -> None:
        """The whole state of the run, atomically."""
        state = {
            "model": self.model.state_dict(),
            "average": {"decoder": self.average.module.state_dict()},
            "quantizer": self.quantizer.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "comparison": self.comparison.state_dict(),
            "schedule": self.schedule.state_dict(),
            "quantised": self.quantised,
            "frozen": self.frozen,
            "filters": self.config.filters,
            "torch_rng": torch.get_rng_state(),
            "data_rng": self.data.random.bit_generator.state,
        }
        atomic_save(state, self.checkpoint, keep_previous=True)

    def resume(self) -> None:
        """Everything as `save` left it; the settings are the file's."""
        state = read_checkpoint(self.checkpoint, self.device)
        self.load_weights(state)
        self.optimizer.load_state_dict(state["optimizer"])
        for (
            group
        ) in self.optimizer.param_groups:  # the program's setting wins over the checkpoint's
            group["betas"] = BETAS
        self.schedule.load_state_dict(state["schedule"])
        if "comparison" in state:  # runs of version 0 have none
            self.comparison.load_state_dict(state["comparison"])
        torch.set_rng_state(state["torch_rng"].cpu())
        self.data.random.bit_generator.state = state["data_rng"]
        self.log.write(resumed=self.schedule.step)

    def load_weights(self, state: dict[str, Any]) -> None:
        """Weights, their average and codebooks, but neither optimiser nor schedule.

        Raises BadInput where it has another number of filters.
        """
        if int(state["filters"]) != self.config.filters:
            raise BadInput(
                f"the checkpoint has {state['filters']} filters and the file says"
                f" {self.config.filters}; make them equal"
            )
        self.model.load_state_dict(state["model"])
        self.quantizer.load_state_dict(state["quantizer"])
        self.quantised = bool(state["quantised"])
        self.average.restart()
        if state.get("average") and self.config.average:
            self.average.module.load_state_dict(state["average"]["decoder"])
