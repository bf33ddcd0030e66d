"""What generated clips are, held against their prompts, real clips and chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.progress import track

from core.training.composer.score import Piece
from core.training.measure import levels
from core.training.measure.classifier import Classifier, accuracy, chance, frechet_distance
from core.training.measure.key import Key, estimate_key, key_score, parse_key
from core.training.measure.material import Rows, rows_of
from core.training.measure.prompts import Asked, has_beat
from core.training.measure.report import Figure, Target
from core.training.measure.spectra import Clip
from core.training.measure.tempo import estimate_tempo, within, within_octaves

_SPACE = 32  # of the classifier's components: 100 clips fill no covariance of 96
_FADED = -12.0  # dB of the last beat against the rest

Rule = Callable[[float | None, float], bool]


@dataclass(frozen=True, slots=True)
class Sound:
    """What was heard in clips that should sound like `pieces`, one entry a clip."""

    pieces: list[Piece]
    tempi: list[float | None]
    keys: list[Key | None]
    styles: list[str]
    players: list[str]
    silent: list[bool]
    ends: list[float]
    embedded: Rows

    def style_accuracy(self, where: Sequence[int]) -> float:
        return accuracy([self.styles[i] for i in where], [self.pieces[i].style for i in where])

    def player_accuracy(self, where: Sequence[int]) -> float:
        return accuracy([self.players[i] for i in where], [self.pieces[i].subset for i in where])

    def class_accuracy(self, styled: Sequence[int], where: Sequence[int]) -> float:
        """Mean of both accuracies; style only where it was asked for."""
        return (self.style_accuracy(styled) + self.player_accuracy(where)) / 2

    def tempo_share(self, where: Sequence[int], rule: Rule = within_octaves) -> float:
        return _share([rule(self.tempi[i], self.pieces[i].tempo) for i in where])

    def key_mean(self, where: Sequence[int], score: Callable[[Key | None, Key], float]) -> float:
        return _share([score(self.keys[i], parse_key(self.pieces[i].key)) for i in where])


@dataclass(frozen=True, slots=True)
class Heard:
    """made: the generated clips as played, in the order of `asked`; raw: before the limiter.

    real, coded: the held-out clips of every second prompt, and those through the codec.
    """

    asked: list[Asked]
    raw: list[Clip]
    made: Sound
    real: Sound
    coded: Sound


def hear(pieces: list[Piece], clips: list[Clip], classifier: Classifier, what: str) -> Sound:
    """Every estimator on every clip."""
    rows, tempi, keys = [], [], []
    for clip in track(clips, what):
        rows.append(rows_of([clip])[0])
        tempi.append(estimate_tempo(clip))
        keys.append(estimate_key(clip))
    table = np.stack(rows)
    return Sound(
        pieces, tempi, keys, classifier.styles(table), classifier.players(table),
        [levels.is_silent(clip) for clip in clips],
        [levels.end_level(clip, piece.tempo) for clip, piece in zip(clips, pieces, strict=True)],
        classifier.embed(table)[:, :_SPACE],
    )  # fmt: skip


def clip_figures(heard: Heard) -> list[Figure]:
    return [
        *_tempo(heard), *_class(heard), *_wording(heard), *_key(heard), *_level(heard),
        *_distance(heard),
    ]  # fmt: skip


def _tempo(heard: Heard) -> list[Figure]:
    made = [i for i, one in enumerate(heard.asked) if has_beat(one.piece)]
    real = [i for i, piece in enumerate(heard.real.pieces) if has_beat(piece)]
    right, truth = heard.made.tempo_share(made), heard.real.tempo_share(real)
    tempi = [heard.asked[i].piece.tempo for i in made]
    dealt = _share([within_octaves(heard.made.tempi[i], tempo) for i in made for tempo in tempi])
    return [
        Figure(
            "tempo_within_2pct", right, "share of clips with a beat",
            f"the pulse is the prompt's, its double or its half; {len(made)} clips; baseline: "
            "composed held-out clips",
            truth, right / max(truth, 1e-9), Target("≥", 0.8),
        ),
        Figure(
            "tempo_chance", dealt, "share of clips with a beat", "the same for prompts dealt anew"
        ),
        Figure(
            "tempo_codec", heard.coded.tempo_share(real), "share of clips with a beat",
            "the same for composed clips through the codec", truth,
        ),
        Figure(
            "tempo_strict", heard.made.tempo_share(made, within), "share of clips with a beat",
            "without doubles and halves; baseline: composed held-out clips",
            heard.real.tempo_share(real, within),
        ),
    ]  # fmt: skip


def _class(heard: Heard) -> list[Figure]:
    every = list(range(len(heard.asked)))
    styled = [i for i in every if heard.asked[i].names_style]
    there = sorted({i // 2 for i in styled})  # the held-out clips of the same pieces
    whole = list(range(len(heard.real.pieces)))
    made = heard.made.class_accuracy(styled, every)
    real = heard.real.class_accuracy(there, whole)
    coded = heard.coded.class_accuracy(there, whole)
    styles = [heard.asked[i].piece.style for i in styled]
    players = [one.piece.subset for one in heard.asked]
    luck = (chance(styles) + chance(players)) / 2
    return [
        Figure(
            "class_ratio", made / max(real, 1e-9), "of the accuracy on held-out clips",
            f"style and players recognised: {made:.3f}; baseline: composed held-out clips; "
            f"chance {luck:.3f}",
            real, made / max(real, 1e-9), Target("≥", 0.6),
        ),
        Figure(
            "class_ratio_codec", made / max(coded, 1e-9), "of the accuracy on held-out clips",
            "the same, where the held-out clips pass the codec", coded, made / max(coded, 1e-9),
        ),
        Figure(
            "style_accuracy", heard.made.style_accuracy(styled), "share of clips",
            f"of twelve styles, chance {chance(styles):.3f}; baseline: composed held-out clips",
            heard.real.style_accuracy(there),
        ),
        Figure(
            "player_accuracy", heard.made.player_accuracy(every), "share of clips",
            f"of seven casts (drums, bass … full), chance {chance(players):.3f}; baseline: composed"
            " held-out clips",
            heard.real.player_accuracy(whole),
        ),
    ]  # fmt: skip


def _wording(heard: Heard) -> list[Figure]:
    """Points lost by the wordings that no caption in training has; the pieces are the same."""

    def of(held_out: bool) -> tuple[float, float]:
        here = [i for i, one in enumerate(heard.asked) if one.held_out is held_out]
        styled = [i for i in here if heard.asked[i].names_style]
        beating = [i for i in here if has_beat(heard.asked[i].piece)]
        return heard.made.class_accuracy(styled, here), heard.made.tempo_share(beating)

    (known, known_tempo), (new, new_tempo) = of(False), of(True)
    return [
        Figure(
            "heldout_wording_drop", 100 * (known - new), "points of class accuracy",
            f"{100 * known:.1f} with training wordings, {100 * new:.1f} with held-out ones, "
            f"standard error of the drop {100 * _standard_error(heard):.1f}",
            target=Target("≤", 10.0),
        ),
        Figure(
            "heldout_wording_tempo_drop", 100 * (known_tempo - new_tempo), "points of tempo share",
            f"{100 * known_tempo:.1f} with training wordings, {100 * new_tempo:.1f} with held-out"
            " ones",
        ),
    ]  # fmt: skip


def _standard_error(heard: Heard) -> float:
    """Of the mean difference between the two wordings of a piece."""
    sound = heard.made
    score = [
        ((style == piece.style) + (cast == piece.subset)) / 2
        for style, cast, piece in zip(sound.styles, sound.players, sound.pieces, strict=True)
    ]
    drops = np.subtract(score[:-1:2], score[1::2])
    return float(drops.std() / np.sqrt(len(drops)))


def _key(heard: Heard) -> list[Figure]:
    named = [i for i, one in enumerate(heard.asked) if one.names_key]
    there = [i // 2 for i in named]
    keys = [parse_key(heard.asked[i].piece.key) for i in named]

    def exact(found: Key | None, asked: Key) -> float:
        return float(found == asked)

    def dealt(score: Callable[[Key | None, Key], float]) -> float:
        return _share([score(heard.made.keys[i], key) for i in named for key in keys])

    return [
        Figure(
            "key_exact", heard.made.key_mean(named, exact), "share of clips that name a key",
            f"{len(named)} clips, chance {dealt(exact):.3f}; baseline: composed held-out clips",
            heard.real.key_mean(there, exact),
        ),
        Figure(
            "key_score", heard.made.key_mean(named, key_score), "MIREX score",
            f"fifths, relative and parallel keys count in part, chance {dealt(key_score):.3f}; "
            "baseline: composed held-out clips",
            heard.real.key_mean(there, key_score),
        ),
    ]  # fmt: skip


def _level(heard: Heard) -> list[Figure]:
    clipped = [levels.is_clipped(clip) for clip in heard.raw]
    either = [a or b for a, b in zip(heard.made.silent, clipped, strict=True)]
    return [
        Figure(
            "silent_or_clipped", _share(either), "share of clips",
            f"{sum(heard.made.silent)} silent (a half below {levels.SILENT_DBFS:g} dBFS), "
            f"{sum(clipped)} clipped (over {levels.CLIPPED_SHARE:.1%} of the samples beyond full "
            "scale before the limiter)",
            target=Target("≤", 0.0),
        ),
        Figure(
            "loop_end", float(np.median(heard.made.ends)), "dB",
            "median level of the last beat against the rest; baseline: composed held-out clips",
            float(np.median(heard.real.ends)),
        ),
        Figure(
            "loop_end_faded", _share([end < _FADED for end in heard.made.ends]), "share of clips",
            f"last beat under {_FADED:g} dB; baseline: composed held-out clips",
            _share([end < _FADED for end in heard.real.ends]),
        ),
    ]  # fmt: skip


def _distance(heard: Heard) -> list[Figure]:
    real = heard.real.embedded
    made, coded = (frechet_distance(sound.embedded, real) for sound in (heard.made, heard.coded))
    return [
        Figure(
            "frechet_distance", made, "squared, in the classifier's features",
            "generated to composed held-out clips; baseline: those through the codec", coded,
            made / max(coded, 1e-9),
        )
    ]  # fmt: skip


def _share(values: Sequence[float] | Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
