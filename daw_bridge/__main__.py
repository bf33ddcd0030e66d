"""The command line's door: its commands, and `main`, which makes of every error one line.

Nothing heavy is imported here or at the top of a command's file: Qt is loaded by the tray
application alone, torch by the commands that run the model in this process. Child processes
import this module too.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from typing import Any

import typer

from core.errors import DawBridgeError
from daw_bridge.cli import machine, models, one_take, running, training
from daw_bridge.cli.console import complain, exit_status, unexpected_line

app = typer.Typer(
    name="daw-bridge",
    help="MusicGen beside your DAW. Without a command: the tray application.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.callback(invoke_without_command=True)(running.run_program)
app.command("serve", help="Run without a panel: OSC and MIDI in, audio out, until Ctrl-C.")(
    running.run_program
)
app.command()(one_take.generate)
app.command("continue")(one_take.continue_)
app.command()(training.tokenize)
app.command()(training.train)
app.command()(training.finetune)
app.add_typer(models.app, name="models")
app.command()(machine.devices)
app.command()(machine.doctor)
# typer brings a click of its own; of its errors it shows BadParameter, whose base they share.
UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line. Errors are one line on stderr; the status says what kind."""
    multiprocessing.freeze_support()
    # Idle OpenMP threads sleep instead of spinning: beside a busy DAW, spinning ones made a
    # take ten times slower. Read when torch is loaded; child processes inherit it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads bear no fork
    status = 0
    try:
        command = typer.main.get_command(app)
        status = command.main(prog_name="daw-bridge", standalone_mode=False) or 0
    except typer.Exit as left:
        status = left.exit_code
    except UsageError as wrong:
        complain(f"{wrong.format_message()} (see daw-bridge --help)")
        status = 2
    except typer.Abort:
        status = 130
    except (DawBridgeError, KeyboardInterrupt) as error:
        if isinstance(error, DawBridgeError):
            complain(str(error))
        status = exit_status(error)
    except ImportError as missing:
        complain(f"{missing.name or missing} is missing; install daw-bridge again")
        status = 1
    except OSError as refused:
        complain(f"{refused.strerror or refused}: {refused.filename or ''}")
        status = 1
    except Exception as unexpected:  # noqa: BLE001 — one line, whatever it is
        complain(f"{unexpected_line(unexpected)}")
        status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
