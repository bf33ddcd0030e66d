"""Everything that is measured: held-out clips, the classifier's clips, generated clips.

All of it is kept below one folder, so that a second run is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from rich.progress import Progress, track

from core.codec.encodec import Codec
from core.codec.soft_clip import soft_clip
from core.errors import BadInput
from core.generation.params import SamplingParams
from core.model.checkpoint import LoadedModel
from core.training.composer.compose import compose, plan
from core.training.composer.score import Piece
from core.training.measure import features as feature_module
from core.training.measure import spectra, tempo
from core.training.measure.batch import Wanted, batches, generate_codes
from core.training.measure.cache import kept
from core.training.measure.classifier import Classifier
from core.training.measure.composed import composed_paths
from core.training.measure.features import features
from core.training.measure.prompts import CLASSIFIER_SEED, CLIP_SECONDS, Asked, held_out_piece
from core.training.measure.spectra import Clip
from core.types import SAMPLES_PER_FRAME, frames_of

PIECES_TO_LEARN_FROM = 600
_LOOP = "1"  # another where the same prompt and seed give other codes than before
_THROUGH_CODEC = 2  # every second of those also passes the codec

Rows = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Passed:
    """Clips after the codec: their codes [codebooks, frames] and what it made of them."""

    codes: list[Codes]
    clips: list[Clip]


class Material:
    """One model's clips. Mono models only: the composer's music is mono here."""

    def __init__(self, loaded: LoadedModel, folder: Path) -> None:
        """Raises BadInput for a stereo model."""
        if loaded.config.audio_channels != 1:
            raise BadInput("the measures are for mono models; give one with one audio channel")
        self.loaded, self.folder = loaded, folder
        self._codec = Codec(loaded.codec, 1)

    def pieces(self, count: int) -> list[Piece]:
        return [held_out_piece(index) for index in range(count)]

    def clips(self, pieces: Sequence[Piece]) -> list[Clip]:
        """Held-out clips as they were composed."""
        return [_read(path) for path in composed_paths(pieces, self.folder, "held-out clips")]

    def passed(self, clips: Sequence[Clip]) -> Passed:
        """The clips encoded and decoded."""
        codes = [self._codec.encode(clip[:, None]) for clip in track(clips, "codec, held-out")]
        made = [self.decode(own)[: len(clip)] for own, clip in zip(codes, clips, strict=True)]
        return Passed(codes, made)

    def decode(self, codes: Codes) -> Clip:
        """The decoder's own output, peaks and all."""
        return self._codec.decode(codes)[:, 0]

    def generate(self, asked: Sequence[Asked]) -> list[Codes]:
        """Codes of a clip a prompt, with the application's default guidance and sampling."""
        wanted = [Wanted(one.text, one.seed) for one in asked]
        frames = frames_of(CLIP_SECONDS)
        made: dict[int, Codes] = {}
        with Progress() as progress:
            task = progress.add_task("generating", total=len(wanted))
            for places in batches(self.loaded, wanted):
                # kept a batch at a time: a run that was stopped goes on from the next
                some = [wanted[place] for place in places]
                found = kept(
                    self.folder / "generated",
                    "codes",
                    (self.loaded.digest, some, frames, SamplingParams(), _LOOP),
                    lambda some=some: {
                        "codes": np.stack(generate_codes(self.loaded, some, frames))
                    },
                )
                made |= dict(zip(places, found["codes"], strict=True))
                progress.advance(task, len(places))
        return [made[place] for place in range(len(wanted))]

    def classifier(self, pieces: int) -> tuple[Classifier, Codes]:
        """The classifier, and codes [codebooks, frames] of the music that it learnt from."""
        learnt = [compose(*plan(CLASSIFIER_SEED, index)) for index in range(pieces)]
        paths = composed_paths(learnt, self.folder, "clips to learn from")
        source = _sources(feature_module.__file__, spectra.__file__, tempo.__file__)
        names = [path.name for path in paths]

        def plain() -> dict[str, NDArray]:
            rows = [features(_read(path)) for path in track(paths, "features")]
            return {"rows": np.stack(rows)}

        def through_codec() -> dict[str, NDArray]:
            rows, codes = [], []
            for path in track(paths[::_THROUGH_CODEC], "features through the codec"):
                codes.append(self._codec.encode(_read(path)[:, None]))
                rows.append(features(soft_clip(self.decode(codes[-1]))))
            return {"rows": np.stack(rows), "codes": np.concatenate(codes, axis=1)}

        direct = kept(self.folder, "features", (names, source), plain)
        coded = kept(
            self.folder, "features-codec", (names, source, self.loaded.digest), through_codec
        )
        both = [*learnt, *learnt[::_THROUGH_CODEC]]
        classifier = Classifier(
            np.concatenate([direct["rows"], coded["rows"]]),
            [piece.style for piece in both],
            [piece.subset for piece in both],
        )
        return classifier, coded["codes"]


def rows_of(clips: Sequence[Clip]) -> Rows:
    """Features [clips, features]."""
    return np.stack([features(clip) for clip in clips])


def _read(path: Path) -> Clip:
    """A whole number of codec frames of it."""
    pcm = np.asarray(soundfile.read(path, dtype="float32")[0])
    return pcm[: len(pcm) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME]


def _sources(*files: str) -> tuple[str, ...]:
    return tuple(Path(file).read_text(encoding="utf-8") for file in files)
