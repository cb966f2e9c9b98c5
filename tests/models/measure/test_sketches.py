"""Sketches find planted truths, stay within their memory, and merge to what one pass gives."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import OutsideValidRange
from models.measure import shingles
from models.measure.distinct import Distinct
from models.measure.estimate import Estimate, ratio, share_of_sample
from models.measure.mixing import mixed
from models.measure.near import NearDuplicates
from models.measure.sample import TextSample


def _generator(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  (reproducible, and secret to nobody)


def _words(generator: random.Random, count: int) -> list[str]:
    return [f"w{generator.randrange(50_000)}" for _ in range(count)]


def _changed(generator: random.Random, words: Sequence[str], places: int) -> list[str]:
    changed = list(words)
    for place in generator.sample(range(len(words)), places):
        changed[place] = f"x{generator.randrange(50_000)}"
    return changed


def _corpus(
    documents: int, group: int, length: int = 600, shared: int = 0
) -> tuple[list[bytes], float]:
    """Documents in groups of 1 to `group` near copies, two words of each changed.

    shared: words of the length with which every document begins
    """
    generator = _generator(group + shared)
    common = _words(generator, shared)
    texts: list[bytes] = []
    originals = 0
    while len(texts) < documents:
        words = common + _words(generator, length - shared)
        originals += 1
        for _ in range(generator.randint(1, group)):
            texts.append(" ".join(_changed(generator, words, 2)).encode())
    return texts, 1 - originals / len(texts)


def _signatures(texts: Sequence[bytes]) -> shingles.Signatures:
    parts = [shingles.signatures(texts[at : at + 64])[0] for at in range(0, len(texts), 64)]
    return np.concatenate(parts)


def _jaccard(a: str, b: str) -> float:
    def sets(text: str) -> set[tuple[str, ...]]:
        words = text.lower().split()
        return {tuple(words[i : i + shingles.WORDS]) for i in range(len(words) - 4)}

    first, second = sets(a), sets(b)
    return len(first & second) / len(first | second)


@pytest.mark.parametrize("places", [1, 5, 20, 60])
def test_agreeing_places_are_the_jaccard_index(places: int) -> None:
    generator = _generator(places)
    pairs = []
    for _ in range(60):
        words = _words(generator, 400)
        pairs.append((" ".join(words), " ".join(_changed(generator, words, places))))
    rows = _signatures([text.encode() for pair in pairs for text in pair])
    seen = (rows[::2] == rows[1::2]).mean()
    real = float(np.mean([_jaccard(a, b) for a, b in pairs]))
    # Sixty pairs of 128 places: four standard errors.
    assert seen == pytest.approx(real, abs=4 * np.sqrt(max(real * (1 - real), 0.01) / (60 * 128)))


def test_a_signature_depends_on_its_document_alone() -> None:
    texts = [
        b"one two three four five six",
        b"",
        b"One  two\nthree four FIVE six",
        b"word",
        b"\xe4",
    ]
    together, words = shingles.signatures(texts)
    assert words.tolist() == [6, 0, 6, 1, 1]
    assert (together[0] == together[2]).all()
    for text, row in zip(texts, together, strict=True):
        assert (shingles.signatures([text])[0][0] == row).all()
        assert (shingles.signatures([b"before " * 300, text])[0][1] == row).all()


@pytest.mark.parametrize("first", [0x4E00, 0x3041, 0xAC00, 0x0E01, 0x0E81, 0x0F40, 0x1000, 0x1780])
def test_characters_of_scripts_without_spaces_are_words_of_their_own(first: int) -> None:
    generator = _generator(first)
    text = "".join(chr(first + generator.randrange(30)) for _ in range(2000))
    other = text[:500] + chr(first + 31) + text[500:]
    rows, words = shingles.signatures([text.encode(), other.encode(), text[::-1].encode()])
    assert words.tolist() == [1, 1, 1]
    # One character more is five shingles more and four less, of two thousand.
    assert (rows[0] == rows[1]).mean() > 0.95
    assert (rows[0] == rows[2]).mean() < 0.2


@pytest.mark.parametrize(
    "text",
    ["नमस्ते दुनिया यह पाठ है", "ở đâu cũng có việt", "გამარჯობა მსოფლიო ეს ტექსტი არის"],
)
def test_scripts_with_spaces_keep_their_words(text: str) -> None:
    other = text[:-1] + "x"
    rows, words = shingles.signatures([text.encode(), other.encode()])
    assert words.tolist() == [5, 5]
    # Five words are one shingle, and another letter makes it another.
    assert (rows[0] == rows[1]).mean() < 0.05


def test_a_word_without_end_is_several() -> None:
    text = "".join(_generator(1).choices("0123456789abcdef", k=4000))
    rows, words = shingles.signatures([text.encode(), (text + "0123456789").encode()])
    assert words.tolist() == [1, 1]
    assert (rows[0] == rows[1]).mean() > 0.9


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_white_space_and_case_do_not_matter(texts: list[str]) -> None:
    wide = [re.sub(r"[ \t\n\r\v\f]+", " " * 99, text) + "\n" * 5 for text in texts]
    large = [re.sub("[a-z]", lambda m: m[0].upper(), text) for text in wide]
    rows, words = shingles.signatures([text.encode() for text in texts])
    for others in (wide, large):
        theirs = shingles.signatures([text.encode() for text in others])
        assert (theirs[0] == rows).all()
        assert (theirs[1] == words).all()
    assert words.tolist() == [len(text.encode().split()) for text in texts]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab€", min_size=1, max_size=90), min_size=1, max_size=4, unique=True))
def test_a_shingle_is_known_by_all_its_bytes(words: list[str]) -> None:
    texts = [" ".join(words), " ".join(words[::-1]), " ".join([*words, "a"])]
    texts += [" ".join(words)[:at] + "c" + " ".join(words)[at + 1 :] for at in (0, 8, 40)]
    rows, _ = shingles.signatures([text.encode() for text in texts])
    different = {tuple(text.split()) for text in texts}
    assert len({row.tobytes() for row in rows}) == len(different)


@pytest.mark.parametrize(
    ("group", "capacity"), [(1, 2**18), (2, 2**18), (4, 2**18), (20, 2**18), (3, 2**9)]
)
def test_near_duplicates_are_the_planted_share(group: int, capacity: int) -> None:
    texts, planted = _corpus(3000, group)
    sketch = NearDuplicates(capacity)
    sketch.add(_signatures(texts))
    share, error = sketch.share()
    assert sketch.rows.shape[0] <= capacity
    assert (sketch.level > 0) == (capacity < 3000)
    # Half a point, and what a sample of a tenth of the documents leaves open.
    assert abs(share - planted) < 0.005 + 3 * (error if sketch.level else 0)


@pytest.mark.parametrize("shared", [200, 300])
def test_small_groups_are_found_among_many_that_share_text(shared: int) -> None:
    texts, planted = _corpus(4000, 4, shared=shared)
    sketch = NearDuplicates()
    sketch.add(_signatures(texts))
    share, error = sketch.share()
    assert abs(share - planted) < 0.005 + 2 * error


@pytest.mark.parametrize(("group", "shared"), [(1, 300), (1, 450), (4, 300)])
def test_shared_text_does_not_count_as_copies_where_thinned(group: int, shared: int) -> None:
    texts, planted = _corpus(4000, group, shared=shared)
    sketch = NearDuplicates(capacity=1000)
    sketch.add(_signatures(texts))
    share, error = sketch.share()
    assert sketch.level > 0
    # Three points, by which what is left of small groups comes out too low.
    assert planted - 0.03 - 3 * error <= share <= planted + 0.002 + 3 * error


def test_of_a_sketch_that_kept_nothing_nothing_is_known() -> None:
    sketch = NearDuplicates(capacity=0)
    sketch.add(_signatures([b"one document", b"and another"]))
    assert sketch.share() == (0.5, 0.5)


def test_of_a_group_larger_than_what_is_compared_one_document_is_left() -> None:
    generator = _generator(5)
    words = _words(generator, 600)
    copies = [" ".join(_changed(generator, words, 2)).encode() for _ in range(700)]
    others = [" ".join(_words(generator, 100)).encode() for _ in range(700)]
    sketch = NearDuplicates()
    sketch.add(_signatures(copies + others))
    assert sketch.share()[0] == pytest.approx(699 / 1400, abs=0.005)


@pytest.mark.parametrize("words", [1, 3, 5, 6])
def test_short_documents_that_differ_are_no_near_duplicates(words: int) -> None:
    texts = [" ".join(f"{i}w{k}" for k in range(words)).encode() for i in range(20_000)]
    rows, _ = shingles.signatures(texts)
    sketch = NearDuplicates()
    sketch.add(rows)
    # Of 20,000 numbers of 32 bits, 0.05 are expected to meet another.
    assert sketch.share()[0] <= 0.0002
    assert sketch.rows.shape[0] >= 19_998


def test_equal_documents_are_near_duplicates() -> None:
    text = " ".join(_words(_generator(1), 100)).encode()
    sketch = NearDuplicates()
    sketch.add(_signatures([text] * 50 + [b"another document of some more words"]))
    assert sketch.share()[0] == pytest.approx(49 / 51, abs=1e-9)
    assert sketch.rows.shape[0] == 2


@pytest.mark.parametrize("capacity", [2**18, 300])
def test_merged_parts_equal_one_pass_bit_for_bit(capacity: int) -> None:
    rows = _signatures(_corpus(1500, 3, 100)[0])
    whole = NearDuplicates(capacity)
    for at in range(0, len(rows), 100):
        whole.add(rows[at : at + 100])
    parts = [NearDuplicates(capacity) for _ in range(3)]
    for i, part in enumerate(parts):
        part.add(rows[i::3])
    for order in ((2, 0, 1), (0, 1, 2)):
        merged = NearDuplicates(capacity)
        for i in order:
            merged.merge(parts[i])
        whole.settle()
        merged.settle()
        assert (merged.documents, merged.level) == (whole.documents, whole.level)
        assert (merged.rows == whole.rows).all()
        assert (merged.counts == whole.counts).all()
        assert merged.share() == whole.share()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=600), st.integers(1, 7), st.integers(8, 200))
def test_distinct_counts_and_merges(values: list[int], parts: int, capacity: int) -> None:
    hashes = mixed(np.array(values, dtype=np.uint64) + np.uint64(1))
    whole = Distinct(capacity)
    whole.add(hashes)
    merged = Distinct(capacity)
    for i in range(parts):
        part = Distinct(capacity)
        part.add(hashes[i::parts])
        merged.merge(part)
    count, error = whole.count()
    assert merged.count() == (count, error)
    assert (merged.hashes == whole.hashes).all()
    assert whole.hashes.size <= capacity
    if whole.level == 0:
        assert (count, error) == (len(set(values)), 0)


def test_a_thinned_distinct_count_is_right_within_its_error() -> None:
    misses = []
    for seed in range(40):
        sketch = Distinct(capacity=500)
        sketch.add(mixed(np.arange(20_000, dtype=np.uint64) + np.uint64(seed * 10**6)))
        count, error = sketch.count()
        misses.append((count - 20_000) / error)
    assert abs(np.mean(misses)) < 3 / np.sqrt(40)
    assert 0.7 < np.std(misses) < 1.3


def test_a_text_sample_is_that_of_the_smallest_hashes() -> None:
    hashes = [h for h in range(1, 4000) for _ in range(1 + h % 2)]
    _generator(1).shuffle(hashes)
    whole, parts = TextSample(100), [TextSample(100) for _ in range(4)]
    for i, h in enumerate(hashes):
        whole.add(h, str(h))
        parts[i % 4].add(h, str(h))
    whole.settle()
    merged = TextSample(100)
    for part in parts:
        merged.merge(part)
    assert list(whole.texts) == list(range(1, 101))
    assert (merged.texts, merged.copies) == (whole.texts, whole.copies)
    assert all(whole.copies[h] == 1 + h % 2 for h in whole.texts)


def test_nine_in_ten_ratios_lie_in_their_interval() -> None:
    generator = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        under = generator.gamma(5, 100, (64, 30))
        over = under * generator.normal(0.25, 0.05, under.shape)
        _, low, high = ratio(over.sum(axis=1), under.sum(axis=1), 0.0)
        inside += low < 0.25 < high
    assert 0.85 < inside / 400 < 0.95


def test_a_whole_sample_has_no_interval_and_one_group_is_too_few() -> None:
    over, under = np.array([1.0, 3.0]), np.array([4.0, 4.0])
    assert ratio(over, under, 1.0) == (0.5, 0.5, 0.5)
    with pytest.raises(OutsideValidRange, match="raise --sample"):
        ratio(over[:1], under[:1], 0.5)


def test_shares_of_samples() -> None:
    # A second method: quantiles of a million draws from the posterior.
    drawn = np.random.default_rng(1).beta(5.5, 5.5, 10**6)
    assert share_of_sample(5, 10) == pytest.approx(np.quantile(drawn, [0.05, 0.95]), abs=2e-3)
    assert share_of_sample(0, 10)[0] == 0
    assert share_of_sample(10, 10)[1] == 1
    assert Estimate("x", 0.0, "share", "", 0.0, 0.1).shape == "uniform"
    assert Estimate("x", 0.05, "share", "", 0.0, 0.1).shape == "normal"
    assert Estimate("x", 4.0, "bytes_per_token", "", 3.0, 5.0).shape == "lognormal"
    assert Estimate("x", 4.0, "bytes_per_token", "").shape == "fixed"
