"""What can be done, once for the panel and the tray: each action sends its command."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QKeySequence, QPalette

from daw_bridge.commands import (
    ContinueFile,
    ContinueInput,
    ContinueTake,
    Generate,
    MakeAlternatives,
    Panic,
    Redo,
    Retry,
    Stop,
    Undo,
)
from daw_bridge.events import Status
from gui.bridge_adapter import Submit
from gui.icons import glyph
from gui.wording import BUSY


class Actions(QObject):
    """`prompt` gives what the prompt box holds at the moment of the click."""

    prompt_used = pyqtSignal(str)
    file_wanted = pyqtSignal()  # open the dialog for a clip to continue
    alternatives_asked = pyqtSignal()
    branch_wanted = pyqtSignal()

    def __init__(self, submit: Submit, prompt: Callable[[], str], parent: QObject) -> None:
        super().__init__(parent)
        self._submit = submit
        self._prompt = prompt
        self._glyphs: list[tuple[QAction, str]] = []
        self.generate = self._make(
            "generate", self.tr("&Generate"), ["Ctrl+Return", "Ctrl+Enter"],
            self.tr("A new take of the prompt"), self._generate,
        )  # fmt: skip
        self.continue_input = self._make(
            "continue", self.tr("&Continue input"), ["Ctrl+K"],
            self.tr("Go on from the last bars that came in"), self._continue_input,
        )  # fmt: skip
        self.continue_file = self._make(
            "file", self.tr("Continue &file…"), ["Ctrl+O"],
            self.tr("Go on from an audio file; or drop one onto the window"),
            self.file_wanted.emit,
        )  # fmt: skip
        self.retry = self._make(
            "retry", self.tr("&Retry"), ["Ctrl+R"],
            self.tr("The last take once more, with another seed"), lambda: submit(Retry()),
        )  # fmt: skip
        self.stop = self._make(
            "stop", self.tr("&Stop"), ["Esc"],
            self.tr("Stop at the next bar; at once while no clock rolls"), lambda: submit(Stop()),
        )  # fmt: skip
        self.panic = self._make(
            "panic", self.tr("&Panic"), ["Shift+Esc"],
            self.tr("Silence at once"), lambda: submit(Panic()),
        )  # fmt: skip
        self.undo = self._make(
            "undo", self.tr("Undo take"), ["Alt+Left"],
            self.tr("Back to the take that the current one came from"), lambda: submit(Undo()),
        )  # fmt: skip
        self.redo = self._make(
            "redo", self.tr("Redo take"), ["Alt+Right"],
            self.tr("Forward to what was undone"), lambda: submit(Redo()),
        )  # fmt: skip
        self.alternatives = self._make(
            "more", self.tr("T&wo alternatives"), ["Ctrl+M"],
            self.tr("Two takes that go another way from the next bar, to swap in"),
            self._make_alternatives,
        )  # fmt: skip
        self.branch = self._make(
            "branch", self.tr("&Branch here"), ["Ctrl+B"],
            self.tr("A new take that goes another way, from where you clicked in the waveform"),
            self.branch_wanted.emit,
        )  # fmt: skip
        self.branch.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.branch.setEnabled(False)
        self.alternatives.setEnabled(False)
        self.retry.setEnabled(False)

    def all(self) -> list[QAction]:
        return [action for action, _ in self._glyphs]

    def window_wide(self) -> list[QAction]:
        """Those whose keys work on every page."""
        return [action for action in self.all() if action is not self.branch]

    def show_status(self, status: Status) -> None:
        """There is something to retry after the first take."""
        self.retry.setEnabled(status.take > 0)
        self.alternatives.setEnabled(status.state in BUSY)

    def colour(self, palette: QPalette) -> None:
        """Draw the icons in the colours of a palette."""
        role = QPalette.ColorRole
        ink = palette.color(role.ButtonText)
        faded = palette.color(QPalette.ColorGroup.Disabled, role.ButtonText)
        for action, name in self._glyphs:
            colour = {
                "generate": palette.color(role.HighlightedText),
                "panic": palette.color(role.BrightText),
            }.get(name, ink)
            action.setIcon(glyph(name, colour, faded))

    def continue_path(self, path: str) -> None:
        """Continue an audio file, chosen or dropped."""
        self._submit(ContinueFile(path, prompt=self._use_prompt()))

    def continue_take(self, take: int, at: float | None = None) -> None:
        """From its end; at: from so many seconds into it."""
        self._submit(ContinueTake(take, at, prompt=self._use_prompt()))

    def _generate(self) -> None:
        self._submit(Generate(prompt=self._use_prompt()))

    def _continue_input(self) -> None:
        self._submit(ContinueInput(prompt=self._use_prompt()))

    def _make_alternatives(self) -> None:
        self._submit(MakeAlternatives())
        self.alternatives_asked.emit()

    def _use_prompt(self) -> str:
        text = self._prompt()
        self.prompt_used.emit(text)
        return text

    def _make(
        self, name: str, text: str, keys: list[str], help_text: str, run: Callable[[], object]
    ) -> QAction:
        action = QAction(text, self)
        action.setShortcuts([QKeySequence(key) for key in keys])
        shown = QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{help_text} ({shown})")
        action.setStatusTip(help_text)
        action.triggered.connect(lambda _checked=False: run())
        self._glyphs.append((action, name))
        return action
