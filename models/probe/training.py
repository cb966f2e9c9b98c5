"""Training a probe step by step; equal settings and text give equal weights, bit for bit, on a CPU.

Source: AdamW of Loshchilov & Hutter 2017 with the constants of Brown et al. 2020 (β 0.9 and 0.95,
clipping at 1); warm-up and cosine as in Hoffmann et al. 2022.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from models.errors import ModelError
from models.probe.order import DataOrder, Tokens, cut
from models.probe.shape import Shape
from models.probe.transformer import Transformer

BETAS = (0.9, 0.95)
CLIP = 1.0
# The cosine ends at this share of the highest rate.
LAST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a probe is optimised. warmup: share of all steps; seed: of the initial weights."""

    learning_rate: float
    weight_decay: float
    warmup: float
    seed: int


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Rate at a step counted from 0: a linear rise, then half a cosine down to a tenth."""
    rise = max(1, round(recipe.warmup * steps))
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    done = (step - rise) / max(1, steps - rise)
    share = LAST_SHARE + (1 - LAST_SHARE) * (1 + math.cos(math.pi * done)) / 2
    return recipe.learning_rate * share


def use_deterministic(threads: int, *, strict: bool = True) -> None:
    """Make torch repeatable: fixed threads, and no kernel whose sums depend on timing.

    strict: refuse such a kernel; otherwise (GPU, where some have no other form) warn
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=not strict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Loss on held-out text. tokens: how many were predicted."""

    nats_per_token: float
    standard_error: float
    tokens: int


class Trainer:
    """Network and optimiser of one probe.

    On a GPU: bf16 matrix products and a compiled network; on a CPU: 32-bit floats throughout.
    Raises: ModelError when the loss is no number any more
    """

    def __init__(self, shape: Shape, recipe: Recipe, order: DataOrder, device: str) -> None:
        self.shape, self.recipe, self.order = shape, recipe, order
        self.step = 0
        self.device = torch.device(device)
        self.on_gpu = self.device.type == "cuda"
        self.network = Transformer(shape, recipe.seed).to(self.device)
        self._run = torch.compile(self.network) if self.on_gpu else self.network
        weights = list(self.network.parameters())
        matrices, scales = ([w for w in weights if (w.dim() > 1) is kind] for kind in (True, False))
        self._optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": recipe.weight_decay},
                {"params": scales, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            betas=BETAS,
            fused=self.on_gpu,
        )  # fmt: skip

    def _losses(self, windows: Tokens) -> Any:
        """Nats of every predicted token, shape (window, context)."""
        there = torch.from_numpy(windows).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.on_gpu):
            logits = self._run(there[:, :-1])
        flat = functional.cross_entropy(
            logits.float().flatten(0, 1), there[:, 1:].flatten(), reduction="none"
        )
        return flat.view(len(windows), -1)

    def advance(self, tokens: NDArray[np.integer]) -> float:
        """One optimiser step on the run's own next batch; returns its loss in nats per token.

        tokens: the unique set with one token after it, shape (≥ unique_tokens + 1,)
        """
        rate = learning_rate(self.recipe, self.step, self.order.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        batch = cut(tokens, self.order.windows_of(self.step), self.order.context)
        loss = self._losses(batch).mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self._optimizer.step()
        self.step += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ModelError(
                f"the loss is {value} at step {self.step}; lower learning_rate "
                f"({self.recipe.learning_rate:g}) or lengthen warmup ({self.recipe.warmup:g})"
            )
        return value

    def evaluate(self, tokens: NDArray[np.integer]) -> Evaluation:
        """Loss on held-out tokens, read in windows that do not overlap.

        Equation: mean over windows; standard error = deviation between windows / √windows
        """
        windows = (len(tokens) - 1) // self.shape.context
        means: list[float] = []
        with torch.no_grad():
            for numbers in _batches(windows, self.order.batch):
                losses = self._losses(cut(tokens, numbers, self.shape.context))
                means.extend(losses.mean(dim=1, dtype=torch.float64).tolist())
        spread = float(np.std(means, ddof=1)) if windows > 1 else math.nan
        return Evaluation(
            float(np.mean(means)), spread / math.sqrt(windows), windows * self.shape.context
        )

    def state(self) -> dict[str, Any]:
        """All that a later `restore` needs to go on exactly."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same shape, recipe and order."""
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])

    def weights_sha256(self) -> str:
        """Checksum of all weights, in the order of their names."""
        digest = hashlib.sha256()
        for name, weight in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def _batches(windows: int, batch: int) -> Iterator[Tokens]:
    for first in range(0, windows, batch):
        yield np.arange(first, min(first + batch, windows))
