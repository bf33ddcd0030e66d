"""What went wrong in the engine, as a code and one line that says what to do."""

from __future__ import annotations

import logging

import torch

from core.errors import DawBridgeError

log = logging.getLogger(__name__)

OUT_OF_MEMORY = "out of memory"
_LONGEST = 300  # characters of a line


class NoModel(DawBridgeError):
    code = "no_model"

    def __init__(self) -> None:
        super().__init__("no model is loaded; load one first")


def one_line(problem: BaseException) -> str:
    """A message as one line of at most 300 characters."""
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def device_is_lost(problem: BaseException) -> bool:
    """Whether only a new process can go on: the device's context is lost for good."""
    return not isinstance(problem, DawBridgeError) and "CUDA error" in str(problem)


def explained(problem: Exception, what: str) -> tuple[str, str]:
    """Code and line. what: the thing that could not be done, as "the take"."""
    if isinstance(problem, DawBridgeError):
        return problem.code, one_line(problem)
    if lacks_memory(problem):
        return "out_of_memory", (
            f"{what} does not fit: {OUT_OF_MEMORY}; close other programs or use a smaller model"
        )
    log.error("unexpected", exc_info=problem)
    text = f"{type(problem).__name__}: {one_line(problem)}"
    return "failure", f"the engine failed ({text}); try again"


def lacks_memory(problem: BaseException) -> bool:
    """A device's, or the machine's: there torch says so in words."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    return "memory" in str(problem) and "alloc" in str(problem)
