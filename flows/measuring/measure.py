"""One part of a corpus to a measurement: what a worker does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from flows.errors import SourceError
from flows.measuring.files import Part, Split, open_file
from flows.measuring.readers import Document, Unreadable, documents
from flows.measuring.tokens import counter
from flows.measuring.unpack import Damaged, Watched, unpacked
from models.measure import shingles
from models.measure.measurement import Measurement

# Documents wait, so that the tokenizer reads many in a row: its tables stay in the core's cache.
_BATCH_BYTES, _BATCH_DOCUMENTS = 2**23, 2**16


@dataclass(frozen=True, slots=True)
class Options:
    """How a corpus is read. sample_share: share of different documents that are tokenized."""

    tokenizer: str = "o200k_base"
    column: str = "text"
    split: Split = "file"
    sample_share: float = 1.0


@dataclass(slots=True)
class PartResult:
    """Measurement of a part, and the checksum of its file where it is all of it."""

    part: Part
    measurement: Measurement
    sha256: str = ""


@dataclass(slots=True)
class _Batch:
    texts: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    size: int = 0

    def is_full(self) -> bool:
        return self.size >= _BATCH_BYTES or len(self.texts) >= _BATCH_DOCUMENTS


class Measurer:
    """Measures parts one after another; the tokenizer is loaded once."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._count = counter(options.tokenizer)
        self._limit = round(options.sample_share * 2**64)

    def part(self, part: Part, seen: Callable[[int], None]) -> PartResult:
        """Measure one part; `seen` is told of bytes read, and may raise to stop.

        A file that cannot be opened or read on counts as an unreadable document, with its reason.
        """
        result = PartResult(part, Measurement(sample_share=self._options.sample_share))
        try:
            with open_file(part.file) as file:
                source = Watched(file, seen)
                self._read(self._documents(source, part), result)
                if part.is_whole:
                    result.sha256 = source.drain()
        except SourceError as error:
            result.measurement.reject("file that cannot be opened", str(error))
        except OSError as error:
            if error.errno is None:
                raise  # no fault of the file's
            result.measurement.reject(f"file not read on: {error.strerror}", part.file.path)
        return result

    def _documents(self, source: Watched, part: Part) -> Iterator[Document]:
        if part.file.kind == "parquet":
            from flows.measuring.parquet import documents as rows

            return rows(part.file.path, self._options.column)
        stream = unpacked(source, part.file.packing)
        return documents(stream, part, self._options.column, self._options.split)

    def _read(self, found: Iterator[Document], result: PartResult) -> None:
        measurement, where = result.measurement, result.part.file.path
        batch = _Batch()
        try:
            for document in found:
                if isinstance(document, Unreadable):
                    measurement.reject(document.reason, where)
                else:
                    problem = _taken(document, batch)
                    if problem:
                        measurement.reject(problem, where)
                if batch.is_full():
                    self._flush(batch, measurement)
                    batch = _Batch()
        except Damaged as error:
            # What came before stands; the rest of the file is one document that is not.
            measurement.reject(str(error), where)
        self._flush(batch, measurement)
        measurement.distinct.settle()
        measurement.near.settle()
        measurement.texts.settle()

    def _flush(self, batch: _Batch, measurement: Measurement) -> None:
        if not batch.texts:
            return
        hashes = np.array(batch.hashes, dtype=np.uint64)
        sampled = [at for at, each in enumerate(batch.hashes) if each < self._limit]
        tokens = np.array([self._count(batch.texts[at]) for at in sampled], dtype=np.int64)
        rows, words = shingles.signatures(batch.contents)
        sizes = np.array([len(content) for content in batch.contents])
        for at in np.flatnonzero(sizes > shingles.READ_BYTES):
            words[at] = len(batch.contents[at].split())
        measurement.documents += len(batch.texts)
        measurement.bytes += batch.size
        measurement.characters += sum(map(len, batch.texts))
        measurement.words += int(words.sum())
        measurement.near.add(rows)
        measurement.distinct.add(hashes)
        measurement.tally.add(hashes[sampled], sizes[sampled], words[sampled], tokens)
        for digest, text in zip(batch.hashes, batch.texts, strict=True):
            measurement.texts.add(digest, text)


def _taken(text: str, batch: _Batch) -> str:
    """Put a document into the batch; returns why not, if it is none."""
    if "\0" in text:
        return "binary (holds a zero byte)"
    if not text or text.isspace():
        return "empty"
    try:
        content = text.encode()
    except UnicodeEncodeError:
        return "not Unicode (half a surrogate pair)"
    batch.texts.append(text)
    batch.contents.append(content)
    batch.hashes.append(int.from_bytes(blake2b(content, digest_size=8).digest(), "big"))
    batch.size += len(content)
    return ""
