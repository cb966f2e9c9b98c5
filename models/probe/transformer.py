"""A small decoder-only transformer: pre-norm, rotary positions, one matrix for both embeddings.

Sources: Vaswani et al. 2017 (attention), Zhang & Sennrich 2019 (RMS norm), Su et al. 2021 (rotary
positions). Nothing is random but the initial weights, so training needs no random state.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.probe.shape import Shape

# Deviation of initial weights times √width; GPT-2 has 0.02 at width 768, and a tiny network needs
# more to start learning at once.
INITIAL_SCALE = 0.5
ROTARY_BASE = 10_000.0


def _rotations(context: int, size: int) -> Tensor:
    """Cosines and sines of every position; shape (2, context, size/2)."""
    rates = ROTARY_BASE ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = torch.outer(torch.arange(context, dtype=torch.float32), rates)
    return torch.stack((angles.cos(), angles.sin()))


def _rotate(x: Tensor, rotations: Tensor) -> Tensor:
    """Turn each pair of components by its position's angle; x is (batch, head, token, size)."""
    cosine, sine = rotations[:, : x.shape[-2]].to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)


class Block(nn.Module):
    """One layer: attention, then a feed-forward network four times as wide."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.before_attention = nn.RMSNorm(shape.width)
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.attention_out = nn.Linear(shape.width, shape.width, bias=False)
        self.before_feed = nn.RMSNorm(shape.width)
        self.feed_in = nn.Linear(shape.width, 4 * shape.width, bias=False)
        self.feed_out = nn.Linear(4 * shape.width, shape.width, bias=False)

    def forward(self, x: Tensor, rotations: Tensor) -> Tensor:
        """Hidden states to hidden states, shape (batch, token, width)."""
        batch, length, width = x.shape
        parts = self.query_key_value(self.before_attention(x))
        parts = parts.view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            _rotate(query, rotations), _rotate(key, rotations), value, is_causal=True
        )
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.feed_out(functional.gelu(self.feed_in(self.before_feed(x))))


class Transformer(nn.Module):
    """Tokens to the logits of the next token."""

    def __init__(self, shape: Shape, seed: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.last_norm = nn.RMSNorm(shape.width)
        self.register_buffer("rotations", _rotations(shape.context, shape.head_size), False)
        self._start(shape, seed)

    def _start(self, shape: Shape, seed: int) -> None:
        """Normal weights; those that add to the residual stream shrink with the depth."""
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                shrink = math.sqrt(2 * shape.depth) if name.endswith("_out.weight") else 1.0
                nn.init.normal_(
                    weight, std=INITIAL_SCALE / math.sqrt(shape.width) / shrink, generator=generator
                )

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits, shape (batch, token, vocabulary); tokens is (batch, token)."""
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.rotations)
        return functional.linear(self.last_norm(x), self.embedding.weight)
