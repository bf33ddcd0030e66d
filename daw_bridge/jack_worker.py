"""The JACK process: MIDI with the frame it was sent for, and the transport.

A process of its own, because libjack is not to be trusted with another one's life: when jackd
dies, closing a client can hang. And because JACK calls back on a thread of its own, which must
not wait for an interpreter that is busy with a panel: that would delay the whole graph.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import threading
import time
from collections import deque
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from daw_bridge.jack_latency import playback_latency
from daw_bridge.jack_messages import (
    Follow,
    InGraph,
    JackLostTime,
    JackMidi,
    JackPosition,
    Leave,
    NoJack,
    NoServer,
)
from daw_bridge.time_anchor import TimeAnchor

CLIENT = "daw-bridge"
LOOK_EVERY = 2.0  # seconds between two looks for a server, or for ports that came
ASK_EVERY = 0.03  # seconds between two readings of the transport
REST = 0.02
ROLLING = 1  # JackTransportRolling
HAS_BBT, HAS_OFFSET = 0x10, 0x40  # JackPositionBBT, JackBBTFrameOffset
SERVER_GONE = 3  # exit code


def run_jack(connection: Connection) -> None:
    """The child's main function; ends with the pipe, or with the server."""
    try:
        import jack
    except (ImportError, OSError) as missing:
        with contextlib.suppress(OSError):
            connection.send(NoJack(str(missing)))
        return
    for quiet in (jack.set_error_function, jack.set_info_function):
        quiet(lambda line: None)  # what matters is said by the application
    with contextlib.suppress(OSError, EOFError, KeyboardInterrupt):
        _Worker(jack, connection).run()


class _Worker:
    def __init__(self, jack: Any, connection: Connection) -> None:
        self._jack, self._connection = jack, connection
        follow = connection.recv()
        self._wanted = follow.wanted if isinstance(follow, Follow) else None
        self._heard: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._cycles: deque[tuple[float, float]] = deque(maxlen=256)  # device time, monotonic
        self._position: tuple[bool, float | None, float, float] | None = None
        self._anchor = TimeAnchor(median)
        self._latency = 0.0  # what is sent for a frame belongs to the sound of that frame
        self._gone = threading.Event()

    def run(self) -> None:
        said = False
        while (client := self._open()) is None:
            if not said:
                self._connection.send(NoServer())
                said = True
            if self._told_to_leave(LOOK_EVERY):
                return
        self._serve(client)

    def _open(self) -> Any:
        try:
            return self._jack.Client(CLIENT, no_start_server=True)
        except self._jack.JackError:
            return None

    def _told_to_leave(self, patience: float) -> bool:
        return self._connection.poll(patience) and isinstance(self._connection.recv(), Leave)

    # ------------------------------------------------------------------ in the graph

    def _serve(self, client: Any) -> None:
        port = client.midi_inports.register("in")
        self._prepare(client, port)
        client.activate()
        self._latency = playback_latency(self._jack, client)
        self._connection.send(InGraph(port.name))
        if client.realtime:  # the callback may have to wait for this thread's interpreter lock
            with contextlib.suppress(OSError, AttributeError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        gc.freeze()
        gc.disable()
        looked = 0.0
        while not self._gone.is_set():
            self._report()
            if self._told_to_leave(0):
                client.deactivate()
                client.close()
                return
            if time.monotonic() - looked > LOOK_EVERY:
                looked = time.monotonic()
                self._connect_wanted(client, port)
        os._exit(SERVER_GONE)  # closing the client could hang

    def _prepare(self, client: Any, port: Any) -> None:
        rate = client.samplerate
        frames, last, ask_at = 0, client.last_frame_time, 0.0

        @client.set_shutdown_callback
        def shutdown(status: object, reason: str) -> None:
            self._gone.set()

        @client.set_process_callback
        def process(count: int) -> None:  # JACK's thread: no lock, no pipe, no long way
            nonlocal frames, last, ask_at
            newest = client.last_frame_time
            frames += (newest - last) & 0xFFFFFFFF  # JACK's counter has 32 bits
            last = newest
            began, now = frames / rate, time.monotonic()
            self._cycles.append((began, now - client.frames_since_cycle_start / rate))
            for offset, data in port.incoming_midi_events():
                self._heard.put((began + offset / rate, bytes(data)))
            if now >= ask_at:
                ask_at = now + ASK_EVERY
                state, position = client.transport_query_struct()
                self._position = (*_read(state, position), began)

    def _report(self) -> None:
        """Tell what the callback heard."""
        try:
            heard = [self._heard.get(timeout=REST)]
        except queue.Empty:
            heard = []
        while not self._heard.empty():
            heard.append(self._heard.get())
        lost = 0.0
        while self._cycles:
            lost += self._anchor.note(*self._cycles.popleft())
        if lost:
            self._connection.send(JackLostTime(lost))
        for device, data in heard:
            self._connection.send(JackMidi(data, self._anchor.at(device) + self._latency))
        position, self._position = self._position, None
        if position is not None:
            rolling, bpm, beat, began = position
            at = self._anchor.at(began) + self._latency
            self._connection.send(JackPosition(rolling, bpm, beat, at))

    def _connect_wanted(self, client: Any, port: Any) -> None:
        """Connect the sources that are asked for by name as they come."""
        if self._wanted is None:
            return
        with contextlib.suppress(self._jack.JackError):
            already = {source.name for source in port.connections}
            for source in client.get_ports(is_midi=True, is_output=True):
                asked = self._wanted == "all" or self._wanted.lower() in source.name.lower()
                if asked and "through" not in source.name.lower() and source.name not in already:
                    client.connect(source, port)


def _read(state: int, position: Any) -> tuple[bool, float | None, float]:
    """Whether it rolls, its tempo in quarter notes a minute, and the quarter notes so far."""
    rolling = state == ROLLING
    if not position.valid & HAS_BBT or position.beats_per_minute <= 0:
        return rolling, None, 0.0
    beats = (position.bar - 1) * position.beats_per_bar + (position.beat - 1)
    beats += position.tick / (position.ticks_per_beat or 1)
    quarters = beats * 4 / (position.beat_type or 4)
    if position.valid & HAS_OFFSET:  # what was said is for a frame so much later
        quarters -= position.bbt_offset / position.frame_rate * position.beats_per_minute / 60
    return rolling, position.beats_per_minute, quarters
