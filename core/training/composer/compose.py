"""From a seed to a piece: the choice of style, subset, key, tempo and players."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.training.composer import lines
from core.training.composer.drums import PIECES, write_drums
from core.training.composer.harmony import (
    harmonise,
    key_name,
    pick_progression,
    scale_classes,
)
from core.training.composer.performance import on_the_bar_line, perform, with_effects
from core.training.composer.score import DRUM_CHANNEL, Chord, Note, Piece, Track
from core.training.composer.styles import STYLES, Style

BEATS_PER_BAR = 4
SHORTEST, LONGEST = 20.0, 30.0  # seconds

# Shares in a hundred pieces. Sparse subsets are many because a small model learns them first
# and a musician asks for them most.
SUBSETS: dict[str, int] = {
    "full": 38, "drums": 15, "bass": 10, "piano": 12, "solo": 10, "drums_and_bass": 8, "pair": 7,
}  # fmt: skip
_DRUMMED = tuple(s.name for s in STYLES.values() if s.kits)
STYLES_OF: dict[str, tuple[str, ...]] = {
    "full": tuple(n for n in STYLES if n != "solo piano"),
    "drums": _DRUMMED,
    "bass": _DRUMMED,
    "drums_and_bass": _DRUMMED,
    "piano": ("solo piano", "jazz trio", "solo piano", "lo-fi", "solo piano", "latin",
              "solo piano", "ambient"),
    "solo": tuple(n for n in STYLES if n != "solo piano"),
    "pair": tuple(n for n in STYLES if n not in ("solo piano", "ambient")),
}  # fmt: skip
_VOLUMES = {"drums": 112, "bass": 108, "chords": 84, "pad": 76, "arpeggio": 84, "lead": 96,
            "piano": 104}  # fmt: skip
# Measured against mixes of the FluidR3 font: what brings each program into balance, in dB.
_TRIM = {
    0: 3.0, 4: 1.0, 5: 2.0, 11: 5.0, 12: 2.0, 16: 3.0, 24: 2.0, 25: 1.0, 26: 1.0, 27: 2.0,
    28: 4.0, 29: -2.0, 32: -2.5, 33: -2.5, 35: -2.0, 38: 1.0, 39: -3.0, 43: -3.0, 62: 5.0,
    80: 1.0, 81: 5.0, 87: 3.0, 90: 5.0, 95: -2.0, 98: 4.0,
}  # fmt: skip
_KIT_TRIM = {16: -1.0, 24: -1.5, 25: -3.0}
_KICK_SOFTER = {24: 0.9, 25: 0.8}  # these kits' kicks drown the rest
_CENTRES = {"chords": 60, "pad": 60, "arpeggio": 67, "lead": 74}
_PIANOS = (0, 1)


def plan(seed: int, index: int) -> tuple[int, str, str]:
    """(seed, style, subset) of the `index`-th piece of a corpus.

    Every hundred indices hold the shares of SUBSETS in a shuffled order, and the pieces of a
    subset go round its styles, so that any prefix of the corpus is balanced.
    """
    block, place = divmod(index, 100)
    deck = [name for name, share in SUBSETS.items() for _ in range(share)]
    order = np.random.default_rng([seed, 1, block]).permutation(len(deck))
    subset = deck[order[place]]
    earlier = sum(deck[i] == subset for i in order[:place])
    styles = STYLES_OF[subset]
    turn, at = divmod(block * SUBSETS[subset] + earlier, len(styles))
    shuffled = np.random.default_rng([seed, 3, list(SUBSETS).index(subset), turn])
    style = styles[int(shuffled.permutation(len(styles))[at])]
    return seed * 10_000_000 + index, style, subset


def compose(seed: int, style: str | None = None, subset: str | None = None) -> Piece:
    """The piece of `seed`; style and subset are drawn from it where not given.

    Raises KeyError for an unknown style and ValueError for a subset that the style lacks.
    """
    rng = np.random.default_rng([seed, 2])
    drawn = list(SUBSETS)[int(rng.choice(len(SUBSETS), p=np.array(list(SUBSETS.values())) / 100))]
    if subset is None:
        subset = drawn
        if style is not None and style not in STYLES_OF[subset]:
            subset = next(s for s, names in STYLES_OF.items() if style in names)
    if style is None:
        style = STYLES_OF[subset][int(rng.integers(len(STYLES_OF[subset])))]
    made_of = STYLES[style]
    if style not in STYLES_OF[subset]:
        raise ValueError(f"{style} has no pieces of the subset {subset}")

    low, high = made_of.tempo
    tempo = float(rng.integers(low, high + 1))
    if rng.random() < 0.12 and tempo < high:
        tempo += 0.5
    bars = _bars(tempo, rng)
    scale, progression = pick_progression(made_of.pools, rng)
    tonic = int(rng.integers(12))
    chords = harmonise(progression, tonic, bars, BEATS_PER_BAR)
    classes = scale_classes(tonic, scale)
    swing = float(rng.choice(made_of.swings))
    tracks = _players(made_of, subset, chords, classes, bars, rng)
    tracks = [perform(t, made_of, swing, tempo, bars * BEATS_PER_BAR, rng) for t in tracks]
    tracks = on_the_bar_line(tracks)
    effects = np.random.default_rng([seed, 5])  # its own stream: the notes stay as they were
    tracks = [with_effects(t, made_of, bars * BEATS_PER_BAR, effects) for t in tracks]
    return Piece(
        seed=seed, style=style, subset=subset, tempo=tempo, key=key_name(tonic, scale),
        scale=classes, beats_per_bar=BEATS_PER_BAR, bars=bars, swing=swing, chords=chords,
        tracks=tuple(tracks), lowpass=float(rng.choice(made_of.lowpass)),
        drive=float(effects.choice(made_of.drive)),
    )  # fmt: skip


def _bars(tempo: float, rng: np.random.Generator) -> int:
    """A number of bars that lasts 20 to 30 s: a multiple of four if there is one, else of two."""
    bar = BEATS_PER_BAR * 60.0 / tempo
    fitting = [n for n in range(2, 33, 2) if SHORTEST <= n * bar <= LONGEST]
    fours = [n for n in fitting if n % 4 == 0]
    return int(rng.choice(fours or fitting))


def _players(
    style: Style, subset: str, chords: tuple[Chord, ...], scale: tuple[int, ...], bars: int,
    rng: np.random.Generator,
) -> list[Track]:  # fmt: skip
    if subset == "drums":
        roles = ["drums"]
    elif subset == "bass":
        roles = ["bass"]
    elif subset == "drums_and_bass":
        roles = ["drums", "bass"]
    elif subset == "piano":
        roles = ["piano"]
    elif subset == "solo":
        roles = [str(rng.choice(_melodic(style)))]
    elif subset == "pair":
        first = str(rng.choice(["drums", "bass", "bass"]))
        roles = [first, str(rng.choice(_melodic(style)))]
    else:
        roles = [r for r, chance in style.layers.items() if rng.random() < chance]
        if style.kits:
            roles = ["drums", *roles]
        for extra in _melodic(style):  # a full mix has three players at least
            if len(roles) >= 3:
                break
            if extra not in roles:
                roles.append(extra)
    tracks: list[Track] = []
    for role in roles:
        taken = {t.program for t in tracks if t.role != "drums"}
        channel = DRUM_CHANNEL if role == "drums" else len([t for t in tracks if t.channel != 9])
        program, notes = _part(role, style, subset, chords, scale, bars, taken, rng)
        trim = (_KIT_TRIM if role == "drums" else _TRIM).get(program, 0.0)
        # Controller 7 is a square law: 40 dB a decade.
        volume = (_VOLUMES[role] + float(rng.integers(-6, 7))) * 10 ** (trim / 40)
        pan = 64 if role in ("drums", "bass", "piano") else int(64 + rng.integers(-28, 29))
        tracks.append(Track(role, program, channel, notes, int(np.clip(volume, 1, 127)), pan))
    if "drums" in roles and rng.random() < style.pump:
        tracks = [
            replace(t, pump=True) if t.role in ("pad", "chords", "arpeggio") else t for t in tracks
        ]
    return tracks


def _melodic(style: Style) -> list[str]:
    parts = {"chords": style.comps, "pad": style.pads, "arpeggio": style.arps, "lead": style.leads}
    return [role for role, programs in parts.items() if programs]


def _part(
    role: str, style: Style, subset: str, chords: tuple[Chord, ...], scale: tuple[int, ...],
    bars: int, taken: set[int], rng: np.random.Generator,
) -> tuple[int, tuple[Note, ...]]:  # fmt: skip
    """(program, notes) of one player; avoids the programs in `taken` where it can."""

    def choose(programs: tuple[int, ...]) -> int:
        # "Solo" pieces are of other instruments: the piano has a subset of its own.
        allowed = [p for p in programs if p not in taken]
        if subset in ("solo", "pair"):
            allowed = [p for p in allowed if subset == "pair" or p not in _PIANOS] or [4]
        return int(rng.choice(allowed or list(programs)))

    if role == "drums":
        kit = int(rng.choice(style.kits))
        softer = _KICK_SOFTER.get(kit, 1.0)
        return kit, tuple(
            replace(n, velocity=round(n.velocity * softer)) if n.pitch == PIECES["kick"] else n
            for n in write_drums(style.name, bars, rng)
        )
    if role == "bass":
        pattern = str(rng.choice(style.bass_patterns))
        program = choose(style.basses)
        if pattern == "walk":
            return program, lines.write_walking(chords, bars, rng)
        return program, lines.write_bass(chords, bars, pattern)
    if role == "piano":
        density = str(rng.choice(style.densities))
        hands = ("stride", "block") if style.name == "jazz trio" else lines.LEFT_HANDS
        if style.name == "ambient":
            hands = ("broken", "octaves", "block")
        return 0, lines.write_piano(chords, scale, bars, rng, density, hands)
    if role == "chords":
        program = choose(style.comps)
        patterns = style.comp_patterns[int(rng.integers(len(style.comp_patterns)))]
        guitar = 24 <= program <= 31
        return program, lines.write_chords(
            chords, bars, patterns, _CENTRES["chords"], rootless=style.rootless,
            strum=style.strum if guitar else 0.0, power=program in (29, 30),
        )  # fmt: skip
    if role == "pad":
        held = ("x---------------",)
        return choose(style.pads), lines.write_chords(chords, bars, held, _CENTRES["pad"])
    if role == "arpeggio":
        rate = int(rng.choice(style.arp_rates))
        program = choose(style.arps)
        return program, lines.write_arpeggio(chords, bars, rng, _CENTRES["arpeggio"], rate)
    density = str(rng.choice(style.densities))
    program = choose(style.leads)
    return program, lines.write_melody(chords, scale, bars, rng, _CENTRES["lead"], density)
