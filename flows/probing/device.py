"""The machine a probe trains on: which device, how fast at best, how much memory."""

from __future__ import annotations

import resource
import time

import torch

from flows.errors import UsageError

# Large enough that a GPU's launch overhead is nothing beside the product.
CEILING_SIZE = 8192


def choose_device(wanted: str) -> str:
    """`cuda` or `cpu`. Raises: UsageError for a GPU that is not there"""
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise UsageError("device is cuda, and torch sees no GPU; use device=cpu or auto")
    return "cuda" if wanted != "cpu" and there else "cpu"


def device_name(device: str) -> str:
    """Model of the GPU, or `cpu`."""
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def matmul_ceiling(device: str, size: int = CEILING_SIZE, seconds: float = 2.0) -> float:
    """Fastest matrix product this device shows, FLOP per second: what utilisation is a share of.

    Equation: 2·size³ over the time of one product, best of those that fit into `seconds`;
              bf16 on a GPU, 32-bit on a CPU
    """
    kind = torch.bfloat16 if device == "cuda" else torch.float32
    left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        start = time.perf_counter()
        for _ in range(4):
            torch.mm(left, right)
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - start) / 4)
    return 2.0 * size**3 / best


def peak_memory_bytes(device: str) -> int:
    """Most memory used so far: of the GPU, or of this process."""
    if device == "cuda":
        return int(torch.cuda.max_memory_allocated())
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
