"""What a loss says in bits: the entropy of text, what is left to learn, and what a model needs.

Equation: H = L/ln 2 bits per token; per byte H/b;  learnable l = (L − E)/ln 2;
          absorbed I(D) = ∫ (L(N, d) − L(N, ∞)) dd/ln 2 = B·D^(1−β)/((1−β)·ln 2);
          specify: D with I(D) = bits·N;   mixture E = Σ w_i·E_i + H(w)/T
Symbols:  E irreducible loss, nats per token; b bytes per token of the tokenizer; w_i share of
          tokens of a data set, T tokens of a document
Units:    nats and bits per token or byte, bits, tokens
Range:    that of the law. E belongs to one data set and one tokenizer: 1.69, 1.82, 1.87 and 0.60
          are entropies of different texts in different units, not four measurements of one
Source:   the founding essay, harsimony, On AI Scaling, 2025-02-05, sections "The asymptote is the
          entropy of the data" and after; the integral is prequential coding (Dawid 1984)

The essay reads 1.82 as bits; it is 1.8172 nats = 2.622 bits. It also asks how many tokens specify a
model at 32 bits a parameter. At the loss of one moment that is 32·N/l; but l falls while the model
learns, so the integral is the honest form. At a compute-optimal 72B model on 1.33T tokens the
corrected Chinchilla law gives about 3 absorbed bits a parameter, a tenth of a 32-bit float.
"""

from __future__ import annotations

import numpy as np

from models.errors import OutsideValidRange
from models.laws.chinchilla import Chinchilla
from models.laws.law import Array, Number, not_negative, positive

LN2 = float(np.log(2))


def bits_per_token(loss_nats: Number) -> Array:
    """Loss in bits per token:  L/ln 2."""
    return np.asarray(loss_nats) / LN2


def nats_per_token(bits: Number) -> Array:
    """Loss in nats per token:  H·ln 2, the inverse of `bits_per_token`."""
    return np.asarray(bits) * LN2


def bits_per_byte(loss_nats: Number, bytes_per_token: Number) -> Array:
    """Loss in bits per byte:  L/(b·ln 2). Comparable across tokenizers, unlike a loss per token."""
    return np.asarray(bits_per_token(loss_nats) / positive("bytes_per_token", bytes_per_token))


def learnable_bits(loss_nats: Number, irreducible_nats: Number) -> Array:
    """Bits per token still to be learnt:  (L − E)/ln 2."""
    return np.asarray(bits_per_token(np.asarray(loss_nats) - irreducible_nats))


def absorbed_bits(law: Chinchilla, tokens: Number) -> Array:
    """Bits that training on fresh tokens has put into a model, by prequential coding.

    Equation: I = B·D^(1−β)/((1−β)·ln 2): what each token told beyond what a fully trained model of
              that size would have known; independent of N in this law
    Raises:   OutsideValidRange for β of 1 and above, where the first tokens alone are infinite
    """
    rest = _rest(law)
    return np.asarray(law.B * positive("tokens", tokens) ** rest / rest / LN2)


def tokens_to_specify(law: Chinchilla, params: Number, bits_per_param: Number) -> Array:
    """Fresh tokens that hold as many bits as a model's parameters:  I(D) = bits·N."""
    rest = _rest(law)
    bits = positive("bits_per_param", bits_per_param) * positive("params", params)
    return np.asarray((bits * LN2 * rest / law.B) ** (1 / rest))


def mixture_entropy(
    irreducible_nats: Array, shares: Array, tokens_per_document: Number = np.inf
) -> Array:
    """Irreducible loss of a mixture of data sets, nats per token.

    Equation: E = Σ w_i·E_i + H(w)/T: a token's entropy given its data set, plus the choice of the
              data set, which is told once a document
    Shapes:   irreducible_nats and shares (data set,), shares summing to 1
    """
    weights = not_negative("share", shares)
    if abs(float(weights.sum()) - 1) > 1e-9:
        raise OutsideValidRange(
            f"shares sum to {float(weights.sum()):g}; shares of a mixture sum to 1: correct them"
        )
    if np.shape(irreducible_nats) != weights.shape:
        raise OutsideValidRange(
            f"{np.size(irreducible_nats)} entropies and {weights.size} shares were given; give one "
            "of each for every data set"
        )
    known = weights[weights > 0]
    choice = -np.sum(known * np.log(known))
    return np.asarray(
        np.sum(weights * irreducible_nats)
        + choice / positive("tokens_per_document", tokens_per_document)
    )


def _rest(law: Chinchilla) -> Array:
    beta = np.asarray(law.beta)
    if not (beta < 1).all():
        raise OutsideValidRange(
            f"beta is {np.max(beta):g}; absorbed bits are finite only below 1: choose another law"
        )
    return np.asarray(1 - beta)
