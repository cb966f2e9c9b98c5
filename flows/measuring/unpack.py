"""Bytes of a file, unpacked as they are read: a block at a time, and never a bomb."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable
from typing import BinaryIO

import zstandard

from flows.measuring.files import Packing

BLOCK = 2**20
# Text unpacks to three to ten times its size; this much more is made to fill disks and days.
MOST_RATIO = 200
FREE_BYTES = 64 * 2**20
# A frame may unpack 128 kB from four bytes, so little is given to it at a time.
_ZSTD_FEED = 2**12
_ZSTD_WINDOW = 2**27


class Damaged(Exception):
    """A file that ends early, is damaged or no such format; its message is a reason to count."""


class Watched(io.RawIOBase):
    """A file that counts and hashes the bytes read from it."""

    def __init__(self, file: BinaryIO, seen: Callable[[int], None]) -> None:
        super().__init__()
        self._file, self._seen = file, seen
        self.digest = hashlib.sha256()
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        block = self._file.read(len(buffer))
        buffer[: len(block)] = block
        self.digest.update(block)
        self.count += len(block)
        self._seen(len(block))
        return len(block)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def drain(self) -> str:
        """Read what is left, for the checksum of the whole file."""
        while self.read(BLOCK):
            pass
        return self.digest.hexdigest()


class _Limited(io.RawIOBase):
    """Unpacked bytes; stops where they outgrow the packed ones."""

    def __init__(self, source: Watched, packed: io.RawIOBase | gzip.GzipFile) -> None:
        super().__init__()
        self._source, self._packed, self._count = source, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            block = self._packed.read(len(buffer)) or b""
        except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
            raise Damaged("damaged or cut off while packed") from error
        self._count += len(block)
        if self._count > FREE_BYTES and self._count > MOST_RATIO * self._source.count:
            raise Damaged(f"unpacks to more than {MOST_RATIO} times its size")
        buffer[: len(block)] = block
        return len(block)


class _Zstd(io.RawIOBase):
    """Zstandard frames one after another; a frame that does not end is an error."""

    def __init__(self, source: Watched) -> None:
        super().__init__()
        self._source = source
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._decompressor.decompressobj()
        self._begun = False
        self._left, self._ready = b"", b""

    def read(self, size: int = -1) -> bytes:
        while not self._ready:
            packed = self._left or self._source.read(_ZSTD_FEED) or b""
            if not packed:
                if self._begun:
                    raise EOFError
                return b""
            self._ready, self._begun = self._frame.decompress(packed), True
            self._left = b""
            if self._frame.eof:
                self._left = self._frame.unused_data
                self._frame, self._begun = self._decompressor.decompressobj(), False
        block, self._ready = self._ready[:size], self._ready[size:]
        return block


def unpacked(source: Watched, packing: Packing) -> io.BufferedReader:
    """What the file holds, read through a buffer.

    Raises while reading: Damaged
    """
    if packing == "gz":
        packed = gzip.GzipFile(fileobj=io.BufferedReader(source, BLOCK), mode="rb")
        return io.BufferedReader(_Limited(source, packed), BLOCK)
    if packing == "zst":
        return io.BufferedReader(_Limited(source, _Zstd(source)), BLOCK)
    return io.BufferedReader(source, BLOCK)
