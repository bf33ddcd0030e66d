"""The engine process's main function.

This module is importable without torch: the composition root names `run_engine` as the target
of a spawned process, and only the child, inside it, imports the model.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from multiprocessing import connection as pipes
from multiprocessing import parent_process
from multiprocessing.connection import Connection


def run_engine(connection: Connection) -> None:
    """Serve one duplex pipe until `Quit` comes or the pipe closes.

    connection: `EngineRequest`s in, `EngineEvent`s out, both pickled dataclasses of
    `core.generation.messages`. Never raises for what a request asks; returns at the end.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the application's to handle
    _leave_with_parent()
    # Idle OpenMP threads sleep instead of spinning: spinning, they hold the core that the
    # audio process needs. Read when torch is loaded, so it comes before.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from core.generation.engine import Engine

    Engine(connection).run()


def _leave_with_parent() -> None:
    """End at once when the application is gone, whatever this process is busy with.

    A closed pipe is noticed between two steps; a download or a large file takes longer.
    """
    parent = parent_process()
    if parent is None:  # run inside the application, by a test
        return

    def watch() -> None:
        pipes.wait([parent.sentinel])
        sys.stderr.flush()
        os._exit(0)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
