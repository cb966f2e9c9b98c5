"""MinHash signatures of documents, many at a time.

A document is the set of its shingles: five words in a row, words divided at ASCII white space,
letters A–Z lowered; each character of the scripts written without spaces (lead bytes 0xE3 to 0xED,
U+3000 to U+DFFF) is a word of its own. Two documents are alike by the Jaccard index of their sets.

One permutation hashing: the first 7 bits of a shingle's hash choose one of 128 places, the place
keeps the least hash, and P(two signatures agree at a place) is the Jaccard index. A place without a
shingle borrows that of another place, in an order that is fixed for each place.
Source: Li, Owen, Zhang, "One permutation hashing", NeurIPS 2012; Shrivastava, "Optimal
densification for fast and accurate minwise hashing", ICML 2017.
Standard error of the index J: √(J(1 − J)/128).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.measure.mixing import Words64, mixed

Signatures = NDArray[np.uint16]

PLACES = 128
WORDS = 5
# Of a longer document the beginning stands for the whole, which bounds memory.
READ_BYTES = 2**20
# Documents hashed at once: the arrays of such a batch fit into a core's cache.
BATCH_BYTES = 2**17

_PLACE_BITS = np.uint64(7)
_EMPTY = np.uint32(0xFFFFFFFF)
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_TURNS = mixed(np.arange(1, WORDS + 1, dtype=np.uint64) * np.uint64(_BASE)) | np.uint64(1)


def _table() -> bytes:
    """White space to zero, which adds nothing to a hash; capital ASCII letters to small ones."""
    table = bytearray(range(256))
    for byte in b" \t\n\r\v\f":
        table[byte] = 0
    for byte in range(ord("A"), ord("Z") + 1):
        table[byte] = byte + 32
    return bytes(table)


_TABLE = _table()


@cache
def _powers(length: int, base: int) -> Words64:
    """Powers of an odd base modulo 2^64: 1, base, base² …"""
    powers = np.full(length, base, dtype=np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)


@cache
def _lenders() -> NDArray[np.int64]:
    """(attempt, place): the other places in the order in which an empty one asks them."""
    pairs = np.arange(PLACES * PLACES, dtype=np.uint64).reshape(PLACES, PLACES)
    order = np.argsort(mixed(pairs + np.uint64(_BASE)), axis=1)
    others = [row[row != place] for place, row in enumerate(order)]
    return np.array(others).T


def signatures(texts: Sequence[bytes]) -> tuple[Signatures, NDArray[np.int64]]:
    """Signature of each document, and its words as divided at ASCII white space.

    Shapes: texts of UTF-8; signatures (document, 128), words (document,). A document without a word
    has the signature of the empty set. Only the first `READ_BYTES` are read.
    """
    joined = b"\0" + b"\0".join(text[:READ_BYTES] for text in texts) + b"\0"
    array = np.frombuffer(joined.translate(_TABLE), dtype=np.uint8)
    sizes = np.fromiter((min(len(t), READ_BYTES) + 1 for t in texts), np.int64, len(texts))
    edges = np.concatenate(([1], 1 + np.cumsum(sizes)))
    filled = array != 0
    after_space = filled[1:] & ~filled[:-1]
    starts = np.flatnonzero(after_space) + 1
    words = np.diff(np.searchsorted(starts, edges))
    if array.max(initial=0) >= 0xE3:
        alone = (array[1:] >= 0xE3) & (array[1:] <= 0xED)
        starts = np.flatnonzero(after_space | alone) + 1
    first = np.searchsorted(starts, edges)
    minima = _minima(_word_hashes(array, starts), first)
    return _filled(minima), words


def _word_hashes(array: NDArray[np.uint8], starts: NDArray[np.int64]) -> Words64:
    """Hash of the bytes from each start to the next: Σ byte·base^(position − start) modulo 2^64."""
    # A whole number of batches, so that few tables are made.
    length = -(-array.size // BATCH_BYTES) * BATCH_BYTES
    sums = np.cumsum(array * _powers(length, _BASE)[: array.size])
    before = sums[starts - 1]
    whole = np.append(before[1:], sums[-1:]) - before if starts.size else before
    return mixed(whole * _powers(length, _INVERSE)[starts])


def _minima(words: Words64, first: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Least shingle hash by document and place; (document, place)."""
    count = np.diff(first)
    minima = np.full((count.size, PLACES), _EMPTY, dtype=np.uint32)
    if not words.size:
        return minima
    padded = np.concatenate((words, np.zeros(WORDS - 1, dtype=np.uint64)))
    sums = words * _TURNS[0]
    for turn in range(1, WORDS):
        sums += padded[turn : turn + words.size] * _TURNS[turn]
    document = np.repeat(np.arange(count.size), count)
    whole = np.arange(words.size) + WORDS <= first[1:][document]
    _lower(minima, document[whole], sums[whole])
    few = np.flatnonzero((count > 0) & (count < WORDS))
    if few.size:
        # All words of a document with fewer than a shingle has are its only shingle.
        short = np.zeros(few.size, dtype=np.uint64)
        for turn in range(WORDS):
            there = turn < count[few]
            at = np.where(there, first[:-1][few] + turn, 0)
            short += np.where(there, words[at] * _TURNS[turn], np.uint64(0))
        _lower(minima, few, short)
    return minima


def _lower(minima: NDArray[np.uint32], document: NDArray[np.int64], sums: Words64) -> None:
    hashes = mixed(sums)
    place = document * PLACES + (hashes >> (np.uint64(64) - _PLACE_BITS)).astype(np.int64)
    value = (hashes >> np.uint64(16)).astype(np.uint32)
    np.minimum.at(minima.reshape(-1), place, np.minimum(value, _EMPTY - np.uint32(1)))


def _filled(minima: NDArray[np.uint32]) -> Signatures:
    """Sixteen bits of each place; empty places have asked the others in their order."""
    lender = _lenders()
    empty = minima == _EMPTY
    row, place = np.nonzero(empty & ~empty.all(axis=1, keepdims=True))
    result = minima.copy()
    for others in lender:
        if not row.size:
            break
        lent = minima[row, others[place]]
        given = lent != _EMPTY
        result[row[given], place[given]] = lent[given]
        row, place = row[~given], place[~given]
    return (mixed(result.astype(np.uint64)) >> np.uint64(48)).astype(np.uint16)
