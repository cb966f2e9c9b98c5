"""What generated text adds to unique tokens, by how well it can be verified.

Equation: M(σ, v) = 1 + m·(1 − exp(−η·σ'/m)),  m = m0 + (m1 − m0)·v²,  η = η0 + (1 − η0)·v
          σ' = min(σ, e·x/(1 − x)),  x = x0 + (1 − x0)·v
          E' = E + c0·y²·(1 − v), in the cost of a run whose training is generated to the share y
Symbols:  σ generated tokens per unique token, v verifiability in 0–1, e epochs of real text seen;
          m the most that generation adds per unique token, η what its first token is worth, x the
          largest share of generated tokens in training, c0 the rise of the loss's floor in nats if
          all were generated and none verified; 0 where real text accumulates or comes last
Source:   this project's construction; its anchors are in docs/scenarios/synthetic-optimist.md
"""

from __future__ import annotations

import numpy as np

from models.claims import Array


def share_limit(share: Array, verifiability: Array, epochs: Array) -> Array:
    """Most generated tokens per unique token at a limit x0 on their share of training; may be inf.

    Equation: e·x/(1 − x), x = x0 + (1 − x0)·v
    """
    allowed = share + (1 - share) * verifiability
    with np.errstate(divide="ignore"):
        return np.asarray(epochs * allowed / (1 - allowed))


def synthetic_gain(
    generated: Array, verifiability: Array, open_most: Array, verified_most: Array, worth: Array
) -> Array:
    """M(σ', v): effective tokens per unique token, from 1 to 1 + m; shapes (world,).

    generated: σ', already within its share. A ceiling of 0 adds nothing.
    """
    most = open_most + (verified_most - open_most) * verifiability**2
    first = worth + (1 - worth) * verifiability
    with np.errstate(divide="ignore", invalid="ignore"):
        added = -most * np.expm1(-first * generated / most)
    return np.asarray(1 + np.where(most > 0, added, 0.0))


def generated_share(generated: Array, epochs: Array) -> Array:
    """Share of training that generated tokens make up where all of them are read.

    Equation: σ'/(σ' + e); 1 without a limit
    """
    with np.errstate(invalid="ignore"):
        share = generated / (generated + epochs)
    return np.asarray(np.where(np.isinf(generated), 1.0, share))


def floor_rise(collapse: Array, share: Array, verifiability: Array) -> Array:
    """What generated text adds to the irreducible loss, in nats: c0·y²·(1 − v)."""
    return np.asarray(collapse * share**2 * (1 - verifiability))
