"""Another program to drop files on: it reads what it is given and says its name and digest."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication, QWidget


class Receiver(QWidget):
    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        if event is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        data = event.mimeData() if event is not None else None
        if event is not None and data is not None:
            event.acceptProposedAction()
            path = Path(data.urls()[0].toLocalFile())
            say(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    app = QApplication(["drop-receiver"])
    window = Receiver()
    window.setWindowTitle("drop-receiver")
    window.setAcceptDrops(True)
    window.setGeometry(1100, 100, 160, 160)  # beside the panel
    window.show()
    say("ready")
    sys.exit(app.exec())
