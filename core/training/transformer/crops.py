"""Batches of crops of token clips, drawn by one rule from the seed and the step.

A batch depends on nothing else, so that a resumed run draws what an uninterrupted one does,
and several processes each draw the whole batch and take their own rows.
"""

from __future__ import annotations

import string
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from core.errors import BadInput
from core.training.tokens.clips import TokenClip, read_tokens
from core.types import FRAME_RATE

IGNORED = -100  # cross-entropy's own mark
VOCAB = 2_048  # entries of a codebook, as in every public codec for MusicGen
STRANGE_SHARE = 0.5  # of the captions get words that mean nothing
# English letters in per mille, a to z (Lewand, 2000, "Cryptological Mathematics").
_LETTERS = np.array(
    [82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2,
     20, 1], float,
)  # fmt: skip
_LETTERS /= _LETTERS.sum()
LEAD_IN = 2 * FRAME_RATE  # frames of context before the loss counts in a crop off the bar


class CropSettings(Protocol):
    """What a run's settings say about its crops."""

    @property
    def frames_a_step(self) -> int: ...
    @property
    def text_dropout(self) -> float: ...
    @property
    def off_bar(self) -> float: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Batch:
    codes: Tensor  # int64 [B, K, F], padded with the special token
    lengths: list[int]
    quiet: list[int]  # frames at the start that carry no loss
    captions: list[str]  # '' where the text is dropped
    metre: list[Metre | None] = field(default_factory=list)  # of each row; empty: none is known


class Metre(NamedTuple):
    """Where a row's frames lie between bar lines."""

    bar: float  # position of the first frame, in bars
    bars_a_frame: float
    beats_a_bar: float


class Row(NamedTuple):
    """One clip or crop: codes [K, F] and what `Batch` says of it."""

    codes: np.ndarray
    quiet: int = 0
    caption: str = ""
    metre: Metre | None = None


def read_clips(folder: Path) -> list[TokenClip]:
    """A folder's clips. Raises BadInput where they differ in shape or do not fit the model."""
    clips = read_tokens(folder)
    books = {clip.codes.shape[0] for clip in clips}
    if len(books) > 1:
        raise BadInput(f"clips in {folder} have {books} codebooks; tokenize them with one codec")
    ends = [int(end) for clip in clips for end in (clip.codes.min(), clip.codes.max())]
    if min(ends) < 0 or max(ends) >= VOCAB:
        raise BadInput(
            f"{folder} holds codes from {min(ends)} to {max(ends)}; the model knows 0 to"
            f" {VOCAB - 1}: tokenize with a codec of at most {VOCAB} entries a codebook"
        )
    return clips


def code_counts(clips: list[TokenClip], vocab: int) -> Tensor:
    """How often each code occurs, float32 [K, vocab]."""
    books = range(clips[0].codes.shape[0])
    found = [sum(np.bincount(clip.codes[k], minlength=vocab) for clip in clips) for k in books]
    return torch.from_numpy(np.stack(found)).float()


def split_held_out(clips: list[TokenClip], share: float) -> tuple[list[TokenClip], list[TokenClip]]:
    """(clips to train on, clips kept for validation), a `share` 0 … 1 of them at about.

    By name, so that clips added later do not move others across the line; pieces of one
    recording ("song.wav#3") stay together. None is kept where so few clips give none, or where
    nothing would be left to train on.
    """
    ranked = [(zlib.crc32(clip.name.partition("#")[0].encode()) / 2**32, clip) for clip in clips]
    kept = [clip for rank, clip in ranked if rank < share]
    trained = [clip for rank, clip in ranked if rank >= share]
    return (trained, kept) if trained else (clips, [])


class Crops:
    """Draws batches of crops of the clips."""

    def __init__(self, clips: list[TokenClip], config: CropSettings, special: int) -> None:
        self.clips, self.config, self.special = clips, config, special

    def rows(self, length: int) -> int:
        return max(1, self.config.frames_a_step // length)

    def batch(self, length: int, step: int) -> Batch:
        """The batch of optimizer step `step`: crops of at most `length` frames."""
        random = np.random.default_rng((self.config.seed, step))
        rows = [self._crop(length, random) for _ in range(self.rows(length))]
        return padded(rows, self.special)

    def _crop(self, length: int, random: np.random.Generator) -> Row:
        clip = self.clips[random.integers(len(self.clips))]
        total = clip.codes.shape[1]
        spare = max(0, total - length)
        start, quiet = 0, 0
        if spare and length > LEAD_IN and random.random() < self.config.off_bar:
            start, quiet = int(random.integers(spare + 1)), LEAD_IN
        elif spare and clip.frames_a_bar:
            # half of the crops start where the piece does
            bars = int(spare / clip.frames_a_bar)
            bar = int(random.integers(bars + 1)) if random.random() < 0.5 else 0
            start = round(bar * clip.frames_a_bar)
        caption = ""
        if clip.captions and random.random() >= self.config.text_dropout:
            caption = spelled(clip.captions[random.integers(len(clip.captions))], random)
        metre = None
        if clip.frames_a_bar:
            beats = float(clip.facts.get("beats_per_bar", 4))
            metre = Metre(start / clip.frames_a_bar, 1 / clip.frames_a_bar, beats)
        return Row(clip.codes[:, start : start + length], quiet, caption, metre)


def spelled(caption: str, random: np.random.Generator) -> str:
    """As people write it: with capitals, and with words that no training caption has.

    The tokenizer spells such words out. A model that has never met them takes them for music;
    one that has met many that say nothing passes over them.
    """
    if random.random() < STRANGE_SHARE:
        caption = _among_strange_words(caption, random)
    draw = random.random()
    if draw < 0.08:
        return caption.capitalize()
    return caption.title() if draw < 0.12 else caption


def _among_strange_words(caption: str, random: np.random.Generator) -> str:
    words = caption.split(" ")
    for _ in range(int(random.integers(1, 7))):
        letters = random.choice(26, int(random.integers(1, 10)), p=_LETTERS)
        strange = "".join(string.ascii_lowercase[letter] for letter in letters)
        words.insert(int(random.integers(len(words) + 1)), strange)
    return " ".join(words)


def padded(rows: list[Row], special: int) -> Batch:
    """Rows as one batch, the shorter ones filled up with the special token."""
    longest = max(row.codes.shape[1] for row in rows)
    whole = np.full((len(rows), rows[0].codes.shape[0], longest), special, dtype=np.int64)
    for filled, row in zip(whole, rows, strict=True):
        filled[:, : row.codes.shape[1]] = row.codes
    return Batch(
        torch.from_numpy(whole),
        [row.codes.shape[1] for row in rows],
        [row.quiet for row in rows],
        [row.caption for row in rows],
        [row.metre for row in rows],
    )


def targets_of(delayed: Tensor, batch: Batch, delays: tuple[int, ...], special: int) -> Tensor:
    """What each step must predict [B, K, S-1]; IGNORED where there is no code or no loss."""
    targets = delayed[..., 1:].clone()
    targets[targets == special] = IGNORED
    for row, quiet in enumerate(batch.quiet):
        if quiet:
            for book, delay in enumerate(delays):
                targets[row, book, : quiet + delay] = IGNORED
    return targets
