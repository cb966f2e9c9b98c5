"""MinHash signatures of documents, many at a time.

A document is the set of its shingles: five words in a row, words divided at ASCII white space,
letters A–Z lowered; each character of a script written without spaces (U+3000 to U+DFFF: Chinese,
Japanese, Korean; U+0E00 to U+0FFF: Thai, Lao, Tibetan; Burmese and Khmer) is a word of its own, and
a word of more than 64 bytes is several. Two documents are alike by the Jaccard index of their sets.

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
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from models.measure.mixing import Words64, mixed

Signatures = NDArray[np.uint16]

PLACES = 128
WORDS = 5
# Of a longer document the beginning stands for the whole, which bounds memory.
READ_BYTES = 2**20
# Documents hashed at once: the arrays of such a batch fit into a core's cache.
_BATCH_BYTES = 2**17

_PLACE_SHIFT = np.uint64(64 - 7)
_EMPTY = np.uint32(0xFFFFFFFF)
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
# Bytes of a word that are hashed at once, and masks of the first 0 … 8 of them.
_CHUNK = 8
_BYTES = np.array([256**n - 1 for n in range(_CHUNK + 1)], dtype=np.uint64)
_LONGEST = 64
# Tables of powers have a length that is a multiple of this, so that few are made.
_STEP = 2**14


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
    # A small document takes as much as its row of places.
    sizes = np.fromiter((min(len(t), READ_BYTES) + 2 * PLACES for t in texts), np.int64, len(texts))
    cuts = np.flatnonzero(np.diff(np.cumsum(sizes) // _BATCH_BYTES)) + 1
    edges = [0, *cuts.tolist(), len(texts)]
    batches = [_signatures(texts[i:j]) for i, j in pairwise(edges)]
    return np.concatenate([rows for rows, _ in batches]), np.concatenate([n for _, n in batches])


def _signatures(texts: Sequence[bytes]) -> tuple[Signatures, NDArray[np.int64]]:
    parts = [text[:READ_BYTES] for text in texts]
    joined = b"\0" + b"\0".join(parts) + b"\0"
    edges = np.fromiter(accumulate((len(t) + 1 for t in parts), initial=1), np.int64)
    # The zeros at the end let a chunk be read from any position.
    padded = joined.translate(_TABLE) + bytes(_CHUNK)
    whole = np.frombuffer(padded, dtype=np.uint8)
    array = whole[: len(joined)]
    filled = array != 0
    begins = filled[1:] & ~filled[:-1]
    starts = np.flatnonzero(begins) + 1
    words = np.diff(np.searchsorted(starts, edges))
    if array.max(initial=0) >= 0xE0:
        begins |= _alone(array[1:], whole[2 : array.size + 1])
        starts = np.flatnonzero(begins) + 1
    starts = _divided(array, starts)
    first = np.searchsorted(starts, edges)
    return _filled(_minima(_word_hashes(padded, starts), first)), words


def _alone(lead: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a character begins that is a word of its own; first and second byte of each place."""
    found = (lead >= 0xE3) & (lead <= 0xED)
    found |= (lead == 0xE0) & (second >= 0xB8)
    found |= (lead == 0xE1) & ((second <= 0x82) | (second == 0x9E) | (second == 0x9F))
    return found


def _divided(array: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Starts of words, of which a longer one than `_LONGEST` bytes is several."""
    lengths = np.diff(starts, append=array.size)
    long = np.flatnonzero(lengths > _LONGEST)
    more = [
        np.arange(start + _LONGEST, start + length, _LONGEST)
        for start, length in zip(starts[long].tolist(), lengths[long].tolist(), strict=True)
    ]
    if not more:
        return starts
    inside = np.concatenate(more)
    return np.sort(np.concatenate((starts, inside[array[inside] != 0])))


def _word_hashes(padded: bytes, starts: NDArray[np.int64]) -> Words64:
    """Hash of the bytes from each start to the next; zeros at the end of a word add nothing.

    Read in chunks of eight bytes: h₀ = chunk₀, hₖ = mixed(hₖ₋₁) + chunkₖ modulo 2^64, and the last
    one mixed.
    """
    size = len(padded) - _CHUNK
    # Copied, because numpy gathers several times faster from what lies at multiples of eight.
    chunks: Words64 = np.ndarray(size, dtype="<u8", buffer=padded, strides=(1,)).copy()
    left = np.diff(starts, append=size)
    hashes = chunks[starts] & _BYTES[np.minimum(left, _CHUNK)]
    long = np.flatnonzero(left > _CHUNK)
    at, left = starts[long], left[long]
    while long.size:
        at += _CHUNK
        left -= _CHUNK
        chunk = chunks[at] & _BYTES[np.minimum(left, _CHUNK)]
        filled = np.flatnonzero(chunk)
        goes_on = long[filled]
        hashes[goes_on] = mixed(hashes[goes_on]) + chunk[filled]
        longer = filled[left[filled] > _CHUNK]
        long, at, left = long[longer], at[longer], left[longer]
    return mixed(hashes)


def _minima(words: Words64, first: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Least shingle hash by document and place; (document, place).

    Hash of a shingle: mixed(Σ word·base^turn) modulo 2^64 over its words, turn = 0 … 4; of a
    document with fewer words, all of them are the only shingle.
    """
    count = np.diff(first)
    minima = np.full((count.size, PLACES), _EMPTY, dtype=np.uint32)
    if not words.size:
        return minima
    length = -(-words.size // _STEP) * _STEP
    back = _powers(length, _INVERSE)
    sums = np.zeros(words.size + WORDS, dtype=np.uint64)
    np.cumsum(words * _powers(length, _BASE)[: words.size], out=sums[1 : words.size + 1])
    hashes = (sums[WORDS:] - sums[:-WORDS]) * back[: words.size]
    short = np.flatnonzero((count > 0) & (count < WORDS))
    begin, end = first[short], first[short + 1]
    hashes[begin] = (sums[end] - sums[begin]) * back[begin]
    # The last words of a document begin no shingle: it would reach into the next one.
    begins = np.ones(words.size, dtype=bool)
    for turn in range(1, WORDS):
        begins[first[1:][count > turn] - turn] = False
    size = np.where(count > 0, np.maximum(count - WORDS + 1, 1), 0)
    hashes = mixed(hashes[begins])
    place = np.repeat(np.arange(count.size) * PLACES, size)
    place += (hashes >> _PLACE_SHIFT).astype(np.int64)
    value = (hashes >> np.uint64(16)).astype(np.uint32)
    np.minimum.at(minima.reshape(-1), place, np.minimum(value, _EMPTY - np.uint32(1)))
    return minima


def _filled(minima: NDArray[np.uint32]) -> Signatures:
    """Sixteen bits of each place; empty places have asked the others in their order.

    Mixed with the place, so that what one place lends to many shows all its 32 bits among them.
    """
    lender = _lenders()
    empty = minima == _EMPTY
    filled = PLACES - np.count_nonzero(empty, axis=1)
    result = minima.copy()
    # Whichever place is asked first, the only one that has anything is the one that lends.
    result[filled == 1] = minima[filled == 1].min(axis=1, keepdims=True)
    row, place = np.nonzero(empty & (filled > 1)[:, None])
    for others in lender:
        if not row.size:
            break
        lent = minima[row, others[place]]
        given = lent != _EMPTY
        result[row[given], place[given]] = lent[given]
        row, place = row[~given], place[~given]
    placed = result | (np.arange(PLACES, dtype=np.uint64) << np.uint64(32))
    return (mixed(placed) >> np.uint64(48)).astype(np.uint16)
