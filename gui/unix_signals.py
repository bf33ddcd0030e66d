"""Ctrl-C and `kill` while Qt's event loop runs.

Python runs its signal handlers only when it gets the interpreter back, which Qt may keep
for minutes. The wake-up descriptor makes each signal a readable socket, which Qt watches.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from PyQt6.QtCore import QSocketNotifier, QTimer
from PyQt6.sip import voidptr

CAUGHT = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_signals(quit_cleanly: Callable[[], None]) -> Iterator[None]:
    """Call `quit_cleanly` once at the first SIGINT or SIGTERM; a second one ends at once.

    Outside the main thread Python has no signals, and this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # whoever asks twice means it
        QTimer.singleShot(0, quit_cleanly)  # works before the event loop has begun, too

    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    notifier = QSocketNotifier(voidptr(reader.fileno()), QSocketNotifier.Type.Read)
    # being called is all it takes: Python runs the pending handler first
    notifier.activated.connect(lambda *_: reader.recv(64))
    before = {number: signal.signal(number, handle) for number in CAUGHT}
    waker = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(waker)
        for number, handler in before.items():
            signal.signal(number, handler)
        notifier.setEnabled(False)
        reader.close()
        writer.close()
