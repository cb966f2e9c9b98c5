"""A bounded sample of documents: those with the smallest hashes, which merge to the same sample."""

from __future__ import annotations

from dataclasses import dataclass, field

CAPACITY = 1000
# Of each sampled document only the beginning is kept.
KEPT_CHARACTERS = 4000


@dataclass(slots=True)
class TextSample:
    """Beginning of a text and how many copies were seen, by hash; at most `capacity` texts."""

    capacity: int = CAPACITY
    texts: dict[int, str] = field(default_factory=dict)
    copies: dict[int, int] = field(default_factory=dict)
    _limit: int = 2**64

    def add(self, document_hash: int, text: str) -> None:
        """Offer one document. One that was dropped never returns, so its copies are all counted."""
        if document_hash >= self._limit:
            return
        self._count(document_hash, text[:KEPT_CHARACTERS], 1)

    def merge(self, other: TextSample) -> None:
        """Take in the sample of another part of the corpus."""
        for document_hash, text in other.texts.items():
            if document_hash < self._limit:
                self._count(document_hash, text, other.copies[document_hash])
        self.settle()

    def _count(self, document_hash: int, text: str, copies: int) -> None:
        self.texts.setdefault(document_hash, text)
        self.copies[document_hash] = self.copies.get(document_hash, 0) + copies
        if len(self.texts) >= 2 * self.capacity:
            self.settle()

    def settle(self) -> None:
        """Keep the smallest hashes only, in their order."""
        kept = sorted(self.texts)[: self.capacity]
        self.texts = {h: self.texts[h] for h in kept}
        self.copies = {h: self.copies[h] for h in kept}
        if len(kept) == self.capacity:
            self._limit = kept[-1] + 1
