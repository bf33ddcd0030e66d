"""Train the EnCodec codec: an auto-encoder first, then with its quantiser.

    python -m core.training.codec core/training/configs/starter-codec.toml

Stage one trains encoder and decoder without a quantiser, a small penalty on the latents'
power holding their scale near one. Stage two starts the codebooks by k-means over latents
and goes on through the quantiser (straight-through gradient, moving-average codebooks). Stage
three leaves encoder and codebooks alone and tunes the decoder, while the Transformer can
already be trained on the tokens.
Learnt by trying: bfloat16 autocast left the latents constant in time, without the penalty
their deviation grew to hundreds, and audio quieter than an RMS of about 0.1 taught nothing.
Mel losses alone left the decoder at noise in the shape of the envelope (SDR below 0 dB after
1,500 steps); with a strong waveform term at the start it reached 2.8 dB after 220. A rate of
1e-3 stalls: lowered to 2e-4, the mel loss fell from 1.84 to 1.50 within 150 steps.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import soundfile
import torch
from torch import Tensor
from transformers import EncodecConfig, EncodecModel

from core.training.audio_folder import AudioFolder
from core.training.codec_losses import MultiScaleMel, log_mel_distance
from core.training.quantizer import make_quantizer, revive_dead_entries, start_from_latents
from core.training.run import Log, Schedule, atomic_save, read_config
from core.types import MODEL_RATE

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@dataclass(frozen=True, slots=True)
class CodecTraining:
    """A run, as its TOML file says it."""

    audio: Path  # folder of 32 kHz audio
    out: Path  # checkpoints, log, pictures
    filters: int = 16
    steps: int = 12_000
    minutes: float = 60.0
    warm_share: float = 0.25  # of the run, before the quantiser is switched on
    freeze_share: float = 1.0  # of the run; then encoder and codebooks stay, so tokens do too
    batch: int = 4
    segment_seconds: float = 1.0
    rate: float = 3e-4
    latent_penalty: float = 0.02
    commitment: float = 0.5
    wave_weight: float = 2.0  # at the start: without it only envelopes of noise are learnt
    wave_weight_end: float = 0.4  # later the spectrum counts for more
    seed: int = 1
    validate_every: int = 500

    @classmethod
    def read(cls, path: Path) -> CodecTraining:
        """Raises BadInput that names a key the file should not have."""
        return read_config(cls, path, folders=("audio", "out"))


def codec_config(filters: int) -> EncodecConfig:
    """The public 32 kHz codec's geometry (facebook/encodec_32khz) with fewer filters."""
    return EncodecConfig(
        sampling_rate=MODEL_RATE,
        audio_channels=1,
        normalize=False,
        target_bandwidths=[2.2],
        upsampling_ratios=[8, 5, 4, 4],
        num_filters=filters,
        hidden_size=128,
        codebook_size=2048,
        codebook_dim=128,
        num_lstm_layers=2,
        use_causal_conv=False,
        use_conv_shortcut=False,
        norm_type="weight_norm",
        chunk_length_s=None,
        overlap=None,
    )


@torch.no_grad()
def scale_layers(model: EncodecModel, audio: Tensor) -> None:
    """Scale each convolution so that its output has unit deviation over `audio` [B, 1, S].

    With PyTorch's own start each layer weakens the signal by about sqrt(3), so that after
    twenty layers only the biases are left: the latents are then constant in time and the
    decoder hums the mean spectrum for thousands of steps. (Layer-sequential unit variance:
    Mishkin and Matas, 2016, arXiv:1511.06422.)
    """
    hooks = []
    last = list(model.decoder.layers)[-1].conv

    def rescale(module: torch.nn.Module, _: object, out: Tensor) -> Tensor:
        wanted = float(audio.std()) if module is last else 1.0
        out = out - module.bias[:, None]
        factor = wanted / float(out.std())
        module.parametrizations.weight.original0.mul_(factor)
        module.bias.zero_()
        return out * factor

    for module in model.modules():
        if isinstance(module, torch.nn.Conv1d | torch.nn.ConvTranspose1d):
            hooks.append(module.register_forward_hook(rescale))
    model.decoder(model.encoder(audio))
    for hook in hooks:
        hook.remove()


class CodecTrainer:
    def __init__(self, config: CodecTraining) -> None:
        self.config = config
        torch.manual_seed(config.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = EncodecModel(codec_config(config.filters)).to(self.device)
        self.quantizer = make_quantizer(128, 4, 2048).to(self.device)
        self.loss = MultiScaleMel().to(self.device)
        self.weights = [*self.model.encoder.parameters(), *self.model.decoder.parameters()]
        self.optimizer = torch.optim.AdamW(self.weights, config.rate, betas=(0.9, 0.999))
        self.schedule = Schedule(config.steps, config.minutes, config.rate)
        self.quantised = False
        self.log = Log(config.out)
        self.data = AudioFolder(config.audio, int(config.segment_seconds * MODEL_RATE), config.seed)
        held_out = AudioFolder(config.audio, 2 * MODEL_RATE, 999_999)
        self.held_out = held_out.batch(8).to(self.device)
        self.checkpoint = config.out / "last.pt"
        if self.checkpoint.exists():
            self.resume()
        else:
            scale_layers(self.model, self.held_out)

    # ------------------------------------------------------------ one step

    def step(self) -> dict[str, float]:
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate
        real = self.data.batch(config.batch).to(self.device)
        frozen = self.schedule.progress >= config.freeze_share
        with torch.set_grad_enabled(not frozen):
            latents = self.model.encoder(real)
        # held at unit scale so that the commitment loss has the same weight all through
        power = latents.pow(2).mean()
        loss_terms = {"penalty": config.latent_penalty * (power - 1).clamp_min(0)}
        carried = latents
        if frozen:
            self.quantizer.eval()
            with torch.no_grad():
                carried = self.quantizer.decode(self.quantizer.encode(latents, 50))
        elif self.quantised:
            self.quantizer.train()
            result = self.quantizer(latents, 50)
            carried = result.quantized
            loss_terms["commit"] = config.commitment * result.penalty
            if self.schedule.step % 20 == 0:
                revive_dead_entries(self.quantizer, latents.detach())
        made = self.model.decoder(carried)[..., : real.shape[-1]]
        loss_terms["mel"] = self.loss(made, real)
        wave = config.wave_weight + self.schedule.progress * (
            config.wave_weight_end - config.wave_weight
        )
        loss_terms["wave"] = wave * (made - real).abs().mean() / 0.1
        loss = torch.stack([t.reshape(()) for t in loss_terms.values()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.schedule.tick()
        figures = {k: float(v.detach()) for k, v in loss_terms.items()}
        figures["z_time_std"] = float(latents.detach().std(dim=2).mean())
        figures["z_rms"] = float(power.detach().sqrt())
        return figures

    @torch.no_grad()
    def switch_on_quantiser(self, latents_wanted: int = 20_000) -> None:
        """k-means for the codebooks over latents of the auto-encoder as it is now."""
        found: list[Tensor] = []
        while sum(len(z) for z in found) < latents_wanted:
            z = self.model.encoder(self.data.batch(8).to(self.device))
            found.append(z.permute(0, 2, 1).reshape(-1, z.shape[1]))
        start_from_latents(self.quantizer, torch.cat(found), self.config.seed)
        self.quantised = True

    def run(self) -> None:
        config = self.config
        sums: dict[str, float] = {}
        while self.schedule.progress < 1:
            if not self.quantised and self.schedule.progress >= config.warm_share:
                self.validate("autoencoder")
                self.switch_on_quantiser()
                self.save()
            for key, value in self.step().items():
                sums[key] = sums.get(key, 0.0) + value
            step = self.schedule.step
            if step % 100 == 0:
                self.log.write(
                    step=step,
                    minutes=self.schedule.seconds / 60,
                    lr=self.schedule.rate,
                    **{k: v / 100 for k, v in sums.items()},
                )
                sums.clear()
                self.data.rescan()
            if step % config.validate_every == 0:
                self.validate(f"step {step}")
                self.save()
        self.validate("end")
        self.save()

    # ------------------------------------------------------------ figures

    @torch.no_grad()
    def validate(self, title: str) -> None:
        real = self.held_out
        z = self.model.encoder(real)
        figures: dict[str, float] = {"z_time_std": float(z.std(dim=2).mean())}
        if self.quantised:
            self.quantizer.eval()
            codes = self.quantizer.encode(z, 50)
            z = self.quantizer.decode(codes)
            for q, book in enumerate(codes):
                share = torch.bincount(book.flatten(), minlength=2048).float()
                share = share[share > 0] / share.sum()
                figures[f"perplexity_{q}"] = float((-(share * share.log()).sum()).exp())
        made = self.model.decoder(z)[..., : real.shape[-1]]
        error = (made - real).pow(2).sum((1, 2))
        figures["sdr_db"] = float((10 * (real.pow(2).sum((1, 2)) / error).log10()).mean())
        figures["log_mel"] = log_mel_distance(made.cpu(), real.cpu())
        figures["log_mel_of_silence"] = log_mel_distance(torch.zeros_like(real).cpu(), real.cpu())
        self.log.write(validate=title, **figures)
        self.picture(title, real.cpu(), made.cpu())

    def picture(self, title: str, real: Tensor, made: Tensor) -> None:
        fig, axes = plt.subplots(2, 4, figsize=(16, 6), sharex=True, sharey=True)
        for i in range(4):
            for row, signal in enumerate((real, made)):
                axes[row, i].specgram(
                    signal[i, 0].numpy() + 1e-7,
                    NFFT=1024,
                    noverlap=768,
                    Fs=MODEL_RATE,
                    vmin=-120,
                    vmax=-20,
                )
        fig.suptitle(f"{title}: above real, below decoded")
        fig.savefig(self.config.out / "spectrogram.png", dpi=60)
        plt.close(fig)
        both = torch.cat([real[:4], made[:4]], dim=2).reshape(-1).numpy()
        soundfile.write(self.config.out / "samples.wav", np.clip(both, -1, 1), MODEL_RATE)

    # ------------------------------------------------------------ checkpoints

    def save(self) -> None:
        atomic_save(
            {
                "model": self.model.state_dict(),
                "quantizer": self.quantizer.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "quantised": self.quantised,
                "filters": self.config.filters,
                "torch_rng": torch.get_rng_state(),
                "data_rng": self.data.random.bit_generator.state,
            },
            self.checkpoint,
        )

    def resume(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.quantizer.load_state_dict(state["quantizer"])
        self.optimizer.load_state_dict(state["optimizer"])
        for group in self.optimizer.param_groups:  # the file's setting wins over the checkpoint's
            group["betas"] = (0.9, 0.999)
        self.schedule.load_state_dict(state["schedule"])
        self.quantised = bool(state["quantised"])
        torch.set_rng_state(state["torch_rng"].cpu())
        self.data.random.bit_generator.state = state["data_rng"]
        self.log.write(resumed=self.schedule.step)


def finished_codec(checkpoint: Path) -> EncodecModel:
    """The trained codec as `transformers` runs it, codebooks filled in. On the CPU."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    model = EncodecModel(codec_config(int(state["filters"])))
    model.load_state_dict(state["model"])
    for q, layer in enumerate(model.quantizer.layers):
        embed = state["quantizer"][f"vq.layers.{q}._codebook.embed"]
        layer.codebook.embed.copy_(embed)
        layer.codebook.embed_avg.copy_(embed)
        layer.codebook.cluster_size.fill_(1.0)
        layer.codebook.inited.fill_(True)
    return model.eval()


if __name__ == "__main__":
    CodecTrainer(CodecTraining.read(Path(sys.argv[1]))).run()
