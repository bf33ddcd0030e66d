"""The disk thread: does the session's slow work in order and answers with outcomes."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from core.errors import DawBridgeError
from daw_bridge import disk_messages as disk
from daw_bridge.clips import read_head
from daw_bridge.dropped_files import read_dropped, recall
from daw_bridge.loopback.examination import examine
from daw_bridge.looping.loop_making import at_tempo
from daw_bridge.settings import SettingsFile
from daw_bridge.takes import TakeLibrary, problem_of

log = logging.getLogger(__name__)

RETRY_EVERY = 2.0  # seconds between attempts to write what a full disk refused


class DiskWorker:
    """One thread that owns the take library and the settings file."""

    def __init__(
        self,
        takes: TakeLibrary,
        settings: SettingsFile,
        answer: Callable[[disk.DiskOutcome], None],
    ) -> None:
        self._takes, self._settings, self._answer = takes, settings, answer
        self._queue: queue.SimpleQueue[disk.DiskRequest | None] = queue.SimpleQueue()
        self._said: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._run, name="disk", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def do(self, request: disk.DiskRequest) -> None:
        """Any thread."""
        self._queue.put(request)

    def stop(self) -> tuple[str, ...]:
        """Finish what was asked for. Lines that say where takes are that found no room."""
        self._queue.put(None)
        self._thread.join(timeout=10)
        return self._said

    # ------------------------------------------------------------------ its thread

    def _run(self) -> None:
        while True:
            try:
                request = self._queue.get(timeout=RETRY_EVERY)
            except queue.Empty:
                self._catch_up()
                continue
            if request is None:
                self._catch_up(last=True)
                self._said = self._takes.stop()
                return
            try:
                self._do(request)
            except (OSError, DawBridgeError) as refused:
                code, text = problem_of(refused)
                self._answer(disk.DiskProblem(code, text, _token(request), _take(request)))
            except Exception as broken:  # the takes that follow are still written
                log.debug("%s failed", type(request).__name__, exc_info=True)
                text = f"the disk's work failed ({type(broken).__name__}: {broken}); try again"
                self._answer(disk.DiskProblem("failure", text, _token(request), _take(request)))
            if self._queue.empty():
                self._catch_up()

    def _do(self, request: disk.DiskRequest) -> None:
        match request:
            case disk.OpenTake(record):
                self._takes.open(record)
            case disk.KeepPcm(block):
                self._takes.add_pcm(block.take, block.pcm)
            case disk.KeepTokens(tokens):
                self._takes.add_codes(tokens.take, tokens.first_frame, tokens.codes)
            case disk.CutTake(take, frames, samples):
                self._takes.cut(take, frames, samples)
            case disk.KeepContext(take, codes):
                self._takes.add_context(take, codes)
            case disk.CloseTake(record):
                if record.loop and record.complete:
                    record, ready = self._takes.close_loop(record)
                    self._answer(ready)
                written = self._takes.close(record)
                if written is not None:
                    self._answer(disk.TakeWritten(written))
            case disk.NoteTake(record):
                self._takes.note(record)
            case disk.KeepCurrent(take):
                self._takes.keep_current(take)
            case disk.MarkTake(take, kept):
                self._takes.mark(take, kept=kept)
            case disk.NameTake(take, name):
                self._takes.rename(take, name)
            case disk.DiscardTake(take):
                self._takes.discard(take)
                self._answer(disk.TakeDiscarded(take))
            case disk.ReclaimTake(take):
                self._answer(disk.TakeReclaimed(self._takes.reclaim(take)))
            case disk.ReadSound(token, take, first, count):
                pcm, whole = self._takes.sound(take, first, count)
                self._answer(disk.SoundRead(token, take, first, pcm, whole))
            case disk.ReadClip(token, path, seconds, from_start=True):
                self._answer(disk.ClipRead(token, *read_head(path, seconds), path))
            case disk.ReadClip():
                self._answer(read_dropped(self._takes, request))
            case disk.AdoptTake(token, path, take):
                self._answer(disk.TakeWritten(self._takes.adopt(Path(path).expanduser(), take)))
                self._answer(recall(self._takes, token, take, None))
            case disk.RecallTake(token, take, frame, lead):
                self._answer(recall(self._takes, token, take, frame, lead))
            case disk.RecallRecipe(token, take):
                codes, record = self._takes.codes_before(take)
                self._answer(disk.RecipeRecalled(token, record, codes))
            case disk.StretchLoop(take, pcm, samples):
                self._answer(disk.LoopStretched(take, at_tempo(pcm, samples)))
            case disk.ExamineLoopback(token, heard, train, reported, underruns, buffer):
                report = examine(heard, train, reported, underruns, buffer)
                self._answer(disk.LoopbackExamined(token, report))
            case disk.KeepSettings(values):
                self._settings.change(values)
            case _:
                assert_never(request)

    def _catch_up(self, *, last: bool = False) -> None:
        for record in self._takes.write_waiting():
            self._answer(disk.TakeWritten(record))
        try:
            self._settings.flush(now=last)
        except OSError as refused:
            text = f"settings cannot be written ({refused.strerror or refused})"
            self._answer(disk.DiskProblem("disk", text))


def _token(request: disk.DiskRequest) -> int | None:
    return getattr(request, "token", None)


def _take(request: disk.DiskRequest) -> int | None:
    match request:
        case disk.OpenTake(record) | disk.CloseTake(record):
            return record.take
        case disk.KeepPcm(block):
            return block.take
        case _:
            return None
