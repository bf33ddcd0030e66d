"""JACK clients for tests, each in a process of its own: libjack must not take the tests along."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import jack
import numpy as np

from daw_bridge.time_anchor import TimeAnchor

Ask = Callable[..., Any]


class JackChild:
    """`child("what", …)` asks the client for something and waits for the answer."""

    def __init__(self, main: Callable[[Connection], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, its = context.Pipe()
        self._process = context.Process(target=main, args=(its,), daemon=True)
        self._process.start()
        its.close()
        self.name: str = self._answer()  # of its port

    def __call__(self, *words: object) -> Any:
        self._pipe.send(words)
        return self._answer()

    def _answer(self) -> Any:
        assert self._pipe.poll(10), "no answer from the JACK client"
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.send(("quit",))
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self._pipe.close()


class TickRecorder(JackChild):
    """Hears what a follower hears, each tick with its exact frame."""

    def __init__(self) -> None:
        super().__init__(_record_ticks)

    def ticks(self) -> tuple[np.ndarray, np.ndarray]:
        """Since the last start or continue: frames, and time.monotonic() of each tick."""
        heard = self("heard")
        begun = [i for i, (byte, _, _) in enumerate(heard) if byte in (0xFA, 0xFB)]
        rows = [row[1:] for row in heard[begun[-1] if begun else 0 :] if row[0] == 0xF8]
        found = np.array(rows, np.float64).reshape(-1, 2)
        return found[:, 0], found[:, 1]


class ClickRecorder(JackChild):
    """Hears audio; `onsets()` are the times at which it was first loud after 50 ms of silence."""

    def __init__(self) -> None:
        super().__init__(_record_clicks)

    def onsets(self) -> list[float]:
        return self("onsets")


class Conductor(JackChild):
    """Starts, stops and moves the transport, and is the timebase master if asked."""

    def __init__(self) -> None:
        super().__init__(_conduct)

    def frame(self) -> tuple[float, int]:
        """time.monotonic() and the transport's frame then: of five readings the quickest."""
        return self("frame")


class LoopPlayer(JackChild):
    """Plays a loop again and again, as a drummer beside a clock would."""

    def __init__(self) -> None:
        super().__init__(_play_loop)

    def play(self, loop: np.ndarray) -> float:
        """From now on. loop: float32 [samples] at the server's rate. Returns `began`."""
        self("play", loop)
        return self.began()

    def began(self) -> float:
        """time.monotonic() of the first sample, by the server's pace of now: one that was held
        up has moved it."""
        return self("began")


class DelayLine(JackChild):
    """A wire that is longer than it looks: `("delay", frames)`. `("lose", frames, seconds)` leaves
    out so many, so many seconds from now, and is shorter from there on."""

    def __init__(self) -> None:
        super().__init__(_delay)

    def origin(self) -> float:
        """time.monotonic() of frame 0, by the server's pace of now: one that was held up has moved
        it."""
        return self("origin")


# ---------------------------------------------------------------- in the child


def _record_ticks(pipe: Connection) -> None:
    client = jack.Client("recorder", no_start_server=True)
    port: Any = client.midi_inports.register("in")
    anchor, rate = TimeAnchor(median), client.samplerate
    heard: list[tuple[int, int, float]] = []

    @client.set_process_callback
    def process(frames: int) -> None:
        began = _note(client, anchor)
        for offset, data in port.incoming_midi_events():
            heard.append((data[0][0], began + offset, anchor.at((began + offset) / rate)))

    _answer(client, pipe, port.name, {"heard": lambda: list(heard)})


def _record_clicks(pipe: Connection) -> None:
    client = jack.Client("clicks", no_start_server=True)
    port: Any = client.inports.register("in")
    anchor, rate = TimeAnchor(median), client.samplerate
    onsets: list[float] = []
    sounded = -rate

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal sounded
        began = _note(client, anchor)
        loud = np.flatnonzero(np.abs(port.get_array()) > 1e-6)
        if len(loud):
            if began + int(loud[0]) - sounded > 0.05 * rate:
                onsets.append(anchor.at((began + int(loud[0])) / rate))
            sounded = began + int(loud[-1])

    _answer(client, pipe, port.name, {"onsets": lambda: list(onsets)})


def _play_loop(pipe: Connection) -> None:
    client = jack.Client("drummer", no_start_server=True)
    port: Any = client.outports.register("out")
    anchor, rate = TimeAnchor(median), client.samplerate
    playing: list[tuple[np.ndarray, int]] = []
    now = 0

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal now
        now = _note(client, anchor)
        block = port.get_array()
        block[:] = 0
        if playing:
            loop, origin = playing[0]
            at = now - origin + np.arange(frames)
            block[:] = np.where(at < 0, 0, loop[at % len(loop)])

    def play(loop: np.ndarray) -> None:
        origin = now + rate // 5
        playing[:] = [(loop, origin)]
        time.sleep(0.5)  # until the anchor has settled

    doors: dict[str, Ask] = {"play": play, "began": lambda: anchor.at(playing[0][1] / rate)}
    _answer(client, pipe, port.name, doors)


def _delay(pipe: Connection) -> None:
    client = jack.Client("delay", no_start_server=True)
    source: Any = client.inports.register("in")
    sink: Any = client.outports.register("out")
    anchor, rate = TimeAnchor(median), client.samplerate
    past = np.zeros(rate, np.float32)
    late, losses = 0, list[tuple[int, int]]()  # frames, and the frame from which on

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal late
        began = _note(client, anchor)
        if losses and began >= losses[0][1]:
            late -= losses.pop()[0]
        past[:-frames] = past[frames:]
        past[-frames:] = source.get_array()
        sink.get_array()[:] = past[len(past) - frames - late : len(past) - late]

    def delay(by: int) -> None:
        nonlocal late
        late = by

    def lose(count: int, seconds: float) -> None:
        losses.append((count, client.frame_time + round(seconds * rate)))

    doors: dict[str, Ask] = {"delay": delay, "lose": lose, "origin": lambda: anchor.at(0.0)}
    _answer(client, pipe, sink.name, doors)


def _conduct(pipe: Connection) -> None:
    client = jack.Client("conductor", no_start_server=True)

    def lead(bpm: float) -> None:
        @client.set_timebase_callback
        def at_frame(state: int, size: int, position: Any, is_new: bool) -> None:
            ticks = position.frame / position.frame_rate * bpm / 60 * 1920
            position.valid = 0x10  # bar, beat and tick
            position.bar = int(ticks // 7680) + 1
            position.beat = int(ticks % 7680 // 1920) + 1
            position.tick = int(ticks % 1920)
            position.beats_per_bar, position.beat_type = 4, 4
            position.ticks_per_beat, position.beats_per_minute = 1920, bpm

    def locate(frame: int) -> None:
        client.transport_frame = frame

    def frame() -> tuple[float, int]:
        readings = []
        for _ in range(5):
            before, at, after = time.monotonic(), client.transport_frame, time.monotonic()
            readings.append((after - before, (before + after) / 2, at))
        return min(readings)[1:]

    doors: dict[str, Ask] = {
        "start": client.transport_start,
        "stop": client.transport_stop,
        "locate": locate,
        "lead": lead,
        "release": client.release_timebase,
        "frame": frame,
    }
    _answer(client, pipe, client.name, doors)


def _note(client: Any, anchor: TimeAnchor) -> int:
    """Of this cycle: the frame it began with, which is also told to `anchor`."""
    began, rate = client.last_frame_time, client.samplerate
    anchor.note(began / rate, time.monotonic() - client.frames_since_cycle_start / rate)
    return began


def _answer(client: Any, pipe: Connection, name: str, doors: dict[str, Ask]) -> None:
    client.activate()
    pipe.send(name)
    while (words := pipe.recv())[0] != "quit":
        pipe.send(doors[words[0]](*words[1:]))
    client.deactivate()
    client.close()
