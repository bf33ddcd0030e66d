from __future__ import annotations

import pytest
import torch

from core.errors import BadCheckpoint
from core.generation.engine_problems import NoModel, device_is_lost, explained, one_line


@pytest.mark.parametrize(
    ("problem", "code", "line"),
    [
        (BadCheckpoint("no such\nfolder"), "bad_checkpoint", "no such folder"),
        (NoModel(), "no_model", "no model is loaded; load one first"),
        (MemoryError(), "out_of_memory", "the take does not fit: out of memory; close other"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory", "the take does not fit"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
            "out_of_memory",
            "the take does not fit",
        ),
        (ZeroDivisionError("a"), "failure", "the engine failed (ZeroDivisionError: a); try again"),
    ],
)
def test_each_problem_is_one_line(problem: Exception, code: str, line: str) -> None:
    told = explained(problem, "the take")
    assert told[0] == code
    assert told[1].startswith(line)
    assert "\n" not in told[1]


def test_a_long_message_is_cut() -> None:
    assert len(one_line(ValueError("word " * 200))) == 300
    assert one_line(ValueError()) == "ValueError"


def test_only_a_device_can_be_lost() -> None:
    assert device_is_lost(RuntimeError("CUDA error: an illegal memory access was encountered"))
    assert not device_is_lost(torch.OutOfMemoryError("CUDA out of memory"))
    assert not device_is_lost(BadCheckpoint("CUDA error"))
