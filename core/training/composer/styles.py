"""The styles: tempo, harmony, instruments and rhythms of each, as data.

Programs are General MIDI's, from 0; kits are the drum bank's.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Style:
    """What a style is made of. `tempo` in bpm; probabilities 0…1; `human` in seconds."""

    name: str
    tempo: tuple[int, int]
    pools: tuple[str, ...]  # of harmony.PROGRESSIONS
    kits: tuple[int, ...] = ()  # no kit: a style without drums
    basses: tuple[int, ...] = ()
    bass_patterns: tuple[str, ...] = ()  # of lines.write_bass; "walk" walks
    comps: tuple[int, ...] = ()  # instruments that play chords
    comp_patterns: tuple[tuple[str, ...], ...] = ()
    leads: tuple[int, ...] = ()
    densities: tuple[str, ...] = ("medium",)
    arps: tuple[int, ...] = ()
    arp_rates: tuple[int, ...] = (1, 2)
    pads: tuple[int, ...] = ()
    layers: dict[str, float] = field(default_factory=dict)  # chance of each role in a full mix
    swings: tuple[float, ...] = (0.0,)
    swing_unit: float = 0.25  # beats: 0.25 swings sixteenths, 0.5 eighths
    human: float = 0.0
    strum: float = 0.0
    rootless: bool = False
    pump: float = 0.0
    lowpass: tuple[float, ...] = (0.0,)
    reverb: tuple[int, int] = (20, 60)  # range of the send (controller 91), drums and bass aside
    chorus: float = 0.0  # chance of a chorus on chords, pads and guitars
    echo: tuple[float, ...] = (0.0,)  # times in beats for leads and arpeggios
    drive: tuple[float, ...] = (0.0,)  # gain into the master's saturation


_HELD = (("x---------------",), ("x-------x-------",), ("x---------------", "x-------x---x---"))
_STABS = (("..x...x...x...x.",), ("x..x..x...x..x..",), ("x--x--x-........", "x--x--x-....x-x-"))
_SLOW_KEYS = (("x-------....x---",), ("x-----x---------",), ("x---------------",),
              ("..x---....x-x---", "x-------x-------"))  # fmt: skip

_ALL = (
    Style(
        "house", (118, 128), ("house", "pop_minor"), kits=(24, 25, 24),
        basses=(38, 39, 33), bass_patterns=(
            "..R-..R-..R-..R-", "R..R..R-..O.R.O.", "R.rRO.r.R.rRO.5.", "..RO..RO..RO..5A"),
        comps=(0, 4, 16, 90, 81), comp_patterns=_STABS, leads=(80, 81, 11, 73),
        arps=(80, 81, 5, 12), pads=(48, 50, 89, 90),
        layers={"bass": 0.95, "chords": 0.85, "pad": 0.4, "arpeggio": 0.3, "lead": 0.35},
        swings=(0.0, 0.0, 0.1, 0.18), pump=0.6,
        reverb=(30, 70), chorus=0.3, echo=(0.0, 0.75, 0.5)),
    Style(
        "techno", (125, 140), ("minor_vamp",), kits=(24, 25),
        basses=(38, 39, 87), bass_patterns=(
            "..RR..RR..RR..RR", "R.R.R.R.R.R.R.R.", ".rRr.rRr.rRr.rRO", "R..R..R.R..R..R."),
        comps=(81, 90, 62), comp_patterns=(("x..x..x...x..x..",), ("......x.........",), *_STABS),
        leads=(80, 81, 87), densities=("sparse", "medium"), arps=(80, 81, 87, 38), arp_rates=(1,),
        pads=(89, 94, 95, 90),
        layers={"bass": 0.95, "chords": 0.45, "pad": 0.45, "arpeggio": 0.65, "lead": 0.15},
        pump=0.5,
        reverb=(20, 70), echo=(0.0, 0.75), drive=(0.0, 1.5)),
    Style(
        "drum and bass", (165, 178), ("pop_minor", "minor_vamp"), kits=(24, 16, 8),
        basses=(38, 39, 87), bass_patterns=(
            "R-------------O-R-----3---5-----", "R---..R---..R---", "R-----R-..5---A-",
            "R-----------R-R-"),
        comps=(4, 5, 0), comp_patterns=_SLOW_KEYS, leads=(80, 81, 73),
        densities=("sparse", "medium"), arps=(80, 5, 12), arp_rates=(1, 2), pads=(48, 89, 91, 95),
        layers={"bass": 0.97, "chords": 0.45, "pad": 0.7, "arpeggio": 0.3, "lead": 0.4},
        reverb=(40, 90), chorus=0.2, echo=(0.0, 0.75, 1.0)),
    Style(
        "hip-hop", (80, 100), ("minor_vamp", "pop_minor", "lofi"), kits=(25, 24, 8),
        basses=(38, 39, 33, 32), bass_patterns=(
            "R-----R-..R---..", "R--R--..R-...5A.", "R-------......R-", "R-..R---..5-R-..",
            "R------R--R-----R--R----O---5---"),
        comps=(4, 0, 48, 11), comp_patterns=_SLOW_KEYS, leads=(73, 11, 81, 0, 56),
        densities=("sparse", "medium"), arps=(11, 12, 45), arp_rates=(2, 4), pads=(48, 49, 89),
        layers={"bass": 0.95, "chords": 0.8, "pad": 0.35, "arpeggio": 0.2, "lead": 0.4},
        swings=(0.0, 0.12, 0.2), human=0.004,
        reverb=(10, 50), echo=(0.0, 0.0, 0.75), drive=(0.0, 1.2)),
    Style(
        "lo-fi", (65, 90), ("lofi",), kits=(8, 0, 25), basses=(32, 33, 35), bass_patterns=(
            "R-----..R---5-..", "R--.....R-..5-A-", "R-------..R-5---"),
        comps=(4, 0, 24, 26, 4), comp_patterns=_SLOW_KEYS, leads=(0, 11, 26, 73, 4),
        densities=("sparse", "medium"), arps=(24, 11, 4), arp_rates=(2,), pads=(89, 48, 91),
        layers={"bass": 0.9, "chords": 0.95, "pad": 0.25, "arpeggio": 0.15, "lead": 0.5},
        swings=(0.15, 0.22, 0.3), human=0.008, rootless=True, strum=0.03,
        lowpass=(0.0, 6000.0, 4500.0),
        reverb=(20, 60), chorus=0.4),
    Style(
        "rock", (100, 150), ("rock", "pop_major", "pop_minor"), kits=(16, 8, 0),
        basses=(33, 34), bass_patterns=(
            "R.R.R.R.R.R.R.R.", "R---R-R-R---R-A-", "R.R.r.R.R.R.r.5.", "R-----R-R-----5-"),
        comps=(30, 29, 30, 25, 16), comp_patterns=(
            ("x.x.x.x.x.x.x.x.",), ("x-------x-------",), ("x---x-x-..x-x-x-",),
            ("X.xxX.xxX.xxX.xx",), ("x---------------",)),
        leads=(30, 29, 27, 81), densities=("medium", "busy"), arps=(27, 25), arp_rates=(2,),
        pads=(16, 48),
        layers={"bass": 0.97, "chords": 0.97, "pad": 0.15, "arpeggio": 0.2, "lead": 0.45},
        human=0.005, strum=0.01,
        reverb=(15, 45), drive=(0.0, 1.5, 2.0)),
    Style(
        "funk", (92, 120), ("funk",), kits=(0, 8, 16), basses=(33, 36, 37, 36), bass_patterns=(
            "R..R..O...R.5.7.", "R.....RO.R..7.A.", "R-.r..R.O..O..7A", "R..O.R..R.7.5.O.",
            "R..R......O.R.A.R..R....3.5.7.O."),
        comps=(28, 27, 16, 7, 4), comp_patterns=(
            ("..x...xo..x..ox.",), ("xoxo.xoxxo.ox.xo",), ("....X.......X..x",),
            ("x..x..x..x..x...",)),
        leads=(65, 56, 28, 61), densities=("medium", "busy"), arps=(), pads=(16, 61),
        layers={"bass": 0.98, "chords": 0.97, "pad": 0.15, "lead": 0.45},
        swings=(0.0, 0.1, 0.15), human=0.005,
        reverb=(10, 40), chorus=0.3),
    Style(
        "jazz trio", (90, 180), ("jazz",), kits=(32, 40), basses=(32,), bass_patterns=("walk",),
        comps=(0, 0, 26), comp_patterns=(
            ("x-----x-........", "......x-....x---"), ("x---..x---......", "..x-....x-----.."),
            ("......x-......x-", "x-----x---......")),
        leads=(0, 26, 65, 66, 11), densities=("medium", "busy"), arps=(), pads=(),
        layers={"bass": 1.0, "chords": 1.0, "lead": 0.75},
        swings=(0.25, 0.3, 0.33), swing_unit=0.5, human=0.007, rootless=True),
    Style(
        "solo piano", (60, 140), ("pop_major", "pop_minor", "lofi", "jazz"), leads=(0, 1),
        densities=("sparse", "medium", "medium", "busy"), human=0.008,
        layers={}),
    Style(
        "ambient", (60, 90), ("ambient",), basses=(39, 43, 89), bass_patterns=(
            "R---------------", "R-----------5---"),
        comps=(4, 89, 88, 46), comp_patterns=_HELD, leads=(73, 88, 11, 98, 0),
        densities=("sparse",), arps=(46, 11, 98, 12, 24), arp_rates=(2, 4),
        pads=(89, 91, 94, 95, 48, 52, 88),
        layers={"bass": 0.5, "chords": 0.3, "pad": 1.0, "arpeggio": 0.55, "lead": 0.5},
        human=0.01,
        reverb=(80, 120), chorus=0.5, echo=(0.0, 0.75, 1.5)),
    Style(
        "chiptune", (110, 170), ("pop_major", "pop_minor"), kits=(24, 25), basses=(80, 81, 38),
        bass_patterns=("R.O.R.O.R.O.R.O.", "R.R.R.R.R.R.R.R.", "R..R..R.O..O..5.", "R.5.O.5.R.5.O.5."),
        comps=(80,), comp_patterns=(("x.x.x.x.x.x.x.x.",), ("x---x---x---x---",)),
        leads=(80, 80, 81), densities=("medium", "busy"), arps=(80, 81), arp_rates=(1,), pads=(),
        layers={"bass": 0.97, "chords": 0.15, "arpeggio": 0.75, "lead": 0.9},
        reverb=(0, 10), echo=(0.0, 0.75)),
    Style(
        "latin", (90, 130), ("latin",), kits=(0, 8), basses=(32, 33, 35), bass_patterns=(
            "R-----5-----O---", "......5-----A---", "R-----5-R-----5-", "R--5--O-R--5--O-"),
        comps=(0, 24, 0), comp_patterns=(
            ("x.xx.x.xx.x.x.x.",), ("x..x..x...x.x...",), ("x.x.x.xx.xx.xx.x",)),
        leads=(56, 73, 24, 65, 61), densities=("medium", "busy"), arps=(24,), arp_rates=(2,),
        pads=(48,),
        layers={"bass": 0.98, "chords": 0.97, "pad": 0.1, "arpeggio": 0.15, "lead": 0.6},
        human=0.005, strum=0.015,
        reverb=(20, 50)),
)  # fmt: skip

STYLES: dict[str, Style] = {style.name: style for style in _ALL}
