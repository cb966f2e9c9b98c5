"""Near-duplicate shares of planted groups: how far off they are, by kind and size of group.

3,000 documents of 600 words in groups of 1 to `group`; every document differs from the original of
its group in `words` words: changed, added, taken away, or following at its end. In the last cases
all documents begin with the same 200 or 300 words.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from models.measure.near import NearDuplicates
from models.measure.shingles import signatures

DOCUMENTS, LENGTH, SEEDS = 3000, 600, 3
CASES = (
    ("changed", 2, 2, 0), ("changed", 4, 2, 0), ("changed", 20, 2, 0), ("changed", 100, 2, 0),
    ("changed", 1000, 2, 0), ("changed", 20, 4, 0), ("changed", 100, 4, 0), ("added", 20, 4, 0),
    ("added", 100, 4, 0), ("taken away", 20, 4, 0), ("taken away", 100, 4, 0),
    ("at the end", 20, 30, 0), ("at the end", 100, 30, 0),
    ("changed", 4, 2, 200), ("changed", 4, 2, 300), ("changed", 100, 2, 300),
)  # fmt: skip

Edit = Callable[[random.Random, list[str]], None]


def _word(generator: random.Random) -> str:
    return f"w{generator.randrange(50_000)}"


def _change(generator: random.Random, words: list[str]) -> None:
    words[generator.randrange(len(words))] = _word(generator)


def _add(generator: random.Random, words: list[str]) -> None:
    words.insert(generator.randrange(len(words)), _word(generator))


def _take_away(generator: random.Random, words: list[str]) -> None:
    words.pop(generator.randrange(len(words)))


def _append(generator: random.Random, words: list[str]) -> None:
    words.append(_word(generator))


EDITS: dict[str, Edit] = {
    "changed": _change, "added": _add, "taken away": _take_away, "at the end": _append,
}  # fmt: skip


def _planted(
    generator: random.Random, edit: Edit, group: int, words: int, shared: int
) -> tuple[float, float]:
    """Planted and found share."""
    texts: list[bytes] = []
    common = [_word(generator) for _ in range(shared)]
    originals = 0
    while len(texts) < DOCUMENTS:
        original = common + [_word(generator) for _ in range(LENGTH - shared)]
        originals += 1
        for _ in range(generator.randint(1, group)):
            copy = list(original)
            for _ in range(words):
                edit(generator, copy)
            texts.append(" ".join(copy).encode())
    sketch = NearDuplicates()
    sketch.add(signatures(texts)[0])
    return 1 - originals / len(texts), sketch.share()[0]


def main() -> None:
    """Print the mean difference of each case, in points."""
    print(f"near-duplicate share of {DOCUMENTS:,} planted documents, points off (mean of {SEEDS})")
    for name, group, words, shared in CASES:
        pairs = [
            _planted(random.Random(seed), EDITS[name], group, words, shared)  # noqa: S311
            for seed in range(SEEDS)
        ]
        planted, found = np.mean(pairs, axis=0)
        print(
            f"  {words:2} of {LENGTH} words {name:10}, {shared:3} shared by all, "
            f"groups of up to {group:4}: planted {planted:.3f}, "
            f"off by {100 * (found - planted):+.2f}"
        )


if __name__ == "__main__":
    main()
