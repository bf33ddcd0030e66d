"""A session as a musician has it: the whole program in its window, by mouse and keyboard alone.

What is seen is looked for on the screen; what came of it, on disk and over OSC.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from gui.theme import LIGHT
from tests.real.ardour import Ardour
from tests.real.conftest import JackServer
from tests.real.desktop import Desktop, Place, end, of_colour, watch
from tests.real.seen_panel import SeenPanel
from tests.real.serving import OscClient, Program

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
PROMPT = "slow strings, warm"
FRAME = 640  # samples
OPTIONS = ("--device", "cpu", "--no-discovery")


class Musician:
    """Plays the program that is on a desktop."""

    def __init__(self, desktop: Desktop, program: Program) -> None:
        self.desktop, self.program = desktop, program
        self.panel = SeenPanel(desktop)

    def watch_it_grow(self) -> list[int]:
        """Until a sixth of the strip has sound in it: in how many columns it was seen."""
        enough = self.panel.waveform().shape[1] / 6
        seen: list[int] = []

        def grown() -> bool:
            columns = self.panel.heard_columns()
            if seen or columns < enough:  # the take before fills the strip
                seen.append(columns)
            return bool(seen) and columns > enough

        watch(grown, "the waveform grows", 60)
        return seen

    def stop(self, take: int) -> Path:
        """Esc; the file of the take."""
        self.desktop.key("Escape")
        found = watch(lambda: self.files(take), f"take {take} on disk")
        watch(lambda: not self.panel.progress_shown(), "nothing is under way")
        watch(self.panel.card, "the card to drag")
        return found[0]

    def seen_at_rest(self) -> NDArray[np.float64]:
        """The waveform, once it changes no more."""
        looks = [self.panel.profile()]

        def still() -> bool:
            time.sleep(0.1)
            looks.append(self.panel.profile())
            return np.array_equal(looks[-1], looks[-2])

        watch(still, "the waveform is at rest")
        return looks[-1]

    def files(self, take: int) -> list[Path]:
        return list(self.program.takes.glob(f"take-{take:04}*.wav"))

    def take_hold(self) -> Place:
        return watch(self.panel.card, "the card to drag")


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    with Desktop() as made:
        for name in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.setenv(name, made.environment[name])
        yield made
        made.keep(tmp_path / "screen.png")  # where a test that fails was


def play_a_session(musician: Musician, client: OscClient) -> list[Path]:
    """Prompt, generate, stop, continue, stop, branch, stop, undo: the three takes."""
    desktop, panel = musician.desktop, musician.panel
    desktop.type(PROMPT)
    desktop.click(panel.generate)
    seen = musician.watch_it_grow()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3, seen
    first = musician.stop(1)
    assert panel.heard_columns() > 0.9 * panel.waveform().shape[1]

    desktop.key("ctrl+e")
    musician.watch_it_grow()
    second = musician.stop(2)

    before = musician.seen_at_rest()
    desktop.click(panel.in_waveform(0.5))
    watch(lambda: of_colour(panel.waveform(), [LIGHT.warning]).any(), "a cursor")
    desktop.key("ctrl+b")
    musician.watch_it_grow()
    third = musician.stop(3)

    desktop.key("alt+Left")
    watch(lambda: alike(panel.profile(), before), "the second take again")
    client.send("/musicgen/takes")
    assert client.wait_for("/musicgen/takes")[1][-1] == 2
    return [first, second, third]


def alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two waveforms are the same but for a line through one of them."""
    return len(one) == len(other) and float(np.mean(np.abs(one - other) > 0.03)) < 0.05


def check_takes(takes: list[Path]) -> None:
    """Each is there, and comes from where the musician made it."""
    told = [json.loads(take.with_suffix(".json").read_text()) for take in takes]
    assert [one["parent"] for one in told] == [None, 1, 2]
    assert told[0]["prompts"][0][1].startswith(PROMPT)  # beside a clock its tempo is added
    assert told[1]["at"] == told[0]["frames"]
    assert told[2]["at"] == pytest.approx(told[1]["frames"] / 2, rel=0.1)
    for take, one in zip(takes, told, strict=True):
        sound = soundfile.read(take, dtype="float32")[0]
        assert abs(len(sound) - one["frames"] * FRAME) <= FRAME
        assert np.abs(sound).max() > 0.01


def test_a_session_at_the_window(
    jack_server: Callable[..., JackServer], desktop: Desktop, tmp_path: Path
) -> None:
    jack_server(period=1024)
    with Program(tmp_path, *OPTIONS, display=desktop.display) as program:
        musician = Musician(desktop, program)
        panel, client = musician.panel, OscClient(program.port)
        watch(panel.progress_shown, "the model's loading moves")
        assert not any("ready:" in line for line in program.lines)

        takes = play_a_session(musician, client)
        given = drop_on_another_program(desktop, musician.take_hold())
        assert given == f"{hashlib.sha256(takes[1].read_bytes()).hexdigest()} {takes[1]}"

        desktop.key("alt+F4")
        watch(lambda: not panel.visible, "the window is closed")
        assert client.status()["state"] == "idle"
        desktop.click(watch(lambda: panel.tray_icon("idle"), "the tray's icon"))
        watch(lambda: panel.visible, "the window again")
        client.close()
    check_takes(takes)


@pytest.mark.accept
@pytest.mark.timeout(300)
def test_a_take_is_dragged_into_ardour(
    jack_server: Callable[..., JackServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """jackd at the takes' own rate: nothing is converted on the way, so all samples are equal."""
    server = jack_server(rate=32_000, period=1024, realtime=True)
    with Ardour(tmp_path, server, 120.0) as ardour:
        desktop = ardour.desktop
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
        editor = desktop.place_of("sess - Ardour")
        with Program(tmp_path, *OPTIONS, display=desktop.display) as program:
            musician, client = Musician(desktop, program), OscClient(program.port)
            desktop.move("^daw-bridge$", (480, 240))  # beside the tracks' beginning
            takes = play_a_session(musician, client)
            below_the_tracks = editor[0] + 330, editor[1] + 500
            desktop.drag(musician.take_hold(), below_the_tracks)
            folder = ardour.folder / "interchange"
            watch(lambda: list(folder.rglob("take-*.wav")), "the take in Ardour's folder")
            time.sleep(1.0)  # it makes a track for it
            ardour.send("/save_state")
            session = ardour.folder / "sess.ardour"
            watch(lambda: f'<Region name="{takes[1].stem}"' in session.read_text(), "a region")
            client.close()
            desktop.keep(tmp_path / "ardour.png")
    check_takes(takes)
    (found,) = folder.rglob("take-*.wav")
    there, rate = soundfile.read(found, dtype="float32")
    assert rate == 32_000
    np.testing.assert_array_equal(there, soundfile.read(takes[1], dtype="float32")[0])


def drop_on_another_program(desktop: Desktop, start: Place) -> str:
    """Drag from there onto a window that says what it was given."""
    script = Path(__file__).with_name("drop_receiver.py")
    other = subprocess.Popen(
        [sys.executable, str(script)], env=desktop.environment, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "ready\n"
        desktop.window("drop-receiver")
        desktop.drag(start, (1180, 180))
        return other.stdout.readline().strip()
    finally:
        end(other)
        other.stdout.close()
