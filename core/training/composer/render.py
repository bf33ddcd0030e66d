"""A piece rendered through FluidSynth and a General MIDI sound font, offline.

No audio device is opened: the synthesiser's samples are pulled. A fresh synthesiser a piece
keeps the bytes the same whatever was rendered before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import butter, sosfilt

from core.errors import MissingProgram
from core.training.composer.score import DRUM_CHANNEL, Piece

RATE = 32_000
TARGET_RMS, LEAST_RMS, PEAK = 0.14, 0.10, 0.89
SOUND_FONT_VARIABLE = "DAW_BRIDGE_SOUND_FONT"
_BLOCK = 64  # FluidSynth computes in blocks of 64 samples: events take effect there
_FOLDERS = (
    "/usr/share/sounds/sf2", "/usr/share/soundfonts", "/usr/local/share/sounds/sf2",
    "/usr/local/share/soundfonts", "/opt/homebrew/share/soundfonts", "/opt/homebrew/share/sounds/sf2",
)  # fmt: skip
_HINT = "'sudo apt install libfluidsynth3 fluid-soundfont-gm' or 'brew install fluid-synth'"


def find_sound_font() -> Path:
    """FluidR3_GM.sf2, or the file that DAW_BRIDGE_SOUND_FONT names; MissingProgram if none."""
    chosen = os.environ.get(SOUND_FONT_VARIABLE)
    if chosen:
        if Path(chosen).is_file():
            return Path(chosen)
        raise MissingProgram(f"no sound font at {chosen}: correct {SOUND_FONT_VARIABLE}")
    for folder in _FOLDERS:
        for path in (Path(folder, "FluidR3_GM.sf2"), Path(folder, "FluidR3_GM2-2.sf2")):
            if path.is_file():
                return path
    raise MissingProgram(
        "the sound font FluidR3_GM.sf2 is missing: run 'sudo apt install fluid-soundfont-gm', "
        f"or put the path of a General MIDI .sf2 into {SOUND_FONT_VARIABLE}"
    )


def load_fluidsynth() -> Any:
    """The pyfluidsynth module; MissingProgram where it or libfluidsynth is missing."""
    try:
        import fluidsynth
    except (ImportError, OSError) as error:
        raise MissingProgram(
            f"FluidSynth cannot be loaded ({error}): run {_HINT}, and 'pip install pyfluidsynth'"
        ) from None
    return fluidsynth


def render(piece: Piece, channels: int = 1, rate: int = RATE) -> np.ndarray:
    """`piece` as float32: shape [samples] for one channel, [2, samples] for two.

    Exactly `piece.samples(rate)` samples; tails past the last bar are cut. RMS is 0.14 at most
    and 0.10 at least, the peak 0.89 at most. Raises MissingProgram without FluidSynth or font.
    """
    if channels not in (1, 2):
        raise ValueError("channels must be 1 or 2")
    stereo = _synthesise(piece, rate)
    audio = stereo.mean(axis=0) if channels == 1 else stereo
    # Some pads of the font carry a constant offset: take away what is below hearing.
    audio = sosfilt(butter(2, 25.0, btype="highpass", fs=rate, output="sos"), audio, axis=-1)
    if piece.drive:
        audio = np.tanh(piece.drive * audio / np.abs(audio).max()) if audio.any() else audio
    if piece.lowpass:
        sections = butter(2, piece.lowpass, fs=rate, output="sos")
        audio = sosfilt(sections, audio, axis=-1)
    return level(audio).astype(np.float32)


def level(audio: np.ndarray) -> np.ndarray:
    """`audio` at RMS 0.14, lower (to 0.10) if peaks demand it, then softly limited at 0.89."""
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    if rms < 1e-6:
        return audio
    audio = audio * (TARGET_RMS / rms)
    peak = float(np.abs(audio).max())
    if peak <= PEAK:
        return audio
    if TARGET_RMS * PEAK / peak >= LEAST_RMS:
        return audio * (PEAK / peak)
    gain = LEAST_RMS * 1.05 / TARGET_RMS
    limited = _soft(audio * gain)
    for _ in range(12):
        if np.sqrt(np.mean(np.square(limited))) >= LEAST_RMS:
            break
        gain *= 1.1
        limited = _soft(audio * gain)
    return limited


def _soft(audio: np.ndarray) -> np.ndarray:
    """Linear to half of the peak, then bent towards it."""
    knee = PEAK / 2
    over = np.maximum(np.abs(audio) - knee, 0.0)
    bent = knee + (PEAK - knee) * np.tanh(over / (PEAK - knee))
    return np.where(np.abs(audio) > knee, np.sign(audio) * bent, audio)


def _events(piece: Piece, rate: int) -> list[tuple[int, int, int, int, int, int]]:
    """(block, order, kind, channel, a, b): kind 0 note off, 1 controller, 2 note on."""
    per_beat = 60.0 / piece.tempo * rate / _BLOCK
    events: list[tuple[int, int, int, int, int, int]] = []
    for track in piece.tracks:
        for note in track.notes:
            on = round(note.start * per_beat)
            off = max(round((note.start + note.length) * per_beat), on + 1)
            events.append((on, 2, 2, track.channel, note.pitch, note.velocity))
            if track.channel != DRUM_CHANNEL:
                events.append((off, 0, 0, track.channel, note.pitch, 0))
        if track.pump:
            for beat in range(piece.beats):
                for part, expression in enumerate((45, 62, 80, 96, 110, 120, 127)):
                    at = round((beat + part / 8) * per_beat)
                    events.append((at, 1, 1, track.channel, 11, expression))
    return sorted(events)


def _synthesise(piece: Piece, rate: int) -> np.ndarray:
    """[2, samples] of float64, unlevelled."""
    fluidsynth = load_fluidsynth()
    font = find_sound_font()
    synth = fluidsynth.Synth(
        gain=0.35, samplerate=float(rate), channels=16,
        **{
            "synth.dynamic-sample-loading": 1, "synth.chorus.active": 1,
            "synth.reverb.active": 1, "synth.reverb.room-size": 0.35, "synth.reverb.damp": 0.4,
            "synth.reverb.level": 0.35, "synth.reverb.width": 0.6, "synth.polyphony": 128,
        },
    )  # fmt: skip
    try:
        handle = synth.sfload(str(font))
        if handle < 0:
            raise MissingProgram(
                f"{font} is not a sound font that FluidSynth can read: run {_HINT}"
            )
        for track in piece.tracks:
            bank = 128 if track.channel == DRUM_CHANNEL else 0
            synth.program_select(track.channel, handle, bank, track.program)
            synth.cc(track.channel, 7, track.volume)
            synth.cc(track.channel, 10, track.pan)
            synth.cc(track.channel, 91, track.reverb)
            synth.cc(track.channel, 93, track.chorus)
        total = piece.samples(rate)
        blocks = -(-total // _BLOCK)
        parts: list[np.ndarray] = []
        now = 0
        for at, _, kind, channel, a, b in _events(piece, rate):
            if at >= blocks:
                continue
            if at > now:
                parts.append(synth.get_samples((at - now) * _BLOCK))
                now = at
            if kind == 2:
                synth.noteon(channel, a, b)
            elif kind == 1:
                synth.cc(channel, a, b)
            else:
                synth.noteoff(channel, a)
        parts.append(synth.get_samples((blocks - now) * _BLOCK))
    finally:
        synth.delete()
    interleaved = np.concatenate(parts).astype(np.float64) / 32768.0
    return interleaved.reshape(-1, 2).T[:, :total]
