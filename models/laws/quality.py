"""Data whose usefulness halves with every few passes.

Equation: dL/dn = (L − E)·b_k/n with b_k = b·0.5^(k/τ) at pass k = 0, 1, 2, …, so after e passes of
          U samples L = E + A·U^b·Π ((k+1)/k)^b_k over the passes k ≥ 1, a part of a pass in
          proportion of its samples
          p equal pools: τ of each becomes p·τ and the utilities b are averaged
Symbols:  n samples seen, U unique samples, b < 0 utility of a pool, τ half-life in passes
Units:    loss in its own unit (contrastive loss in the source), samples, passes
Range:    image-text models; the form, not the numbers, is meant for text
Source:   Goyal et al. 2024, arXiv:2404.07177; code github.com/locuslab/scaling_laws_data_filtering.
          Its constants were not seen, so `goyal` computes nothing; pass your own

Lesson: the best filter loosens as compute grows, because a small clean pool is used up. τ is a true
half-life, unlike R_D* of the data-constrained law. The released function multiplies the irreducible
constant by the decay after the first pass; here it stays outside.
"""

from __future__ import annotations

import numpy as np

from models.laws.fits import Entry
from models.laws.law import Array, LawFit, Number, coefficients, not_negative, positive

# Passes added one by one; a half-life decays any utility to nothing long before.
MOST_PASSES = 2000


def utility(passes: Number, *pools: LawFit) -> Array:
    """Utility of a mixture of equal pools at a pass, counted from 0.

    Equation: b_k = mean over pools of b·0.5^(k/(p·τ)), of fits with the keys b and tau
    """
    count = positive("number of pools", float(len(pools)))
    age = not_negative("passes", passes) / count
    found = [coefficients(pool, ("b", "tau")) for pool in pools]
    return np.asarray(sum(f["b"] * 0.5 ** (age / np.asarray(f["tau"])) for f in found) / count)


def loss(epochs: Number, unique: Number, fit: LawFit, *pools: LawFit) -> Array:
    """Loss after reading `unique` samples `epochs` times, of a fit with the keys A and E."""
    found = coefficients(fit, ("A", "E"))
    read, supply = positive("epochs", epochs, finite=True), positive("unique", unique, finite=True)
    log_loss = np.log(found["A"]) + utility(0.0, *pools) * np.log(np.minimum(read, 1.0) * supply)
    for k in range(1, min(int(np.ceil(read.max())), MOST_PASSES)):
        log_loss = log_loss + utility(float(k), *pools) * np.log(np.clip(read, k, k + 1) / k)
    return np.asarray(found["E"] + np.exp(log_loss))


ENTRIES = (
    Entry(
        "goyal", "Half-life of quality (Goyal 2024)", __name__,
        refusal="its utilities and half-lives were not seen, and are those of image-text models",
    ),
)  # fmt: skip
