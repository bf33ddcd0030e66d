"""All figures of one model, from its codec to what its prompts bring about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.progress import track

from core.codec.soft_clip import soft_clip
from core.training.composer.score import Piece
from core.training.measure import codec_figures as codec
from core.training.measure.clip_figures import Heard, clip_figures, hear
from core.training.measure.cross_entropy import cross_entropy, unigram_entropy
from core.training.measure.material import PIECES_TO_LEARN_FROM, Codes, Material, Passed
from core.training.measure.prompts import Asked, prompts
from core.training.measure.report import Figure, Target
from core.training.measure.spectra import Clip


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures, and the clips that the pictures show. generated: as played, in prompt order."""

    figures: list[Figure]
    pieces: list[Piece]
    real: list[Clip]
    coded: list[Clip]
    asked: list[Asked]
    generated: list[Clip]


def evaluate(material: Material, clips: int, learn_from: int = PIECES_TO_LEARN_FROM) -> Evaluation:
    """Measure a model on `clips` generated clips and half as many held-out ones.

    learn_from: composed pieces that the classifier is trained on.
    """
    asked = prompts(clips)
    pieces = [one.piece for one in asked[::2]]
    real = material.clips(pieces)
    passed = material.passed(real)
    classifier, learnt = material.classifier(learn_from)
    figures = _codec_figures(material, real, passed)
    figures += _language_figures(material, passed.codes, [one.text for one in asked[::2]], learnt)
    raw = [material.decode(codes) for codes in track(material.generate(asked), "decoding")]
    played = [soft_clip(clip) for clip in raw]
    heard = Heard(
        asked,
        raw,
        hear([one.piece for one in asked], played, classifier, "hearing generated clips"),
        hear(pieces, real, classifier, "hearing held-out clips"),
        hear(pieces, passed.clips, classifier, "hearing them through the codec"),
    )
    figures += clip_figures(heard)
    return Evaluation(figures, pieces, real, passed.clips, asked, played)


def _codec_figures(material: Material, real: list[Clip], passed: Passed) -> list[Figure]:
    pairs = list(zip(passed.clips, real, strict=True))
    made = float(np.mean([codec.distance(*pair) for pair in track(pairs, "codec's distance")]))
    frame = float(np.mean([codec.frame_baseline(clip) for clip in real]))
    noise = float(np.mean([codec.noise_baseline(clip) for clip in real]))
    vocab = material.loaded.config.vocab
    used, perplexities = codec.share_used(passed.codes, vocab), codec.perplexity(passed.codes)
    seen = sum(codes.shape[1] for codes in passed.codes)
    figures = [
        Figure(
            "codec_logmel_ratio", made / frame, "of the baseline's distance",
            f"log-mel distance {made:.3f}; baseline: every frame is the clip's mean spectrum",
            frame, made / frame, Target("≤", 0.5),
        ),
        Figure(
            "codec_logmel_noise_ratio", made / noise, "of the baseline's distance",
            "the same against noise in the shape of the clip's mean spectrum",
            noise, made / noise,
        ),
        Figure(
            "codebook_use", min(used), "share of the entries",
            f"the least used of the codebooks, in {seen} frames", target=Target(">", 0.6),
        ),
        Figure(
            "codec_sdr", float(np.mean([codec.sdr_db(*pair) for pair in pairs])), "dB",
            "waveform error of the codec, mean over held-out clips",
        ),
    ]  # fmt: skip
    for k, (share, spread) in enumerate(zip(used, perplexities, strict=True)):
        figures += [
            Figure(f"codebook_use_{k}", share, "share of the entries", f"codebook {k}"),
            Figure(f"codebook_perplexity_{k}", spread, f"of {vocab} entries", f"codebook {k}"),
        ]
    return figures


def _language_figures(
    material: Material, codes: list[Codes], texts: Sequence[str], learnt: Codes
) -> list[Figure]:
    loaded = material.loaded
    pairs = list(zip(codes, texts, strict=True))
    told = np.mean([cross_entropy(loaded, *pair) for pair in track(pairs, "cross-entropy")], axis=0)
    null = np.mean([cross_entropy(loaded, own, "") for own in codes], axis=0)
    unigram = unigram_entropy([learnt], codes, loaded.config.vocab)
    figures = [
        Figure(
            f"cross_entropy_{k}", float(value), "nats a code",
            f"codebook {k} of held-out clips; baseline: frequencies of the codes of other pieces",
            alone, float(value) / alone,
        )
        for k, (value, alone) in enumerate(zip(told, unigram, strict=True))
    ]  # fmt: skip
    gain = float(np.mean(null) - np.mean(told))
    return [
        *figures,
        Figure("text_gain", gain, "nats a code", "cross-entropy that the prompt takes away, mean"),
    ]
