"""One run over several processes: torchrun's environment, torch's own data-parallel training.

    torchrun --nproc-per-node 2 -m core.training.transformer.trainer CONFIG.toml

Each process draws the same batch and takes its own rows of it; DistributedDataParallel adds up
the gradients. The first process ("leads") alone writes; the run's folder must be one that all
of them see. Without torchrun there is one process and nothing here costs anything.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


class Processes:
    """The processes of this run, from this one's point of view."""

    def __init__(self) -> None:
        """Joins the others where torchrun (or accelerate launch) started this process."""
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        cuda = torch.cuda.is_available()
        self.device = torch.device("cuda", local) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(self.device)
            torch.set_float32_matmul_precision("high")
        self._joined = self.world > 1 and not distributed.is_initialized()
        if self._joined:
            distributed.init_process_group("nccl" if cuda else "gloo")

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module whose backward pass adds up the processes' gradients (as their mean)."""
        if self.world == 1:
            return module
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(
            module, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True
        )

    def alone(self, wrapped: nn.Module) -> AbstractContextManager[None]:
        """Backward passes inside keep their gradients to this process, for accumulation."""
        if isinstance(wrapped, DistributedDataParallel):
            return wrapped.no_sync()
        return nullcontext()

    def sum(self, tensor: Tensor) -> Tensor:
        """`tensor` added up over all processes; in place."""
        if self.world > 1:
            distributed.all_reduce(tensor)
        return tensor

    def any(self, flag: bool) -> bool:
        """Whether `flag` is set in any process."""
        if self.world == 1:
            return flag
        return bool(self.sum(torch.tensor([float(flag)], device=self.device)).item())

    def wait(self) -> None:
        """For all processes to come here."""
        if self.world > 1:
            distributed.barrier()

    def close(self) -> None:
        if self._joined:
            distributed.destroy_process_group()
            self._joined = False
