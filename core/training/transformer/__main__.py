"""torchrun --nproc-per-node N -m core.training.transformer CONFIG.toml"""

from __future__ import annotations

import sys
from pathlib import Path

from core.errors import DawBridgeError
from core.training.transformer.settings import TransformerTraining
from core.training.transformer.trainer import TransformerTrainer


def main(arguments: list[str]) -> int:
    """For torchrun: the exit status, an error as one line."""
    try:
        finished = TransformerTrainer(TransformerTraining.read(Path(arguments[0]))).run()
    except IndexError:
        print("name a TOML file", file=sys.stderr)
        return 2
    except DawBridgeError as error:
        print(f"daw-bridge: {error}", file=sys.stderr)
        return error.exit_status
    return 0 if finished else 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
