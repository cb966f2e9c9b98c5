"""A digital net in base 2 over the package's claims: worlds that fill all their dimensions evenly.

Every name has a generator matrix of its own, taken from the hash of the name alone, and world i
reads row i of it: each name is stratified by itself, and pairs and triples of names fill their
square and cube far more evenly than chance. The seed scrambles the digits (Owen's nested
scrambling), which moves points inside their strata and keeps the net. Any block of worlds is
computed without the worlds before it.

Two hashed matrices agree in their leading digits about once in 2^15 pairs, and then draw alike. So
only NAMES, whose pairs and triples a test has looked at, are drawn from the net. A name may be
added at any time: it changes no other. If the test then finds a bad pair, leave the name out.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from models.claims import Array

Digits = NDArray[np.uint32]

BITS = 32
# Worlds of one net, and computed at once: half a megabyte a number stays in the processor's cache.
BLOCK = 2**16
# Of the salts net-0 to net-39 the one with the least correlation of pairs and triples of NAMES.
SALT = "net-8"

NAMES = frozenset((
    "inventory:indexed-web.pages.unique",
    "factor:text_bytes_per_page",
    "factor:bytes_per_token",
    "factor:web_text_growth",
    "factor:web_page_growth",
    "factor:web_quality",
    "factor:repetition_flat",
    "factor:largest_dataset_2024",
    "factor:dataset_growth",
    "inventory:common-crawl.urls.unique",
    "factor:tokens_per_book",
    "factor:books_digitised_share",
    "factor:books_growth",
    "factor:books_web_overlap",
    "factor:tokens_per_paper",
    "factor:papers_open_share",
    "factor:papers_growth",
    "factor:papers_web_overlap",
    "factor:bytes_per_token_code",
    "factor:code_growth",
    "factor:code_filter_keep",
    "factor:tokens_per_word",
    "factor:encyclopedic_growth",
    "factor:repetition_r_star",
    "factor:epoch_cap",
    "factor:synthetic_flat",
    "factor:largest_training_compute",
    "factor:training_compute_growth",
    "factor:compute_ceiling_2030",
    "factor:compute_ceiling_growth",
    "factor:tokens_per_param",
    "factor:tokens_per_param_drift",
    "factor:overtraining",
    "factor:share_web",
    "factor:share_books",
    "factor:share_papers",
    "factor:share_code",
    "factor:share_math",
    "factor:share_encyclopedic",
    "factor:share_qa",
    "factor:share_legal",
    "measured:training_compute_growth",
))  # fmt: skip


def number(*parts: object) -> int:
    """128 bits from a name and what it is used for."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:16], "big")


def _matrix(name: str, columns: int) -> list[int]:
    """Columns of a random upper triangular matrix over the two-element field, 32 digits each.

    Column c has digit c set, the digits above it random and those below it clear. So each aligned
    block of 2^k points has one point in every stratum of width 2^-k.
    """
    random = np.random.Generator(np.random.PCG64(number(SALT, name)))
    words = random.integers(0, 2**BITS, columns, dtype=np.uint64).tolist()
    return [
        (word >> (BITS - c) << (BITS - c)) | (1 << (BITS - 1 - c)) for c, word in enumerate(words)
    ]


def _reversed(x: Digits) -> Digits:
    """The same 32 digits in opposite order."""
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        x = ((x >> np.uint32(shift)) & np.uint32(mask)) | (
            (x & np.uint32(mask)) << np.uint32(shift)
        )
    return (x >> np.uint32(16)) | (x << np.uint32(16))


def _scrambled(x: Digits, seed: int) -> Digits:
    """Owen's nested scrambling by a hash: each digit flips by what stands above it and the seed.

    Source: Laine and Karras 2011, Stratified sampling for stochastic transparency, sec. 3.1;
            multipliers of N. Vegdahl 2021
    """
    word = np.uint32(seed % 2**BITS)
    x = _reversed(x)
    x = x ^ (x * np.uint32(0x3D20ADEA))
    x = x + word
    x = x * ((word >> np.uint32(16)) | np.uint32(1))
    x = x ^ (x * np.uint32(0x05526C56))
    x = x ^ (x * np.uint32(0x53A22864))
    return _reversed(x)


def _rows(name: str, start: int, stop: int) -> Digits:
    """Rows start to stop of a name's net."""
    columns = np.array(_matrix(name, max(int(stop - 1).bit_length(), 1)), dtype=np.uint32)
    low = int(BLOCK - 1).bit_length()
    table = np.zeros(1, dtype=np.uint32)
    for column in columns[:low]:
        table = np.concatenate([table, table ^ column])
    pieces = []
    for block in range(start // BLOCK, (stop - 1) // BLOCK + 1):
        bits = [c for i, c in enumerate(columns[low:]) if block >> i & 1]
        high = np.bitwise_xor.reduce(np.array(bits, dtype=np.uint32)) if bits else np.uint32(0)
        first = block * BLOCK
        piece = table[max(start - first, 0) : min(stop - first, BLOCK)]
        pieces.append(piece ^ high)
    return np.concatenate(pieces)


def points(name: str, seed: int, start: int, stop: int) -> Array:
    """Coordinates of worlds start to stop in a name's dimension, inside (0, 1)."""
    digits = _scrambled(_rows(name, start, stop), number("scramble", seed, name))
    return (digits.astype(np.float64) + 0.5) / 2.0**BITS
