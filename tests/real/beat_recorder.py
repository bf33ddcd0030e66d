"""A JACK client that keeps audio and MIDI clock side by side, both by JACK's own frames."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import jack
import numpy as np
from numpy.typing import NDArray

from tests.real.jack_child import JackChild

TICK, START, CONTINUE = 0xF8, 0xFA, 0xFB


class BeatRecorder(JackChild):
    """`take` hears the program, `click` another one, `ticks` MIDI clock."""

    def __init__(self, folder: Path) -> None:
        super().__init__(_record)
        self._kept = folder / "recorded.npz"

    def port(self, name: str) -> str:
        return f"{self.name}:{name}"

    def frame(self) -> int:
        """How many frames were recorded so far."""
        return self("frame")

    def result(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """take, click [frames] and, of the last start's ticks, the frames in them. Raises
        AssertionError where JACK left out a cycle."""
        assert self("keep", str(self._kept)), "a cycle is missing in the recording"
        with np.load(self._kept) as kept:
            events = kept["events"].reshape(-1, 2)
            take, click = kept["take"], kept["click"]
        begun = np.flatnonzero((events[:, 1] == START) | (events[:, 1] == CONTINUE))
        if len(begun):
            events = events[begun[-1] :]
        return take, click, events[events[:, 1] == TICK, 0]


def _record(pipe: Connection) -> None:
    client = jack.Client("beats", no_start_server=True)
    inputs: Any = [client.inports.register(name) for name in ("take", "click")]
    clock: Any = client.midi_inports.register("ticks")
    audio: tuple[list[bytes], list[bytes]] = ([], [])
    events: list[tuple[int, int]] = []
    recorded, expected, whole = 0, -1, True

    @client.set_process_callback
    def process(frames: int) -> None:
        nonlocal recorded, expected, whole
        began = client.last_frame_time
        whole = whole and expected in (-1, began)
        expected = began + frames & 0xFFFFFFFF  # JACK's counter has 32 bits
        for port, kept in zip(inputs, audio, strict=True):
            kept.append(bytes(port.get_buffer()))
        for offset, data in clock.incoming_midi_events():
            events.append((recorded + offset, data[0][0]))
        recorded += frames

    def keep(path: str) -> bool:
        take, click = (np.frombuffer(b"".join(list(kept)), np.float32) for kept in audio)
        np.savez(path, take=take, click=click, events=np.array(list(events), np.int64))
        return whole

    client.activate()
    pipe.send(client.name)
    while (words := pipe.recv())[0] != "quit":
        pipe.send(keep(words[1]) if words[0] == "keep" else recorded)
    client.deactivate()
    client.close()
