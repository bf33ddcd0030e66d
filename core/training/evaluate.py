"""What a model makes of prompts, in figures and pictures: does the text make a difference?

    python -m core.training.evaluate MODEL OUT_FOLDER [--audio FOLDER]

Generates clips for each prompt with seeds 0, 1, 2 … and measures each with librosa. Writes
`prompts.md` (a table of medians and ranges), `prompts.json` (every clip's figures) and one
spectrogram sheet a prompt. With `--audio`, a folder of music the model has not seen, it also
measures the codec on it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import matplotlib
import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from rich.progress import track

from core.codec.encodec import Codec
from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.checkpoint import LoadedModel, load_checkpoint
from core.training.audio_folder import audio_files
from core.training.codec_losses import log_mel_distance
from core.types import MODEL_RATE, frames_of

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PROMPTS = ("drums only", "solo piano", "bass line")


@dataclass(frozen=True, slots=True)
class Figures:
    """rms: dBFS. peak: linear. centroid: Hz, weighted by energy. onsets: a second. tempo: bpm.

    pitched: share of energy in the harmonic part (librosa's median-filter separation).
    """

    rms: float
    peak: float
    centroid: float
    onsets: float
    tempo: float
    pitched: float


def measure(pcm: NDArray[np.float32]) -> Figures:
    """pcm: mono float32 at 32 kHz."""
    spectrum = np.abs(librosa.stft(pcm, n_fft=2048, hop_length=512))
    power = (spectrum**2).sum(axis=0)
    centroid = librosa.feature.spectral_centroid(S=spectrum, sr=MODEL_RATE)[0]
    envelope = librosa.onset.onset_strength(y=pcm, sr=MODEL_RATE)
    onsets = librosa.onset.onset_detect(onset_envelope=envelope, sr=MODEL_RATE)
    tempo = librosa.feature.tempo(onset_envelope=envelope, sr=MODEL_RATE)
    harmonic, percussive = librosa.decompose.hpss(spectrum)
    energy = (harmonic**2).sum(), (percussive**2).sum()
    return Figures(
        rms=float(20 * np.log10(np.sqrt(np.mean(pcm**2)) + 1e-9)),
        peak=float(np.abs(pcm).max()),
        centroid=float((centroid * power).sum() / (power.sum() + 1e-9)),
        onsets=len(onsets) / (len(pcm) / MODEL_RATE),
        tempo=float(tempo[0]),
        pitched=float(energy[0] / (sum(energy) + 1e-9)),
    )


@torch.inference_mode()
def generate(
    loaded: LoadedModel, prompt: str, seconds: float, sampling: SamplingParams
) -> NDArray[np.float32]:
    """One clip [samples, channels] at 32 kHz, decoded whole."""
    stream = TokenStream(
        loaded.lm, loaded.conditioner, Prompt(prompt), sampling, frames=frames_of(seconds)
    )
    frames = []
    while (frame := stream.next_frame()) is not None:
        frames.append(frame)
    codec = Codec(loaded.codec, loaded.config.audio_channels)
    return codec.decode(torch.stack(frames, dim=1).numpy())


@torch.inference_mode()
def codec_figures(loaded: LoadedModel, folder: Path, seconds: float = 8.0) -> dict[str, float]:
    """The codec on the first `seconds` of each file of a folder of 32 kHz audio.

    sdr_db: signal to distortion, mean over clips. log_mel: `log_mel_distance`, and
    log_mel_of_silence: the same for silence, as a yardstick. used_K, perplexity_K: entries of
    codebook K that occur at all, and the exponential of their entropy.
    """
    codec = Codec(loaded.codec, 1)
    sdr, mel, mel_silence, codes = [], [], [], []
    for path in audio_files(folder):
        pcm, _ = soundfile.read(path, dtype="float32", always_2d=True)
        real = pcm[: int(seconds * MODEL_RATE)].mean(axis=1, keepdims=True)
        codes.append(codec.encode(real))
        made = codec.decode(codes[-1])[: len(real)]
        real = real[: len(made)]
        sdr.append(10 * np.log10((real**2).sum() / ((made - real) ** 2).sum()))
        a, b = torch.from_numpy(made.T)[None], torch.from_numpy(real.T.copy())[None]
        mel.append(log_mel_distance(a, b))
        mel_silence.append(log_mel_distance(torch.zeros_like(b), b))
    figures = {
        "clips": float(len(sdr)),
        "sdr_db": float(np.mean(sdr)),
        "log_mel": float(np.mean(mel)),
        "log_mel_of_silence": float(np.mean(mel_silence)),
    }
    for k, book in enumerate(np.concatenate(codes, axis=1)):
        share = np.bincount(book, minlength=loaded.config.vocab) / len(book)
        share = share[share > 0]
        figures[f"used_{k}"] = float(len(share))
        figures[f"perplexity_{k}"] = float(np.exp(-(share * np.log(share)).sum()))
    return figures


def sheet(clips: Sequence[NDArray[np.float32]], title: str, path: Path) -> None:
    """Spectrograms of the clips (mono) side by side, up to 16 kHz."""
    fig, axes = plt.subplots(2, -(-len(clips) // 2), figsize=(16, 5), sharex=True, sharey=True)
    for axis, clip in zip(np.ravel(axes), clips, strict=False):
        axis.specgram(clip + 1e-7, NFFT=1024, noverlap=512, Fs=MODEL_RATE, vmin=-120, vmax=-20)
    fig.suptitle(title)
    fig.tight_layout()
    fig.savefig(path, dpi=55)
    plt.close(fig)


def table(found: dict[str, list[Figures]]) -> str:
    """Markdown: the median of each figure, its range in brackets."""

    def cell(values: list[float], digits: int) -> str:
        low, middle, high = min(values), float(np.median(values)), max(values)
        return f"{middle:.{digits}f} ({low:.{digits}f} … {high:.{digits}f})"

    lines = [
        "| prompt | clips | RMS, dBFS | peak | spectral centroid, Hz | onsets a second"
        " | tempo found, bpm | pitched share |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for prompt, rows in found.items():
        cells = [
            cell([getattr(row, name) for row in rows], digits)
            for name, digits in (
                ("rms", 1), ("peak", 2), ("centroid", 0), ("onsets", 1), ("tempo", 0),
                ("pitched", 2),
            )
        ]  # fmt: skip
        lines.append(f"| {prompt} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--prompts", nargs="+", default=list(PROMPTS))
    parser.add_argument("--audio", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    loaded = load_checkpoint(given.model)
    if given.audio:
        figures = codec_figures(loaded, given.audio)
        (given.out / "codec.json").write_text(json.dumps(figures, indent=1))
        print(figures)
    found: dict[str, list[Figures]] = {}
    for prompt in given.prompts:
        clips = [
            generate(loaded, prompt, given.seconds, SamplingParams(seed=seed)).mean(axis=1)
            for seed in track(range(given.clips), description=prompt)
        ]
        found[prompt] = [measure(clip) for clip in clips]
        name = prompt.replace(" ", "-").replace(",", "")
        sheet(clips, f"“{prompt}”, seeds 0 to {given.clips - 1}", given.out / f"{name}.png")
    (given.out / "prompts.md").write_text(table(found))
    (given.out / "prompts.json").write_text(
        json.dumps({p: [asdict(row) for row in rows] for p, rows in found.items()}, indent=1)
    )
    print(table(found))


if __name__ == "__main__":
    main()
