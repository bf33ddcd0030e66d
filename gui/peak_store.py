"""The peaks of takes, for whoever draws them: grown while a take is made, else read from its file.

A thread reads files, the one asked for last first: what was scrolled past can wait, and soon is
not waited for any more. What was read is kept, up to a limit.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QObject, pyqtSignal

from core.errors import BadInput
from daw_bridge.events import TakeWaveform
from daw_bridge.take_record import TakeRecord
from daw_bridge.take_sound import Peaks, read_peaks

KEPT = 512  # takes whose peaks stay in memory
WAITING = 48  # takes that are waited for at once
LONGEST = 50 * 3600 * 12  # peaks of one take


class PeakStore(QObject):
    """Qt's thread, but for the reading. `changed` says whose peaks are new, or cannot be had."""

    changed = pyqtSignal(int)
    _read = pyqtSignal(int, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._growing: dict[int, tuple[Peaks, int]] = {}  # room that doubles, and how much is used
        self._known: OrderedDict[int, Peaks] = OrderedDict()  # the one used last is at the end
        self._gone: set[int] = set()
        self._asked: set[int] = set()  # takes that are waited for, or being read
        self._paths: dict[int, str] = {}
        self._lock = threading.Condition()  # guards the next two, and wakes the thread
        self._wanted: OrderedDict[int, str] = OrderedDict()  # the one asked for last is at the end
        self._closed = False
        self._thread: threading.Thread | None = None
        self.reads = 0  # files looked into so far
        self._read.connect(self._take_over)

    def peaks(self, record: TakeRecord) -> Peaks | None:
        """What is known of a take; None: nothing yet, and it is read if there is a file."""
        take = record.take
        if take in self._growing:
            room, count = self._growing[take]
            return room[:count]
        if self._paths.get(take) != record.path:  # it was restored, or adopted
            self._forget(take)
            self._paths[take] = record.path
        if take in self._known:
            self._known.move_to_end(take)
            return self._known[take]
        if record.path and take not in self._gone and take not in self._asked:
            self._ask(take, record.path)
        return None

    def is_gone(self, take: int) -> bool:
        """Its file was looked for and is not there, or is no sound."""
        return take in self._gone

    def grow(self, event: TakeWaveform) -> None:
        """Peaks of a take in flight."""
        room, count = self._growing.get(event.take, (np.zeros((512, 2), np.float32), 0))
        end = event.first + len(event.peaks)
        if event.first < 0 or end > LONGEST:
            return
        if end > len(room):
            grown = np.zeros((max(end, 2 * len(room)), 2), np.float32)
            grown[:count] = room[:count]
            room = grown
        room[event.first : end] = event.peaks
        self._growing[event.take] = (room, max(count, end))
        self.changed.emit(event.take)

    def saved(self, take: int, path: str, *, as_heard: bool) -> None:
        """A take is on disk. as_heard: what was told of it is what is in the file."""
        room, count = self._growing.pop(take, (None, 0))
        self._forget(take)
        self._paths[take] = path
        if room is not None and as_heard:
            self._keep(take, room[:count].copy())
        self.changed.emit(take)

    def look_again(self) -> None:
        """Files have changed: those that were gone may be back, others may be gone."""
        for take, path in self._paths.items():
            if path and (take in self._known or take in self._gone):
                there = Path(path).exists()
                if there == (take in self._gone):
                    self._forget(take)
                    if not there:
                        self._gone.add(take)
                    self.changed.emit(take)

    def close(self) -> None:
        """No signal leaves after this."""
        with self._lock:
            self._closed = True
            self._wanted.clear()
            self._lock.notify()
        if self._thread is not None:
            self._thread.join(5)

    # ------------------------------------------------------------------ the reading

    def _ask(self, take: int, path: str) -> None:
        self._asked.add(take)
        with self._lock:
            self._wanted[take] = path
            while len(self._wanted) > WAITING:
                passed_by, _ = self._wanted.popitem(last=False)
                self._asked.discard(passed_by)
            self._lock.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="peaks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._wanted and not self._closed:
                    self._lock.wait()
                if self._closed:
                    return
                take, path = self._wanted.popitem()
            try:
                found: Peaks | None = read_peaks(Path(path), lambda: not self._closed)
            except (BadInput, OSError, RuntimeError):
                found = None
            with self._lock:
                if self._closed:
                    return
                self._read.emit(take, path, found)

    def _take_over(self, take: int, path: str, found: Peaks | None) -> None:
        """Qt's thread again."""
        self.reads += 1
        self._asked.discard(take)
        if self._paths.get(take) != path or take in self._growing:
            return
        if found is None:
            self._gone.add(take)
        else:
            self._keep(take, found)
        self.changed.emit(take)

    def _keep(self, take: int, peaks: Peaks) -> None:
        self._known[take] = peaks
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    def _forget(self, take: int) -> None:
        self._known.pop(take, None)
        self._gone.discard(take)
