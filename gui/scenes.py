"""What the panel shows in its pictures: scripted events, and takes that are on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from core.types import MODEL_RATE, seconds_of_bars
from daw_bridge.commands import Origin
from daw_bridge.events import (
    Accepted,
    AlternativesReady,
    ClockTold,
    ControllerMapped,
    Event,
    LatencyChanged,
    MelodyChanged,
    ParameterChanged,
    Playhead,
    Problem,
    PromptChanged,
    Scheduled,
    Status,
    StatusChanged,
    StyleChanged,
    TakeProgress,
    TakeSaved,
    TreeChanged,
)
from daw_bridge.take_record import AdapterUse, TakeRecord
from daw_bridge.take_timeline import TakeChange
from gui.rehearsal import levels, waveform
from gui.setup_scenes import MELODY, download, failed_download, measured, worked

if TYPE_CHECKING:
    from gui.main_window import MainWindow

PROMPT = "lo-fi hip hop, mellow electric piano, soft drums and bass"
OTHER = "slow strings, wide and warm"
THIRD = "dusty vinyl drums alone"
TEMPO = 85.0
BARS = 8
SECONDS = seconds_of_bars(BARS, 4, TEMPO)
READY = Status(
    state="idle", model="starter", device="cpu", dtype="float32", licence="MIT",
    output="system", output_rate=48000, input="system", headroom=1.8, tempo=TEMPO, prompt=PROMPT,
    take=11,
)  # fmt: skip
AT_BAR_6 = ClockTold(22.4, 0.0, TEMPO, rolling=True, beats=4)  # at the moment 0

#       take: (parent, bars into it, name, prompt, star)
TREE: dict[int, tuple[int, int, str, str, bool]] = {
    1: (0, 0, "", PROMPT, False),
    2: (1, 8, "", PROMPT, True),
    3: (1, 4, "the broken one", THIRD, False),
    4: (3, 6, "", THIRD, True),
    5: (2, 8, "chorus", f"{PROMPT}, brighter", True),
    6: (0, 0, "", "solo piano, rubato", False),
    7: (0, 0, "", "deep house, 122 bpm, round bass", False),
    8: (7, 8, "", "deep house, 122 bpm, round bass", False),
    9: (7, 2, "", "deep house, vocals chopped", False),
    10: (0, 0, "", OTHER, True),
    11: (5, 8, "", f"{PROMPT} 62 % + {OTHER} 38 %", False),
}


def _nothing(_window: MainWindow) -> None:
    """Nobody touches it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """events: what is told. page: in view. then: what a person does. ready: it has happened."""

    events: tuple[Event, ...]
    page: str = "play"
    then: Callable[[MainWindow], object] = _nothing
    ready: Callable[[MainWindow], bool] = lambda _window: True


def takes_on_disk(folder: Path) -> tuple[TakeRecord, ...]:
    """The tree's takes with their WAVs, but for one whose WAV is gone."""
    records = []
    for take, (parent, at, name, prompt, kept) in TREE.items():
        path = folder / f"take-{take:04d}.wav"
        frames = round(SECONDS * 50)
        record = TakeRecord(
            take, prompts=((0, prompt),), seed=1000 * take + 7, tempo=TEMPO, bars=BARS,
            frames=frames, length=SECONDS, parent=parent or None,
            at=round(seconds_of_bars(at, 4, TEMPO) * 50) if parent else None,
            model="starter", digest="5d1c0f6a9be2", licence="MIT", complete=True, kept=kept,
            created=f"2026-03-{take:02d}T21:14:00+00:00", path=str(path), name=name,
        )  # fmt: skip
        if take == 11:
            record = replace(record, changes=_blend(frames), adapters=_adapter())
        if take != 6:
            _write(path, take)
        records.append(record)
    return tuple(records)


def _blend(frames: int) -> tuple[TakeChange, ...]:
    return (
        TakeChange(0, ((PROMPT, 1.0),)),
        TakeChange(frames // 2, ((PROMPT, 0.62), (OTHER, 0.38)), "vocals", guidance=4.0),
    )


def _adapter() -> tuple[AdapterUse, ...]:
    return (AdapterUse("my-loops", 0.6, "77aa01", "CC0-1.0"),)


def _write(path: Path, take: int) -> None:
    """Noise under the peaks that a rehearsal tells."""
    peaks = np.repeat(waveform(take, 0, round(SECONDS * 50), TEMPO).peaks, 640, axis=0)
    grain = np.random.default_rng(take).uniform(-1, 1, len(peaks))
    shape = 0.75 + 0.25 * np.sin(np.arange(len(peaks)) / MODEL_RATE * (0.4 + take % 5))
    pcm = np.where(grain < 0, -grain * peaks[:, 0], grain * peaks[:, 1]) * shape
    soundfile.write(path, pcm.astype(np.float32), MODEL_RATE, subtype="PCM_24")


def _set_up(records: tuple[TakeRecord, ...]) -> tuple[Event, ...]:
    return (
        PromptChanged(PROMPT), ParameterChanged("tempo", TEMPO), StatusChanged(READY),
        TreeChanged(records, (), 11, whole=True),
    )  # fmt: skip


def _take(take: int, seconds: float) -> tuple[Event, ...]:
    return (Accepted(take, Origin()), waveform(take, 0, int(50 * seconds), TEMPO))


def scenes(records: tuple[TakeRecord, ...], now: float) -> dict[str, Scene]:
    """All of them by name. now: the moment of the pictures, by the displays' clock."""
    begun = _set_up(records)
    rolling = replace(READY, state="playing", clock="midi", rolling=True, take=12, sounding=12)
    clock = replace(AT_BAR_6, at=now)
    blend = (
        PromptChanged(PROMPT, weight=0.55), PromptChanged(OTHER, slot=2, weight=0.3),
        PromptChanged(THIRD, slot=3, weight=0.15), PromptChanged("vocals", slot=0),
    )  # fmt: skip
    gone = "The sound device 'system' went away; it is opened again as soon as it is back"
    failed = replace(READY, state="error", output="", output_rate=0, underruns=3, problem=gone)
    loading = Status(state="loading", model="starter", model_progress=0.4)
    growing = replace(
        records[-1], take=12, parent=11, at=records[-1].frames, path="", frames=0, complete=False
    )
    heard = replace(READY, state="playing", take=12, sounding=5, buffered=8.0)
    tuned = replace(READY, model="musicgen-melody", licence="CC-BY-NC-4.0", hears_melody=True)
    styled = replace(READY, model="musicgen-style", licence="CC-BY-NC-4.0", hears_style=True)
    slow = "guidance is off for now: the engine makes 0.9 s of sound a second"
    play = {
        "first": Scene((StatusChanged(loading),)),
        "idle": Scene(begun),
        "playing": Scene((
            *begun, *blend, clock, *_take(12, 14.2),
            StatusChanged(replace(rolling, state="generating", buffered=4.6)),
            Playhead(12, 9.6), TakeProgress(12, 14.2 / SECONDS), Scheduled(13, 9, 5.4),
            levels(0.35), levels(0.62),
        )),
        "alternatives": Scene((
            *begun, clock, *_take(12, SECONDS), StatusChanged(replace(rolling, buffered=9.0)),
            Playhead(12, 13.6), AlternativesReady((13, 14, 12)), TakeSaved(12, "12.wav", SECONDS),
            TakeProgress(12, 1.0), levels(0.35), levels(0.5),
        )),
        "melody": Scene((
            *begun, StatusChanged(tuned), MelodyChanged("/home/me/whistled.wav", 8.2),
        )),
        "style": Scene((
            *begun, StatusChanged(styled), StyleChanged("/home/me/dusty-break.wav", 3.0),
        )),
        "drop": Scene(
            (*begun, StatusChanged(tuned)), then=lambda window: window.clip_drop.overlay.cover()
        ),
        "presets": Scene((*begun,), then=lambda window: window.prompt.preset.click()),
        "midi-learn": Scene(
            (*begun, ControllerMapped("temperature", None, learning=True)),
            then=lambda window: window.parameters.more.setChecked(True),
        ),
        "slow": Scene((
            *begun, clock, *_take(12, 9.2),
            StatusChanged(replace(rolling, latency="guidance off", headroom=0.9, buffered=1.1)),
            Playhead(12, 8.1), TakeProgress(12, 9.2 / SECONDS),
            LatencyChanged("guidance off", True, slow), levels(0.3),
        )),
        "error": Scene((*begun, StatusChanged(failed), Problem("audio", gone))),
    }  # fmt: skip
    takes = {
        "takes": Scene(
            (*begun, TreeChanged((growing,), (), 12), waveform(12, 0, 400, TEMPO),
             StatusChanged(heard), Playhead(5, 9.1)),
            "takes", lambda window: window.takes.list.look_at(5),
        ),
        "recipe": Scene(begun, "takes", _read_recipe),
        "search": Scene(begun, "takes", _search),
        "no-takes": Scene((StatusChanged(replace(READY, take=0)),), "takes"),
    }  # fmt: skip
    return play | takes | _set_up_scenes(begun)


def _set_up_scenes(begun: tuple[Event, ...]) -> dict[str, Scene]:
    sound = levels(0.3)
    scenes = {
        "set-up": Scene((*begun, sound, levels(0.5)), "set-up"),
        "doctor": Scene(
            (*begun, measured(), sound), "set-up", lambda window: window.setup.show_doctor()
        ),
        "osc-monitor": Scene((*begun, sound), "set-up", lambda window: window.setup.show_osc()),
        "models": Scene(begun, "models", lambda window: window.models.look_at(MELODY)),
        "download": Scene(begun, "models", download, lambda w: w.models.progress.value() > 0),
        "download-failed": Scene(begun, "models", failed_download, worked),
        "guide": Scene(begun, "guide"),
    }
    for daw in ("ableton", "reaper", "bitwig", "logic", "ardour", "puredata"):
        scenes[f"guide-{daw}"] = Scene(
            begun, "guide", lambda window, daw=daw: window.guide.look_at(daw)
        )
    return scenes


def _search(window: MainWindow) -> None:
    window.takes.search.setText("house")
    window.takes.list.look_at(9)


def _read_recipe(window: MainWindow) -> None:
    window.takes.list.look_at(11)
    window.takes.detail.recipe_button.setChecked(True)
