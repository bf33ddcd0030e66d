"""`daw-bridge models …` in a process of its own: the panel loads no torch.

Its answers are lines of JSON on stdout; what went wrong is its one line on stderr.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from PyQt6.QtCore import QObject, QProcess, QTimer, pyqtSignal

LEAVES_WITHIN_MS = 3000  # after a polite request
PROGRAM = (sys.executable, "-m", "daw_bridge", "models")


class ModelProcess(QObject):
    """One command. `told` carries each line; `ended` whether it went well, else why not."""

    told = pyqtSignal(dict)
    ended = pyqtSignal(bool, str)

    def __init__(
        self, words: list[str], parent: QObject, program: tuple[str, ...] = PROGRAM
    ) -> None:
        super().__init__(parent)
        self._cancelled = False
        self._over = False
        self._process = QProcess(self)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finish)
        self._process.errorOccurred.connect(self._fail)
        self._process.start(program[0], [*program[1:], *words])

    @property
    def cancelled(self) -> bool:
        """It was asked to stop."""
        return self._cancelled

    def cancel(self) -> None:
        """What has come of a download stays, and the next one goes on from there."""
        self._cancelled = True
        pid = self._process.processId()
        if pid and sys.platform != "win32":
            os.kill(pid, signal.SIGINT)
            QTimer.singleShot(LEAVES_WITHIN_MS, self._process.kill)
        else:
            self._process.kill()

    def close(self) -> None:
        """The window goes: nothing more is told."""
        self.blockSignals(True)
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self.cancel()
            self._process.waitForFinished(LEAVES_WITHIN_MS)

    def _read(self) -> None:
        while self._process.canReadLine():
            line = self._process.readLine().data()
            try:
                table = json.loads(line)
            except ValueError:
                continue  # a line for people
            if isinstance(table, dict):
                self.told.emit(table)

    def _finish(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        lines = self._process.readAllStandardError().data().decode(errors="replace").splitlines()
        why = lines[-1].removeprefix("daw-bridge: ") if lines else ""
        well = code == 0 and status == QProcess.ExitStatus.NormalExit
        self._end(well, "" if well else why)

    def _fail(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end(False, self._process.errorString())

    def _end(self, well: bool, why: str) -> None:
        if not self._over:
            self._over = True
            self.ended.emit(well, why)
            self.deleteLater()
