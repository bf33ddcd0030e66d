"""What a model in training sounds like: a few seconds for the same prompts each time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core.codec.encodec import Codec
from core.errors import BadInput
from core.generation.params import Prompt, SamplingParams
from core.generation.token_stream import TokenStream
from core.model.checkpoint import load_codec
from core.model.conditioner import Conditioner
from core.training.codec.trainer import finished_codec
from core.training.tokens.clips import codec_digest, codec_of
from core.training.transformer.objective import Objective
from core.types import MODEL_RATE, frames_of


class Samples:
    """Generates with core's own loop and decodes with a codec, into a folder a step."""

    def __init__(
        self,
        codec: str,
        prompts: list[str],
        seconds: float,
        folder: Path,
        codebooks: int,
    ) -> None:
        """codec: a checkpoint, or the folder of a codec's run. Raises BadCheckpoint, BadInput
        where there is none or it does not fit the tokens.
        """
        self.prompts, self.seconds, self.folder = prompts, seconds, folder
        run = Path(codec) / "last.pt"
        model = finished_codec(run) if run.is_file() else load_codec(codec)[0]
        channels = codebooks // model.config.num_quantizers
        if channels not in (1, 2) or codebooks % model.config.num_quantizers:
            raise BadInput(
                f"codec {codec!r} has {model.config.num_quantizers} codebooks, the tokens have"
                f" {codebooks}; set codec to the one that made the tokens"
            )
        self.digest = codec_digest(model)
        self.codec = Codec(model.requires_grad_(False), channels)

    def check(self, tokens: Path, say: Callable[[str], None]) -> None:
        """A word where the tokens were made by another codec: samples would be noise."""
        made_by = codec_of(tokens)
        if made_by is not None and made_by != self.digest:
            say("samples are decoded with another codec than the tokens were made with; set codec")

    @torch.inference_mode()
    def write(self, objective: Objective, tokenizer: Any, step: int) -> Path:
        """A WAV a prompt (32 kHz, seeds 0, 1 …) and one PNG of spectrograms; → their folder."""
        objective.eval()
        model = objective.model
        conditioner = Conditioner(objective.text, tokenizer, model)
        folder = self.folder / f"step-{step:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        clips = []
        for number, prompt in enumerate(self.prompts):
            stream = TokenStream(
                model,
                conditioner,
                Prompt(prompt),
                SamplingParams(seed=number),
                frames=frames_of(self.seconds),
            )
            frames = []
            while (frame := stream.next_frame()) is not None:
                frames.append(frame)
            pcm = self.codec.decode(torch.stack(frames, dim=1).cpu().numpy())
            words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40]
            soundfile.write(folder / f"{number}-{words}.wav", np.clip(pcm, -1, 1), MODEL_RATE)
            clips.append(pcm.mean(axis=1))
        draw_spectrograms(clips, self.prompts, folder / "spectrograms.png")
        return folder


def draw_spectrograms(clips: list[NDArray[np.float32]], titles: list[str], path: Path) -> None:
    """Mono clips at 32 kHz one below the other, up to 16 kHz."""
    figure = Figure(figsize=(10, 2.4 * len(clips)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.ravel(figure.subplots(len(clips), 1, sharex=True))
    for axis, clip, title in zip(axes, clips, titles, strict=True):
        axis.specgram(clip + 1e-7, NFFT=1024, noverlap=512, Fs=MODEL_RATE, vmin=-120, vmax=-20)
        axis.set_title(title or "(no text)", fontsize=9)
    figure.savefig(path, dpi=60)
