"""All that is kept of a corpus while it is read, and what follows from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from models.errors import OutsideValidRange
from models.measure.distinct import Distinct
from models.measure.estimate import (
    Estimate,
    clipped_share,
    half_width,
    ratio,
    share_of_sample,
)
from models.measure.groups import ALIKE, BANDS
from models.measure.near import NearDuplicates
from models.measure.sample import TextSample
from models.measure.tally import Tally

# Replicates of the distinct count are hashes, of which there are very many.
_MANY = 10_000
LEAST_SHARE = 0.005


@dataclass(slots=True)
class Measurement:
    """Counts and sketches of a corpus or of a part of it. Parts merge in any order.

    sample_share: share of different documents that are tokenized, chosen by their hash
    """

    sample_share: float = 1.0
    documents: int = 0
    bytes: int = 0
    characters: int = 0
    words: int = 0
    distinct: Distinct = field(default_factory=Distinct)
    near: NearDuplicates = field(default_factory=NearDuplicates)
    tally: Tally = field(default_factory=Tally)
    texts: TextSample = field(default_factory=TextSample)
    unreadable: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def reject(self, reason: str, where: str) -> None:
        """Count a document that could not be read; the first place of each reason is kept."""
        self.unreadable[reason] += 1
        self.examples[reason] = min(where, self.examples.get(reason, where))

    def merge(self, other: Measurement) -> None:
        """Add another part of the corpus."""
        self.documents += other.documents
        self.bytes += other.bytes
        self.characters += other.characters
        self.words += other.words
        self.distinct.merge(other.distinct)
        self.near.merge(other.near)
        self.tally.merge(other.tally)
        self.texts.merge(other.texts)
        self.unreadable.update(other.unreadable)
        for reason, where in other.examples.items():
            self.examples[reason] = min(where, self.examples.get(reason, where))

    def estimates(self, tokenizer: str) -> list[Estimate]:
        """Amounts, ratios and duplicate shares.

        Raises: OutsideValidRange for no document, or a sample too small for an interval
        """
        if not self.documents:
            raise OutsideValidRange("no document could be read, so there is nothing to measure")
        counted = "counted in full"
        return [
            Estimate("documents", self.documents, "documents", counted),
            Estimate("bytes", self.bytes, "bytes", f"{counted}, as UTF-8"),
            Estimate("characters", self.characters, "characters", counted),
            Estimate("words", self.words, "words", f"{counted}, divided at ASCII white space"),
            *self._from_tokens(tokenizer),
            self._exact(),
            self._near(),
        ]

    def _from_tokens(self, tokenizer: str) -> list[Estimate]:
        tokens, size, words = (self.tally.column(c) for c in ("tokens", "bytes", "words"))
        sampled = int(self.tally.column("documents").sum())
        complete = self.sample_share >= 1
        basis = f"tokenizer {tokenizer}, " + (
            "counted in full" if complete else f"from {sampled} of {self.documents} documents"
        )
        per_byte = ratio(tokens, size, self.sample_share)
        amount = (int(tokens.sum()),) * 3 if complete else tuple(self.bytes * r for r in per_byte)
        rows = [
            ("tokens", *amount, "tokens"),
            ("bytes_per_token", *ratio(size, tokens, self.sample_share), "bytes_per_token"),
            ("words_per_token", *ratio(words, tokens, self.sample_share), "words_per_token"),
        ]
        return [_estimate(name, v, low, high, unit, basis) for name, v, low, high, unit in rows]

    def _exact(self) -> Estimate:
        different, error = self.distinct.count()
        # 90 % of a normal, whose t with many degrees it is.
        value, low, high = clipped_share(
            1 - different / self.documents, half_width(error / self.documents, _MANY)
        )
        basis = "by hash of the text" + (
            ", counted in full" if not error else f", one hash in {2**self.distinct.level} kept"
        )
        return _estimate("exact_duplicate_share", value, low, high, "share", basis)

    def _near(self) -> Estimate:
        share, error = self.near.share()
        value, low, high = clipped_share(share, half_width(error, BANDS))
        basis = (
            f"Jaccard index of five-word shingles at least {ALIKE}, equal documents included; "
            f"MinHash, {self.near.rows.shape[0]} signatures kept"
        )
        return _estimate("near_duplicate_share", value, low, high, "share", basis)

    def language_shares(self, languages: dict[int, str]) -> list[Estimate]:
        """Shares of documents by language; `languages` names that of every sampled text's hash.

        Copies of a document weigh as many as they are; interval as in `share_of_sample` with the
        effective size (Σw)²/Σw². A sample that is the whole corpus has no interval.
        """
        weights: Counter[str] = Counter()
        for document_hash, language in languages.items():
            weights[language] += self.texts.copies[document_hash]
        total = sum(weights.values())
        squares = sum(self.texts.copies[h] ** 2 for h in languages)
        size = total**2 / squares if squares else 0.0
        whole = total == self.documents
        basis = f"py3langid on {len(languages)} different documents; its own errors not counted"
        return [
            _estimate(
                language,
                weight / total,
                *((weight / total,) * 2 if whole else share_of_sample(size * weight / total, size)),
                "share",
                basis,
            )
            for language, weight in sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))
            if weight / total >= LEAST_SHARE
        ]

    def compressed_share(self, packed: dict[int, tuple[int, int]]) -> Estimate:
        """Compressed size over size of blocks of the sampled texts.

        packed: bytes compressed and bytes before, by block; blocks are random groups
        """
        after = np.array([pair[0] for pair in packed.values()], dtype=float)
        before = np.array([pair[1] for pair in packed.values()], dtype=float)
        basis = "zstd level 3 on blocks of sampled texts' beginnings"
        if len(packed) < 2:
            value = float(after.sum() / before.sum())
            return Estimate("compressed_share", value, "ratio", f"{basis}; one block, no interval")
        return _estimate("compressed_share", *ratio(after, before, 0.0), "ratio", basis)


def _estimate(name: str, value: float, low: float, high: float, unit: str, basis: str) -> Estimate:
    if low == high:
        return Estimate(name, value, unit, basis)
    return Estimate(name, value, unit, basis, low, high)
