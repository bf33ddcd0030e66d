"""The tray application on a controller without an engine, for a test to click on.

Says on stdout, a JSON object a line, whatever changes: where the icon and the menu's entries
are, what is open, and each command that reaches the controller. A state on stdin is shown.
"""

from __future__ import annotations

import json
import sys
import threading

from PyQt6.QtCore import QRect, QTimer
from PyQt6.QtWidgets import QApplication

from daw_bridge.commands import AskParameter, Command
from daw_bridge.events import Status, StatusChanged
from gui import app as gui_app
from gui.rehearsal import Rehearsal


def say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class Spoken(Rehearsal):
    def submit(self, command: Command) -> None:
        super().submit(command)
        if not isinstance(command, AskParameter):
            say(command=type(command).__name__, prompt=getattr(command, "prompt", None))


def middle(place: QRect, ratio: float) -> list[int]:
    """In pixels of the screen."""
    return [round(place.center().x() * ratio), round(place.center().y() * ratio)]


def facts(application: gui_app.TrayApplication) -> dict[str, object]:
    """What a person would see."""
    window, tray = application.window, application.tray
    ratio = window.devicePixelRatioF()
    found: dict[str, object] = {"panel": window.isVisible(), "menu": tray.menu.isVisible()}
    if not tray.icon.geometry().isEmpty():
        found["icon"] = middle(tray.icon.geometry(), ratio)
    if window.isVisible():
        found["focus"] = window.prompt.edit.hasFocus()
    if tray.menu.isVisible():
        for action in tray.menu.actions():
            place = tray.menu.actionGeometry(action)
            place.moveTopLeft(tray.menu.mapToGlobal(place.topLeft()))
            found["entry " + action.text().replace("&", "")] = middle(place, ratio)
    return found


def main() -> int:
    controller = Spoken()
    app = QApplication(["daw-bridge"])
    told: dict[str, object] = {}

    def look() -> None:
        application = app.findChild(gui_app.TrayApplication)
        if application is not None:
            now = facts(application)
            if now != told:
                told.clear()
                told.update(now)
                say(**now)

    def listen() -> None:
        for line in sys.stdin:
            controller.emit(StatusChanged(Status(state=line.strip(), model="starter")))

    timer = QTimer(app)
    timer.timeout.connect(look)
    timer.start(40)
    threading.Thread(target=listen, daemon=True).start()
    return gui_app.run(controller, {"Funk": "funky drums and bass"}, 9770, list)


if __name__ == "__main__":
    sys.exit(main())
