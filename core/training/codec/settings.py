"""A codec's training run, as its TOML file says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.errors import BadInput
from core.training.run.config_file import read_config
from core.training.run.length import RunLength


@dataclass(frozen=True, slots=True)
class CodecTraining:
    """A run, as its TOML file says it. How long: core/training/run/length.py.

    Shares of the run are from 0 to 1; weights are norms of gradients beside the mel loss's
    (core/training/codec/balancer.py).

    With `weights_from`, warm_share 0 and freeze_share 0, the run tunes the decoder alone, on
    tokens that stay what they are.
    """

    audio: Path  # folder of music
    out: Path  # checkpoints, log, pictures
    held_out: Path | None = None  # folder of other music to measure on; else:
    held_out_share: float = 0.05  # of the files in `audio`, by the hash of their names
    weights_from: Path | None = None  # checkpoint of another run (last.pt) to start from
    filters: int = 16
    steps: int | None = None
    minutes: float | None = None
    warm_share: float = 0.25  # of the run, before the quantiser is switched on
    freeze_share: float = 1.0  # of the run; then encoder and codebooks stay, so tokens do too
    batch: int = 4
    segment_seconds: float = 0.6
    rate: float = 3e-4
    latent_penalty: float = 0.02
    commitment: float = 0.5
    wave_weight: float = 0.4  # at the start: without it only envelopes of noise are learnt
    wave_weight_end: float = 0.01  # geometric in between; later the spectrum counts for more
    spectrum_weight: float = 0.35  # compressed complex spectra: partials in phase, not noise
    spectrum_windows: tuple[int, ...] = (2048,)
    spectrum_power: float = 0.5  # of the magnitude, in (0, 1]; lower: quiet partials count more
    fine_weight: float = 0.35  # log spectra, in which the gaps between partials show
    fine_windows: tuple[int, ...] = (4096,)
    adversarial_share: float = 0.7  # of the run, before the adversary joins; 1: never
    adversarial_weight: float = 0.1
    feature_weight: float = 2.0  # feature matching, beside the hinge loss's 1
    discriminator_filters: int = 4
    discriminator_windows: tuple[int, ...] = (1024, 4096)
    discriminator_power: float = 0.3  # of its spectra's magnitude; 1 is EnCodec's own
    discriminator_rate: float = 3e-4
    average: float = 0.999  # moving average of the decoder, for validation and export; 0: none
    seed: int = 1
    validate_every: int = 500

    def __post_init__(self) -> None:
        for key in ("warm_share", "freeze_share", "adversarial_share"):
            if not getattr(self, key) >= 0:
                raise BadInput(f"{key} is {getattr(self, key)}; choose a share of the run, 0 to 1")
        for key in ("filters", "steps", "minutes", "batch", "rate", "validate_every"):
            if getattr(self, key) is not None and not getattr(self, key) > 0:
                raise BadInput(f"{key} is {getattr(self, key)}; choose one above 0")
        if self.weights_from is None and self.freeze_share < self.warm_share:
            raise BadInput(
                f"freeze_share {self.freeze_share} lies before warm_share {self.warm_share}, where"
                " there are no tokens to keep; raise it, or name a codec's run in weights_from"
            )
        for key in ("spectrum_power", "discriminator_power"):
            if not 0 < getattr(self, key) <= 1:
                raise BadInput(f"{key} is {getattr(self, key)}; choose one above 0, up to 1")
        if not 0 <= self.average < 1:
            raise BadInput(f"average is {self.average}; choose one from 0 to below 1")
        longest = max(*self.spectrum_windows, *self.fine_windows, *self.discriminator_windows, 2048)
        if self.segment < longest:
            raise BadInput(
                f"segment_seconds {self.segment_seconds} is {self.segment} samples, shorter than "
                f"the longest window, {longest}; lengthen it or shorten the windows"
            )

    @property
    def segment(self) -> int:
        """Samples of one training segment: whole frames of the codec."""
        return int(self.segment_seconds * 50) * 640

    @property
    def length(self) -> RunLength:
        return RunLength.of(self.steps, self.minutes)

    @classmethod
    def read(cls, path: Path) -> CodecTraining:
        """Raises BadInput that names a key the file should not have, or a value out of range."""
        return read_config(cls, path, folders=("audio", "out"))
