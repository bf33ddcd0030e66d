"""Names that captions use: instruments, styles, moods and tempo words, and when each is true."""

from __future__ import annotations

from core.training.composer.score import Piece, Track

INSTRUMENTS: dict[int, tuple[str, ...]] = {
    0: ("piano",), 1: ("bright piano", "piano"), 4: ("electric piano", "rhodes", "e-piano"),
    5: ("electric piano", "fm electric piano"), 7: ("clavinet", "clav"), 11: ("vibraphone", "vibes"),
    12: ("marimba",), 16: ("organ", "hammond organ"), 24: ("nylon guitar", "acoustic guitar"),
    25: ("acoustic guitar", "steel guitar"), 26: ("jazz guitar", "electric guitar"),
    27: ("clean electric guitar", "electric guitar"), 28: ("muted guitar", "electric guitar"),
    29: ("overdriven guitar", "electric guitar"), 30: ("distorted guitar", "electric guitar"),
    32: ("upright bass", "double bass", "acoustic bass"), 33: ("electric bass", "bass guitar"),
    34: ("picked bass", "bass guitar", "electric bass"), 35: ("fretless bass", "electric bass"),
    36: ("slap bass", "electric bass"), 37: ("slap bass", "electric bass"),
    38: ("synth bass",), 39: ("synth bass",), 43: ("contrabass", "bowed double bass"),
    45: ("pizzicato strings", "plucked strings"), 46: ("harp",), 48: ("strings", "string ensemble"),
    49: ("slow strings", "strings"), 50: ("synth strings",), 52: ("choir", "voices"),
    56: ("trumpet",), 61: ("brass section", "brass", "horns"), 62: ("synth brass",),
    65: ("alto sax", "saxophone", "sax"), 66: ("tenor sax", "saxophone", "sax"), 73: ("flute",),
    80: ("square lead", "square synth", "synth"), 81: ("saw lead", "saw synth", "synth"),
    87: ("bass and lead synth", "synth"), 88: ("new age pad", "synth pad"),
    89: ("warm pad", "synth pad"), 90: ("polysynth", "synth"), 91: ("choir pad", "synth pad"),
    94: ("halo pad", "synth pad"), 95: ("sweep pad", "synth pad"), 98: ("crystal bells", "synth bells"),
}  # fmt: skip
_BASS_SYNTHS = {80: "chip bass", 81: "chip bass", 87: "synth bass", 89: "synth bass"}

STYLE_NAMES: dict[str, tuple[str, ...]] = {
    "house": ("house", "house", "deep house", "dance"), "techno": ("techno", "techno", "electronic"),
    "drum and bass": ("drum and bass", "dnb", "drum & bass"), "hip-hop": ("hip-hop", "hip hop", "rap beat"),
    "lo-fi": ("lo-fi", "lofi", "lo-fi hip hop", "chillhop"), "rock": ("rock", "rock", "band"),
    "funk": ("funk", "funk", "funky"), "jazz trio": ("jazz", "swing", "jazz combo"),
    "solo piano": ("piano",), "ambient": ("ambient", "ambient", "soundscape"),
    "chiptune": ("chiptune", "8-bit", "video game"), "latin": ("latin", "latin", "afro-cuban"),
}  # fmt: skip
# As an adjective before "drums", "bass line", "track": a wording that fits there.
ADJECTIVES: dict[str, tuple[str, ...]] = {
    "house": ("house", "house", "dance"), "techno": ("techno", "techno", "electronic"),
    "drum and bass": ("drum and bass", "dnb", "drum & bass"), "hip-hop": ("hip-hop", "hip hop"),
    "lo-fi": ("lo-fi", "lofi", "chillhop"), "rock": ("rock",), "funk": ("funk", "funky"),
    "jazz trio": ("jazz", "jazzy", "swing"), "solo piano": ("",), "ambient": ("ambient",),
    "chiptune": ("chiptune", "8-bit", "video game"), "latin": ("latin",),
}  # fmt: skip
_STYLE_MOODS: dict[str, tuple[str, ...]] = {
    "house": ("groovy", "energetic", "uplifting"), "techno": ("driving", "hypnotic", "dark"),
    "drum and bass": ("energetic", "fast-paced", "intense"), "hip-hop": ("laid-back", "urban", "chill"),
    "lo-fi": ("chill", "relaxing", "mellow"), "rock": ("powerful", "energetic", "driving"),
    "funk": ("funky", "groovy", "tight"), "jazz trio": ("swinging", "smooth", "cool"),
    "solo piano": (), "ambient": ("calm", "peaceful", "dreamy", "relaxing"),
    "chiptune": ("playful", "retro", "energetic"), "latin": ("lively", "rhythmic", "danceable"),
}  # fmt: skip
_DRAMATIC = ("techno", "drum and bass", "rock", "solo piano", "chiptune")


def instrument_names(track: Track) -> tuple[str, ...]:
    """Every true name of a track's instrument, the most exact first."""
    if track.role == "drums":
        return ("drums",)
    names = INSTRUMENTS[track.program]
    if track.role == "bass":
        if track.program in _BASS_SYNTHS:
            return (_BASS_SYNTHS[track.program], "bass")
        return (*names, "bass")
    return names


def tempo_word(tempo: float) -> str | None:
    """slow up to 85 bpm, medium tempo from 95 to 120, fast from 130; else no word is true."""
    if tempo <= 85:
        return "slow"
    if 95 <= tempo <= 120:
        return "medium tempo"
    return "fast" if tempo >= 130 else None


def names_key(piece: Piece) -> bool:
    """Whether a listener could hear a key: drums alone have none."""
    return any(track.role != "drums" for track in piece.tracks)


def effects(piece: Piece) -> tuple[str, ...]:
    """Effects that are plainly heard: an echo, a large room, chorus, distortion."""
    found: list[str] = []
    if any(track.echo for track in piece.tracks):
        found += ["echo", "delay"]
    if any(track.reverb >= 80 for track in piece.tracks):
        found += ["reverb", "spacious"]
    if any(track.chorus for track in piece.tracks):
        found.append("chorus")
    if piece.drive >= 1.5:
        found.append("saturated")
    return tuple(found)


def moods(piece: Piece) -> tuple[str, ...]:
    """The moods that fit: by style, and by mode and tempo where a key is heard."""
    found = list(_STYLE_MOODS[piece.style])
    if "dark" in found and not (piece.minor and names_key(piece)):
        found.remove("dark")
    if "uplifting" in found and (piece.minor or not names_key(piece)):
        found.remove("uplifting")
    if names_key(piece) and piece.subset != "bass":
        if piece.minor:
            if piece.tempo <= 100 and piece.style not in ("funk", "latin"):
                found += ["sad", "melancholic", "moody"]
            elif piece.tempo > 100 and piece.style in _DRAMATIC:
                found += ["dramatic", "tense"]
        elif piece.tempo <= 95:
            found += ["warm", "gentle", "tender"]
        elif piece.tempo >= 100:
            found += ["happy", "upbeat", "cheerful"]
    return tuple(dict.fromkeys(found))
