"""Text to tokens, and documents to sides: by content alone, without repeats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.probe.tokens import encode, split, vocabulary

WORDS = [f"document {number}" for number in range(2000)]


@given(st.lists(st.text(max_size=20)))
def test_bytes_come_back(documents: list[str]) -> None:
    tokens = encode(documents, "byte")
    assert tokens.max(initial=0) < vocabulary("byte")
    parts = "".join("\0end\0" if t == 256 else chr(t) for t in tokens).split("\0end\0")[:-1]
    assert [part.encode("latin-1").decode() for part in parts] == documents


@pytest.mark.parametrize("tokenizer", ["cl100k_base", "o200k_base"])
def test_byte_pairs_come_back(tokenizer: str) -> None:
    bpe = pytest.importorskip("bpe_openai", reason="bpe-openai is not installed")
    tokens = encode(["one two", "three"], tokenizer)
    end = vocabulary(tokenizer) - 1
    assert [t for t in tokens if t == end] == [end, end]
    first = tokens[: list(tokens).index(end)].tolist()
    assert bpe.get_encoding(tokenizer).decode(first) == "one two"


def test_split_depends_on_content_and_seed_alone() -> None:
    parts = split(WORDS, 0.1, 0)
    assert split(reversed(WORDS), 0.1, 0) == parts
    assert split(WORDS, 0.1, 1).training != parts.training
    assert sorted(parts.training + parts.held_out) == sorted(WORDS)
    # Five standard deviations of a binomial.
    assert abs(len(parts.held_out) - 200) < 5 * (2000 * 0.1 * 0.9) ** 0.5
    assert parts.repeated == 0


def test_a_repeat_stands_on_no_side_twice() -> None:
    parts = split(WORDS * 3, 0.1, 0)
    assert (parts.training, parts.held_out) == (
        split(WORDS, 0.1, 0).training, split(WORDS, 0.1, 0).held_out,
    )  # fmt: skip
    assert parts.repeated == 4000


def test_sides_do_not_follow_the_order() -> None:
    """A larger held-out share takes documents from the whole order, and only adds."""
    small, large = split(WORDS, 0.1, 0), split(WORDS, 0.3, 0)
    assert set(small.held_out) < set(large.held_out)
