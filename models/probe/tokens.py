"""Documents to tokens: bytes, or byte pairs where `bpe-openai` is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models.errors import OutsideValidRange

Tokenizer = Literal["byte", "cl100k_base", "o200k_base"]
TOKENIZERS: tuple[str, ...] = get_args(Tokenizer)
# Ids of ordinary text; the next one ends a document.
_ORDINARY = {"byte": 256, "cl100k_base": 100_256, "o200k_base": 199_998}


def vocabulary(tokenizer: str) -> int:
    """Number of token ids, the end of a document included."""
    return _ORDINARY[tokenizer] + 1


def encode(documents: Iterable[str], tokenizer: str) -> NDArray[np.int32]:
    """All documents as one row of token ids, each followed by the end of a document."""
    end = np.array([_ORDINARY[tokenizer]], dtype=np.int32)
    parts: list[NDArray[np.int32]] = []
    if tokenizer == "byte":
        for document in documents:
            parts += [np.frombuffer(document.encode(), dtype=np.uint8).astype(np.int32), end]
    else:
        encoder = _byte_pairs(tokenizer)
        for document in documents:
            parts += [np.asarray(encoder.encode(document), dtype=np.int32), end]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)


def _byte_pairs(tokenizer: str) -> Any:
    try:
        bpe_openai = import_module("bpe_openai")
    except ImportError as error:
        raise OutsideValidRange(
            f"tokenizer {tokenizer} needs the package bpe-openai; install it, or use byte"
        ) from error
    return bpe_openai.get_encoding(tokenizer)


@dataclass(frozen=True, slots=True)
class Split:
    """Documents to train on and documents held out, both in an order that content decides."""

    training: tuple[str, ...]
    held_out: tuple[str, ...]
    repeated: int


def split(documents: Iterable[str], held_out_share: float, seed: int) -> Split:
    """Assign each different document to training or to the held-out set, by its checksum.

    Order and side depend on the content and the seed alone, never on files or their order, so the
    first tokens are a fair sample of all. An exact repeat is dropped: it would make "unique" untrue
    and could stand on both sides.
    """
    keyed: dict[bytes, str] = {}
    seen = 0
    for document in documents:
        seen += 1
        keyed[hashlib.sha256(f"{seed}\n{document}".encode()).digest()] = document
    bound = int(held_out_share * 2**64)
    training: list[str] = []
    held_out: list[str] = []
    for key in sorted(keyed):
        # The order is by the first bytes, the side by the last ones, so they are independent.
        side = held_out if int.from_bytes(key[-8:], "big") < bound else training
        side.append(keyed[key])
    return Split(tuple(training), tuple(held_out), seen - len(keyed))
