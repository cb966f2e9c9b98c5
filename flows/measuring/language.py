"""Language and compressed size of sampled texts."""

from __future__ import annotations

from collections.abc import Mapping

import zstandard

from models.measure.tally import GROUPS

# The beginning tells the language as well as the whole, and in a quarter of the time.
_READ = 1000
_BLOCKS = 16


def languages(texts: Mapping[int, str]) -> dict[int, str]:
    """ISO 639-1 code of each text by hash, by a model that comes inside its package."""
    from py3langid import classify

    return {key: str(classify(text[:_READ])[0]) for key, text in texts.items()}


def packed_sizes(texts: Mapping[int, str]) -> dict[int, tuple[int, int]]:
    """Compressed size and size of the texts joined in random blocks, by block."""
    blocks: dict[int, list[bytes]] = {}
    for key, text in sorted(texts.items()):
        blocks.setdefault(key // GROUPS % _BLOCKS, []).append(text.encode())
    packer = zstandard.ZstdCompressor(level=3)
    joined = {block: b"\n".join(parts) for block, parts in blocks.items()}
    return {block: (len(packer.compress(whole)), len(whole)) for block, whole in joined.items()}
