"""What a device is told once, and work that is captured and played again as one CUDA graph.

A step of a small model is some hundred kernels of a few microseconds; launched one by one from
Python they take many times as long as they run. A graph launches them all at once.
`DAW_BRIDGE_GRAPHS=0` in the environment switches it off: then every step is launched kernel by
kernel, as on a CPU.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

log = logging.getLogger(__name__)

OFF_SWITCH = "DAW_BRIDGE_GRAPHS"


def graphs_wanted(device: torch.device) -> bool:
    """Whether steps are drawn several at once, as graphs, on this device."""
    return device.type == "cuda" and os.environ.get(OFF_SWITCH, "1") != "0"


def prepare(device: torch.device) -> None:
    """How torch computes on a CUDA device, by PyTorch's notes on numerical accuracy.

    float32 stays float32: the text encoder runs once a prompt and the codec is small, so TF32
    would save nothing that is heard and would cost the streamed decode its equality with the
    whole one. Half precision sums in float32.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


class Played:
    """Work on tensors that never move: captured once, then played. Where it cannot be captured,
    it is done anew each time, which gives the same.

    keeps: what the work changes and does not set; rehearsing it must leave no trace.
    pool: `torch.cuda.graph_pool_handle()`, shared by works that are never played at once; None:
        it is not captured.
    """

    def __init__(
        self, work: Callable[[], None], keeps: Sequence[Tensor], pool: tuple[int, int] | None
    ) -> None:
        self._work = work
        self._graph = None if pool is None else self._captured(keeps, pool)

    def __call__(self) -> None:
        if self._graph is None:
            self._work()
        else:
            self._graph.replay()

    def _captured(
        self, keeps: Sequence[Tensor], pool: tuple[int, int]
    ) -> torch.cuda.CUDAGraph | None:
        before = [one.clone() for one in keeps]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries allocate what they need on a first run
            self._work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool, capture_error_mode="thread_local"):
                self._work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:
            log.warning("a step cannot be captured (%s); it is slower without", problem)
            return None
        finally:
            for one, held in zip(keeps, before, strict=True):
                one.copy_(held)
        return graph
