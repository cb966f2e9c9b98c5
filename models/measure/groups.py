"""How many groups of alike documents the members of a bucket stand for.

A member that is not met must not make its group look smaller. A document is at a band as its group
is with probability s, and two meet where both are: p_jk = s_j·s_k. With c copies of the document
itself and others of c_k copies,
    g(u) = Π_k φ_k,  φ_k = 1 if not met, (u^(c_k/c) − 1 + s_k)/s_k if met,  E[g] = Π_k u^(c_k/c)
where the document is as its group is. Where it is not, it counts as a group of its own, or as part
of one with those that differ in the same way: as `a` groups on the average. So
    ∫₀¹ 1 − (1 − g(u))·(1 + a·(1 − s)/s) du
has the mean c/(c + Σ c_k). Half of what differs is taken for shingles lost, and of m documents
those meet that lost the same one: a share (1 − s)/4 at each of the two places, so
    a = (1 + (1 − e^−x)/x)/2,  x = m·(1 − s)/4

Text that all documents share makes large buckets of many small groups, so these are divided first
into parts between which nothing is alike.

What the scatter of the bands leaves out. Two signatures show J with a standard error of
√(J(1 − J)/126), 0.036 at the border, so pairs within some 0.07 of it are sorted by chance; fewer
shingles than 126 tell less, those of ten words so little that 0.2 from the border is chance. Away
from it, with two of 600 words changed in each document, planted groups of up to 2 … 1,000 come out
0.1 points off. In groups of up to 100, with four words changed it is 0.1, with four added 0.6 too
low, with four taken away 1.5 too high, with 30 more at the end 2.4 too low (`benchmarks/near.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.measure.mixing import Words64
from models.measure.shingles import PLACES, Signatures

ALIKE = 0.8
BANDS = 16
ROWS = 2
# A larger bucket is divided, and of what is still larger only so many are compared.
_COMPARED = 256
# Signature places compared at once, which bounds memory.
_CELLS = 2**24

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_U, _DU = (_NODES + 1) / 2, _WEIGHTS / 2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def by_name(members: Ints, names: Words64) -> Iterator[Ints]:
    """Members that share a name, those of one size together: (bucket, member).

    At most so many buckets at once that `_CELLS` bounds what is compared.
    """
    order = np.argsort(names, kind="stable")
    members, names = members[order], names[order]
    first = np.flatnonzero(np.diff(names, prepend=~names[:1]))
    sizes = np.diff(first, append=members.size)
    for size in np.unique(sizes).tolist():
        starts = first[sizes == size]
        step = max(1, _CELLS // (size * min(size, _COMPARED) * PLACES))
        for at in range(0, starts.size, step):
            yield members[starts[at : at + step, None] + np.arange(size)]


def groups(rows: Signatures, counts: Ints, members: Ints, names: Words64) -> float:
    """Groups that buckets of one size stand for; members (bucket, row).

    Shapes: rows (row, place), counts (row,): documents that have this signature, names (row, band)
    """
    size = members.shape[1]
    if size <= _COMPARED:
        return _of_part(rows, counts, members)
    return sum(
        _of_part(rows, counts, part)
        for bucket in members
        for part in by_name(bucket, _connected(rows, bucket, names))
    )


def _connected(rows: Signatures, bucket: Ints, names: Words64) -> Words64:
    """Number of the part of a large bucket that each member is in; no two parts are alike.

    Two that are alike share their bucket in some other band too, and there few others do, or both
    are alike to many. So each is joined to the first that is alike in its buckets of up to
    `_COMPARED` in every band, and to the first of `_COMPARED` members.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415  (rarely needed)
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    place = np.arange(bucket.size)
    joined = []
    for band in range(BANDS):
        for part in by_name(place, names[bucket, band]):
            if 1 < part.shape[1] <= _COMPARED:
                joined.append(_first_alike(rows, bucket, part, part))
    seen = place[None, :_COMPARED]
    step = max(1, _CELLS // (_COMPARED * PLACES))
    joined += [
        _first_alike(rows, bucket, place[None, at : at + step], seen)
        for at in range(0, place.size, step)
    ]
    one, other = np.concatenate(joined, axis=1)
    graph = coo_array((np.ones(one.size, dtype=np.int8), (one, other)), (place.size, place.size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.uint64)


def _first_alike(rows: Signatures, bucket: Ints, some: Ints, others: Ints) -> Ints:
    """Each of some members with the first other that is alike, if any: (2, pair)."""
    alike = _agreement(rows, bucket[some], bucket[others]) >= ALIKE
    alike &= some[:, :, None] != others[:, None, :]
    where, at = np.nonzero(alike.any(axis=2))
    return np.stack((some[where, at], others[where, alike.argmax(axis=2)[where, at]]))


def _of_part(rows: Signatures, counts: Ints, members: Ints) -> float:
    """Groups that parts of one size stand for; a large one is compared with some of itself."""
    size = members.shape[1]
    if size == 1:
        return float(members.shape[0])
    seen = members[:, :_COMPARED]
    between = _agreement(rows, seen, seen)
    if size <= _COMPARED:
        return _stood_for(counts, members, seen, between, between)
    step = max(1, _CELLS // (seen.size * PLACES))
    parts = (members[:, at : at + step] for at in range(0, size, step))
    # With only some of the part compared, each met one stands for several.
    weight = (size - 1) / (_COMPARED - 1)
    return sum(
        _stood_for(counts, mine, seen, _agreement(rows, mine, seen), between, weight)
        for mine in parts
    )


def _agreement(rows: Signatures, some: Ints, others: Ints) -> Floats:
    """Share of places at which rows of a bucket agree; (bucket, row, other).

    Not counting those that named the bucket: these agree for certain and tell nothing.
    """
    equal = rows[some][:, :, None, :] == rows[others][:, None, :, :]
    return np.asarray((np.count_nonzero(equal, axis=3) - ROWS) / (PLACES - ROWS))


def _stood_for(
    counts: Ints, mine: Ints, seen: Ints, agree: Floats, between: Floats, weight: float = 1.0
) -> float:
    """Groups that some rows of each bucket stand for: Σ c·(1/size of the group).

    Shapes: mine (bucket, row), seen (bucket, other), agree (bucket, row, other), between (bucket,
    other, other).
    """
    met = (agree >= ALIKE) & (mine[:, :, None] != seen[:, None, :])
    # A row that met none is a group of its own.
    several = met.any(axis=2)
    copies = np.where(met, counts[seen][:, None, :] * weight, 0.0) / counts[mine][:, :, None]
    log_p = np.where(met, ROWS * np.log(np.maximum(agree, ALIKE)), 0.0)
    log_s = _log_own(met, log_p, between)
    log_theirs = np.where(met, log_p - log_s[:, :, None], 0.0)
    s = np.exp(log_s[several])
    number = (1 + weight * met.sum(axis=2)[several]) / s
    scale = 1 + _apart(number * (1 - s) / 4) * (1 - s) / s
    # In columns, because products over a few numbers each are slow along rows.
    relative, theirs = (np.ascontiguousarray(x[several].T) for x in (copies, np.exp(log_theirs)))
    total = float(several.size - several.sum())
    for log_u, du in zip(np.log(_U), _DU, strict=True):
        g = (1 + (np.exp(log_u * relative) - 1) / theirs).prod(axis=0)
        total += du * float((1 - (1 - g) * scale).sum())
    return total


def _log_own(met: NDArray[np.bool_], log_p: Floats, between: Floats) -> Floats:
    """Logarithm of each row's s; (bucket, row).

    From log p_jk = log s_j + log s_k: mean of log p over those met, less half its mean over pairs
    of them; of a single one met, half of log p.
    """
    number = met.sum(axis=2)
    mean = log_p.sum(axis=2) / np.maximum(number, 1)
    pairs = ROWS * np.log(np.maximum(between, 1 / PLACES))
    there = met.astype(float)
    of_pairs = ((there @ pairs) * there).sum(axis=2) / np.maximum(number * (number - 1), 1)
    log_s = np.where(number > 1, mean - of_pairs / 2, mean / 2)
    # No probability is above one, neither its own nor another's.
    least = np.where(met, log_p, -np.inf).max(axis=2)
    return np.asarray(np.clip(log_s, np.where(number > 0, least, 0.0), 0.0))


def _apart(x: Floats) -> Floats:
    """Groups that a row counts for where it is not as its group is: `a` above."""
    x = np.maximum(x, 1e-9)
    return np.asarray((1 - np.expm1(-x) / x) / 2)
