"""Bytes of a file, unpacked as they are read: a block at a time, and never a bomb."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

import zstandard

from flows.measuring.files import Packing

BLOCK = 2**20
# Text unpacks to three to ten times its size; this much more is made to fill disks and days.
MOST_RATIO = 200
FREE_BYTES = 64 * 2**20
# A frame of Zstandard may unpack 128 kB from four bytes, so little is given to it at a time.
_FEED = 2**12
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


class _Unpacked(io.RawIOBase):
    """Gzip members or Zstandard frames one after another.

    Stops where one does not end, or where the bytes outgrow the packed ones. Little is given to a
    frame at a time, so that what stands before damage is read.
    """

    def __init__(self, source: Watched, packing: Packing) -> None:
        super().__init__()
        self._source, self._packed = source, io.BufferedReader(source, BLOCK)
        self._new: Callable[[], Any]
        if packing == "gz":
            self._new, self._padding = partial(zlib.decompressobj, wbits=31), b"\0"
        else:
            zstd = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
            self._new, self._padding = zstd.decompressobj, b""
        self._frame, self._begun = self._new(), False
        self._left, self._ready = b"", memoryview(b"")
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            while not self._ready and self._feed():
                pass
        except (EOFError, zlib.error, zstandard.ZstdError) as error:
            raise Damaged("damaged or cut off while packed") from error
        block, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        self._count += len(block)
        if self._count > FREE_BYTES and self._count > MOST_RATIO * self._source.count:
            raise Damaged(f"unpacks to more than {MOST_RATIO} times its size")
        buffer[: len(block)] = block
        return len(block)

    def _feed(self) -> bool:
        """Give the next bytes to a frame; whether there were any."""
        packed = self._left or self._packed.read(_FEED)
        self._left = b""
        if not packed:
            if self._begun:
                raise EOFError
            return False
        if not self._begun:
            packed = packed.lstrip(self._padding)
        if packed:
            # Up to 128 MB, of which a view gives parts without copying the rest.
            self._ready, self._begun = memoryview(self._frame.decompress(packed)), True
        if self._frame.eof:
            self._left = self._frame.unused_data
            self._frame, self._begun = self._new(), False
        return True


def unpacked(source: Watched, packing: Packing) -> io.BufferedReader:
    """What the file holds, read through a buffer.

    Raises while reading: Damaged
    """
    return io.BufferedReader(_Unpacked(source, packing) if packing else source, BLOCK)
