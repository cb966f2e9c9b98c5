"""Tokenizers whose vocabulary comes inside their package, so that counting needs no network."""

from __future__ import annotations

from collections.abc import Callable

TOKENIZERS = ("o200k_base", "cl100k_base")
# The tokenizer refuses a million characters; a longer document is cut at white space before that.
_PIECE = 500_000


def counter(name: str) -> Callable[[str], int]:
    """Function that counts the tokens of a text; special tokens are plain text to it.

    `count` of the package's own bindings: its public `encode_ordinary` calls the same tokenizer and
    makes a list of numbers that nobody here needs (a quarter of its time).
    """
    from bpe_openai import _bindings  # half a second, and only who counts needs it

    count = _bindings.tokenizer_for_encoding(name).count

    def tokens(text: str) -> int:
        if len(text) <= _PIECE:
            return int(count(text))
        return sum(int(count(piece)) for piece in pieces(text))

    return tokens


def pieces(text: str) -> list[str]:
    """The text in pieces of at most half a million characters, cut before a space if there is."""
    found, at = [], 0
    while len(text) - at > _PIECE:
        cut = text.rfind(" ", at + 1, at + _PIECE)
        cut = at + _PIECE if cut == -1 else cut
        found.append(text[at:cut])
        at = cut
    return [*found, text[at:]]
