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

# Documents that wait for their signatures; more would not be hashed any faster.
_MOST_WAITING = 4096


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
    texts: list[bytes] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    size: int = 0


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
                    self._take(document, measurement, batch, where)
                if batch.size >= shingles.BATCH_BYTES or len(batch.texts) >= _MOST_WAITING:
                    _flush(batch, measurement)
                    batch = _Batch()
        except Damaged as error:
            # What came before stands; the rest of the file is one document that is not.
            measurement.reject(str(error), where)
        _flush(batch, measurement)
        measurement.distinct.settle()
        measurement.near.settle()
        measurement.texts.settle()

    def _take(self, text: str, measurement: Measurement, batch: _Batch, where: str) -> None:
        problem, content = "", b""
        if "\0" in text:
            problem = "binary (holds a zero byte)"
        elif not text or text.isspace():
            problem = "empty"
        else:
            try:
                content = text.encode()
            except UnicodeEncodeError:
                problem = "not Unicode (half a surrogate pair)"
        if problem:
            measurement.reject(problem, where)
            return
        digest = int.from_bytes(blake2b(content, digest_size=8).digest(), "big")
        measurement.documents += 1
        measurement.bytes += len(content)
        measurement.characters += len(text)
        measurement.texts.add(digest, text)
        batch.texts.append(content)
        batch.hashes.append(digest)
        batch.tokens.append(self._count(text) if digest < self._limit else -1)
        batch.size += len(content)


def _flush(batch: _Batch, measurement: Measurement) -> None:
    if not batch.texts:
        return
    rows, words = shingles.signatures(batch.texts)
    measurement.near.add(rows)
    measurement.distinct.add(np.array(batch.hashes, dtype=np.uint64))
    for text, digest, counted, tokens in zip(
        batch.texts, batch.hashes, words.tolist(), batch.tokens, strict=True
    ):
        number = counted if len(text) <= shingles.READ_BYTES else len(text.split())
        measurement.words += number
        if tokens >= 0:
            measurement.tally.add(digest, len(text), number, tokens)
