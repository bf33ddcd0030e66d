"""The tray application: makes the panel and the tray icon, runs until quit."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from PyQt6.QtCore import QCoreApplication, QObject, QTimer
from PyQt6.QtWidgets import QApplication, QSystemTrayIcon

from core.errors import DawBridgeError
from daw_bridge.events import LatencyChanged, Problem, TakeSaved
from daw_bridge.osc_log import OscLog
from daw_bridge.start_at_login import StartAtLogin
from gui.bridge_adapter import BridgeAdapter, ControllerDoor
from gui.device_chooser import Devices
from gui.icons import state_icon
from gui.main_window import MainWindow
from gui.panel_settings import PanelSettings
from gui.theme import follow_system
from gui.tray import Tray
from gui.unix_signals import on_signals
from gui.wording import problem_text

Presets = Mapping[str, str] | Iterable[tuple[str, str]]

TRAY_POLL_MS = 1000
NOTES = 3  # lines that do not push the panel out of its own window
TRAY_POLLS = 30  # a desktop that is still starting brings its tray within half a minute


class TrayApplication(QObject):
    """Panel and tray together: who shows when, and what closing means."""

    def __init__(
        self,
        app: QApplication,
        controller: ControllerDoor,
        presets: Presets,
        osc_port: int,
        devices: Devices | None = None,
        settings: PanelSettings | None = None,
        osc_log: OscLog | None = None,
        login: StartAtLogin | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """notes: what the start has to tell, a line each."""
        super().__init__(app)
        self._app = app
        self._settings = settings or PanelSettings()
        self._login = login or StartAtLogin()
        self._notes = [line for line in (self._settings.problem, *notes) if line]
        self._polls = 0
        self._leaving = self._closed = False
        named = dict(presets)
        self.bridge = BridgeAdapter(controller, self)
        self.window = MainWindow(self.bridge, named, osc_port, devices, self._settings, osc_log)
        self.window.closed.connect(self._panel_closed)
        self.tray = Tray(self.window.actions_, named, self.bridge.submit, self)
        self.tray.panel_wanted.connect(self.show_panel)
        self.tray.panel_toggled.connect(self._toggle_panel)
        self.tray.quit_wanted.connect(self.leave)
        self.tray.notifies = self._settings.notifications
        self.notifications = self.tray.add_choice(
            self.tr("&Notifications"), self.tray.notifies, self._switch_notifications
        )
        self.at_login = self.tray.add_choice(
            self.tr("Start at &login"), self._login.on, self._switch_login
        )
        self.bridge.status_changed.connect(self.tray.show_status)
        self.bridge.take_saved.connect(self._tell_saved)
        self.bridge.problem.connect(self._tell_problem)
        self.bridge.latency_changed.connect(self._tell_latency)
        self._wait_for_tray = QTimer(self)
        self._wait_for_tray.setInterval(TRAY_POLL_MS)
        self._wait_for_tray.timeout.connect(self._look_for_tray)

    @property
    def has_tray(self) -> bool:
        return self.tray.icon.isVisible()

    def start(self) -> None:
        """Show what this desktop can show. The model may still be loading."""
        told = _shortened(self._notes)
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.tray.show()
            if not self._settings.guided:
                self._settings.guided = True
                told.append(
                    self.tr("New here? The Guide, at the left, gets the sound into your DAW.")
                )
        else:
            told.append(
                self.tr(
                    "This desktop has no system tray, so the panel stays in a window;"
                    " closing it quits."
                )
            )
            self._wait_for_tray.start()
        if told:
            self.window.notice.say("\n".join(told))
        if not self.has_tray or self._settings.open:
            self.show_panel()
        self.window.begin()

    def show_panel(self) -> None:
        self.window.setVisible(True)
        if self.window.isMinimized():
            self.window.showNormal()
        self.window.raise_()
        self.window.activateWindow()

    def leave(self) -> None:
        """Quit. Qt closes the window then, which is nobody's wish for the next start."""
        if not self._leaving:
            self._leaving = True
            self._settings.open = self.window.isVisible() or not self.has_tray
            self._app.quit()

    def close(self) -> None:
        """Orderly end, in reverse order. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._wait_for_tray.stop()
        if not self._leaving:
            self._settings.open = self.window.isVisible() or not self.has_tray
        self.bridge.close()
        self.window.close_down()
        self.tray.close()
        self.window.hide()
        self.window.deleteLater()

    def _toggle_panel(self) -> None:
        if self.window.isVisible() and not self.window.isMinimized():
            self.window.hide()
        else:
            self.show_panel()

    def _panel_closed(self) -> None:
        """With a tray the program goes on there; without one it would be out of reach."""
        if self._leaving:
            return
        if not self.has_tray:
            self.leave()
        elif not self._settings.told_about_tray:
            self._settings.told_about_tray = True
            self.tray.say(self.tr("Still here: click this icon for the panel, or quit from it."))

    def _tell_latency(self, event: LatencyChanged) -> None:
        """The panel has it in sight; while it is hidden, what was given up is told by the tray."""
        if event.worse and event.step != "more look-ahead" and not self.window.isVisible():
            self.tray.say(event.text)

    def _tell_saved(self, event: TakeSaved) -> None:
        if not self.window.isVisible():
            text = self.tr("Take {take} is ready, {seconds:.0f} s")
            self.tray.say(text.format(take=event.take, seconds=event.seconds))

    def _tell_problem(self, event: Problem) -> None:
        """Its asker was told, if that was another program; here only what concerns everyone."""
        if not self.window.isVisible() and event.origin.client is None:
            self.tray.say(problem_text(event))

    def _switch_notifications(self, on: bool) -> None:
        self._settings.notifications = self.tray.notifies = on

    def _switch_login(self, on: bool) -> None:
        try:
            self._login.switch(on)
        except DawBridgeError as refused:
            self.at_login.setChecked(self._login.on)
            self.window.error.say(str(refused))
            self.show_panel()

    def _look_for_tray(self) -> None:
        self._polls += 1
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.tray.show()
            if self._notes:
                self.window.notice.say("\n".join(_shortened(self._notes)))
            else:
                self.window.notice.clear()
            self._wait_for_tray.stop()
        elif self._polls >= TRAY_POLLS:
            self._wait_for_tray.stop()


def _shortened(notes: Sequence[str]) -> list[str]:
    """The first lines, and how many more a terminal would tell."""
    more = len(notes) - NOTES
    if more <= 0:
        return list(notes)
    text = QCoreApplication.translate("app", "… and {count} more: start daw-bridge in a terminal")
    return [*notes[:NOTES], text.format(count=more)]


def run(
    controller: ControllerDoor,
    presets: Presets,
    osc_port: int,
    devices: Devices | None = None,
    osc_log: OscLog | None = None,
    notes: Sequence[str] = (),
) -> int:
    """Run the tray application until it is quit; the exit status.

    controller: running already, or about to be; nothing here waits for it.
    presets: names and prompts, in order. osc_port: shown in the panel, 0: OSC is off.
    osc_log: the last messages, for the monitor.
    notes: what the start has to tell, a line each: settings put aside, takes that were cut short.
    devices: lists ('output' | 'input', name); called on a thread of its own, may be slow.
    """
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("daw-bridge")
    app.setApplicationDisplayName("daw-bridge")
    app.setDesktopFileName("daw-bridge")
    app.setWindowIcon(state_icon("idle"))
    app.setQuitOnLastWindowClosed(False)
    follow_system(app)
    application = TrayApplication(
        app, controller, presets, osc_port, devices, osc_log=osc_log, notes=notes
    )
    try:
        with on_signals(application.leave):
            application.start()
            return app.exec()
    finally:
        application.close()
