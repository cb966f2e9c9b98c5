"""Share of documents that are near-duplicates of another, from a bounded sample of signatures.

Of n documents in groups that are alike, all but one of each group are near-duplicates:
share = 1 − (Σ over documents of 1/size of its group)/n. Alike means a Jaccard index of shingles of
at least `ALIKE`, as the two signatures show it.

A document falls into one bucket in each of 16 bands, named by two places of its signature, so two
documents with index J meet in a band with p = J². Buckets, not documents, are sampled: a bucket is
kept in a band if the hash of its name begins with `level` zero bits, so that documents that are
alike are kept together. As in `distinct`, the final level depends on the corpus alone, and merged
parts equal one pass bit for bit.

How many groups the buckets of a band stand for: `models/measure/groups.py`. The share is that among
the documents of the kept buckets: text that all documents share puts many of them into one bucket,
which is dropped once the sketch is thinned, and these count neither as groups nor as documents.
What is left differs more than J says: of a sample that shares half its text or more, small groups
came out 1 to 5 points too low. The standard error comes from leaving out each band in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.measure.distinct import begins_with_zeros
from models.measure.groups import BANDS, ROWS, by_name, groups
from models.measure.mixing import Words64, mixed
from models.measure.shingles import PLACES, Signatures

CAPACITY = 2**18


def _no_rows() -> Signatures:
    return np.empty((0, PLACES), dtype=np.uint16)


def _no_counts() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


def _buckets(rows: Signatures) -> Words64:
    """Name of each row's bucket by band; (row, band)."""
    places = rows[:, : BANDS * ROWS].astype(np.uint64).reshape(-1, BANDS, ROWS)
    names = (places[:, :, 0] << np.uint64(16)) | places[:, :, 1]
    names |= np.arange(1, BANDS + 1, dtype=np.uint64) << np.uint64(32)
    return mixed(names)


def _collapsed(rows: Signatures, counts: NDArray[np.int64]) -> tuple[Signatures, NDArray[np.int64]]:
    """Equal rows as one with their counts added, in an order that depends on the rows alone."""
    if not rows.size:
        return rows, counts
    # Two different rows get one hash in a corpus of a billion with a probability of 3 %.
    words = np.ascontiguousarray(rows).view(np.uint64)
    hashes = np.zeros(rows.shape[0], dtype=np.uint64)
    for i in range(words.shape[1]):
        hashes = mixed(hashes ^ words[:, i]) + np.uint64(i)
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    added = np.zeros(first.size, dtype=np.int64)
    np.add.at(added, inverse, counts)
    return rows[first], added


@dataclass(slots=True)
class NearDuplicates:
    """Signatures kept and how many documents have each; memory 264 bytes a signature."""

    capacity: int = CAPACITY
    documents: int = 0
    level: int = 0
    rows: Signatures = field(default_factory=_no_rows)
    counts: NDArray[np.int64] = field(default_factory=_no_counts)
    _waiting: list[tuple[Signatures, NDArray[np.int64]]] = field(default_factory=list)
    _waiting_rows: int = 0

    def add(self, rows: Signatures) -> None:
        """Take in signatures of documents."""
        self.documents += rows.shape[0]
        self._wait(rows, np.ones(rows.shape[0], dtype=np.int64))

    def merge(self, other: NearDuplicates) -> None:
        """Take in another part of the corpus."""
        other.settle()
        self.documents += other.documents
        self._thin(max(self.level, other.level))
        self._wait(other.rows, other.counts)

    def _wait(self, rows: Signatures, counts: NDArray[np.int64]) -> None:
        self._waiting.append((rows, counts))
        self._waiting_rows += rows.shape[0]
        if self._waiting_rows >= max(self.capacity // 4, 1):
            self.settle()

    def settle(self) -> None:
        """Work off what waits, so that the sketch is in the one form its documents have."""
        if not self._waiting:
            return
        rows = np.concatenate([rows for rows, _ in self._waiting])
        counts = np.concatenate([counts for _, counts in self._waiting])
        self._waiting, self._waiting_rows = [], 0
        if self.level:
            kept = self._is_kept(rows)
            rows, counts = rows[kept], counts[kept]
        self.rows, self.counts = _collapsed(
            np.concatenate((self.rows, rows)), np.concatenate((self.counts, counts))
        )
        while self.rows.shape[0] > self.capacity:
            self._thin(self.level + 1)

    def _is_kept(self, rows: Signatures) -> NDArray[np.bool_]:
        return np.asarray(begins_with_zeros(_buckets(rows), self.level).any(axis=1))

    def _thin(self, level: int) -> None:
        if level == self.level:
            return
        self.level = level
        kept = self._is_kept(self.rows)
        self.rows, self.counts = self.rows[kept], self.counts[kept]

    def share(self) -> tuple[float, float]:
        """Near-duplicate share and its standard error; 0 and 0 without documents."""
        self.settle()
        if not self.documents:
            return 0.0, 0.0
        names = _buckets(self.rows)
        found, sizes = np.array([self._groups(band, names) for band in range(BANDS)]).T
        rest = sizes.sum() - sizes
        if not rest.all():
            return 0.5, 0.5  # hardly a bucket was kept: nothing is known
        share = 1 - found.sum() / sizes.sum()
        # Jackknife: without each band in turn.
        without = 1 - (found.sum() - found) / rest
        spread = float(((without - without.mean()) ** 2).sum())
        return float(share), float(np.sqrt(spread * (BANDS - 1) / BANDS))

    def _groups(self, band: int, names: Words64) -> tuple[float, int]:
        """Groups of alike documents in the kept buckets of one band, and the documents there."""
        kept = np.flatnonzero(begins_with_zeros(names[:, band], self.level))
        buckets = by_name(kept, names[kept, band])
        found = sum(groups(self.rows, self.counts, members, names) for members in buckets)
        return found, int(self.counts[kept].sum())
