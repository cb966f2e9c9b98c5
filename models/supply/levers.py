"""The founding essay's other ways to more tokens, each with what limits it.

Distillation is none of them: it makes compute go further, and stands on the demand side.
"""

from __future__ import annotations

import numpy as np

from models.claims import Array


def trace_tokens(tokens: Array, precision: Array) -> Array:
    """Test-time traces that are right: tokens · precision of the verifier that kept them.

    Source: a verifier's false positives cap the gain, https://arxiv.org/abs/2411.17501
    """
    return np.asarray(tokens * precision)


def accepted_tokens(tokens: Array, accept: Array) -> Array:
    """Tokens that human choice or preference keeps: fewer, at most −log2(accept) bits an item."""
    return np.asarray(tokens * accept)


def selection_bits(accept: Array) -> Array:
    """Most information that choosing adds to an item, in bits: −log2(accept); 1 where half stay."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log2(accept))


def self_play_tokens(tokens: Array, most: Array) -> Array:
    """Self-play saturates: most·(1 − exp(−tokens/most)); 0 where there is nothing to win.

    Source: saturating gains, https://arxiv.org/abs/2510.13786
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(np.where(most > 0, -most * np.expm1(-tokens / most), 0.0))
