"""The planner's text as token rows: what is trained on, and what is held out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.errors import SourceChanged, SourceUnavailable
from flows.probing.manifest import ProbeSettings
from models.probe.tokens import encode, split

SUFFIXES = (".txt", ".jsonl")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokens of one probe. training has one token more than the unique set, as last target."""

    training: NDArray[np.int32]
    held_out: NDArray[np.int32]
    held_out_bytes_per_token: float
    sha256: str
    repeated_documents: int


def read_corpus(settings: ProbeSettings) -> Corpus:
    """The unique set and the held-out tokens of a probe.

    Raises: SourceUnavailable, SourceChanged for files that cannot be used or hold too little
    """
    parts = split(_documents(settings.corpus), settings.held_out_share, settings.data_seed)
    needed = settings.order().unique_tokens + 1
    training = encode(_enough(parts.training, needed), settings.tokenizer)[:needed]
    held_out = encode(_enough(parts.held_out, settings.held_out_tokens), settings.tokenizer)
    where = ", ".join(settings.corpus)
    if len(training) < needed:
        raise SourceUnavailable(
            f"{where} holds {len(training):,} different tokens to train on, and the run needs "
            f"{needed:,}; lower unique_tokens or add text"
        )
    if len(held_out) <= settings.context:
        raise SourceUnavailable(
            f"{where} leaves {len(held_out):,} held-out tokens, and one window needs "
            f"{settings.context + 1}; raise held_out_share or add text"
        )
    size = sum(len(text.encode()) for text in parts.held_out)
    whole = encode(parts.held_out, settings.tokenizer)
    digest = hashlib.sha256(training.tobytes() + held_out.tobytes()).hexdigest()
    return Corpus(
        training, held_out[: settings.held_out_tokens], size / len(whole), digest, parts.repeated
    )


def _enough(documents: Sequence[str], tokens: int) -> Sequence[str]:
    """The first documents that surely hold so many tokens; no token is longer than 200 bytes."""
    size = 0
    for number, document in enumerate(documents):
        size += len(document.encode())
        if size > 200 * tokens:
            return documents[: number + 1]
    return documents


def _documents(places: Sequence[str]) -> Iterator[str]:
    for place in places:
        path = Path(place).expanduser()
        if not path.exists():
            raise SourceUnavailable(f"there is no text at {path}; check corpus")
        files = (
            sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES) if path.is_dir() else [path]
        )
        if not files:
            raise SourceUnavailable(f"{path} holds no {' or '.join(SUFFIXES)} file; check corpus")
        for file in files:
            yield from _documents_of(file)


def _documents_of(file: Path) -> Iterator[str]:
    """Each `text` of a .jsonl file, each paragraph of a .txt file."""
    if file.suffix not in SUFFIXES:
        raise SourceChanged(f"{file} is neither {' nor '.join(SUFFIXES)}; convert it first")
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SourceChanged(f"{file} is not UTF-8 text; convert it first") from error
    except OSError as error:
        raise SourceUnavailable(f"cannot read {file}: {error.strerror}") from error
    if file.suffix == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield _text_of(line, f"{file} line {number}")
    else:
        yield from (part for part in text.split("\n\n") if part.strip())


def _text_of(line: str, where: str) -> str:
    try:
        document = json.loads(line)
        text = document["text"]
        if not isinstance(text, str):
            raise TypeError
        text.encode()  # half of a surrogate pair is no text
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceChanged(f'{where}: expected {{"text": "…"}}; mend or drop the line') from error
    return text
