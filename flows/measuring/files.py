"""Which files a corpus has, their format by name, and the parts they are read in."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from flows.errors import SourceUnavailable, UsageError

Kind = Literal["wet", "jsonl", "parquet", "text"]
Packing = Literal["", "gz", "zst"]
Split = Literal["file", "line"]

KINDS: dict[str, Kind] = {
    ".wet": "wet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
    ".text": "text",
}
ENDINGS = ".wet, .jsonl, .ndjson, .txt, .text (each also .gz or .zst), .parquet"
# A longer document is refused: it would have to be held in memory whole.
MAX_DOCUMENT = 64 * 2**20
PART_BYTES = 32 * 2**20
# Schemes whose handlers fetch bytes and nothing else; others may chain or run what they find.
REMOTE = ("http", "https", "s3", "gs", "gcs", "az", "abfs", "abfss", "hf", "ftp", "sftp", "file")


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file: where it is, what it holds, how it is packed, how many bytes it has."""

    path: str
    kind: Kind
    packing: Packing
    size: int

    @property
    def is_remote(self) -> bool:
        """Whether it is read through fsspec."""
        return "://" in self.path


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes [start, end) of a file; the lines that begin there. A whole file is one part."""

    file: CorpusFile
    start: int
    end: int

    @property
    def is_whole(self) -> bool:
        """Whether the part is all of its file."""
        return self.start == 0 and self.end == self.file.size


def find(places: Sequence[str]) -> list[CorpusFile]:
    """Files that paths, folders, patterns and URLs name, each once, in the order of their names.

    A local file is known by where it really lies, whatever it is called.

    Raises: SourceUnavailable where one names nothing, UsageError for an ending nobody reads
    """
    found: dict[str, CorpusFile] = {}
    for place in places:
        for path, size, named in _expand(place):
            kind, packing = _format(path)
            if kind is not None:
                found.setdefault(_real(path), CorpusFile(path, kind, packing, size))
            elif named:
                raise UsageError(f"{path} has no ending that tells its format; allowed: {ENDINGS}")
    if not found:
        raise SourceUnavailable(
            f"no file to measure in {', '.join(places)}; allowed endings: {ENDINGS}"
        )
    return sorted(found.values(), key=lambda file: file.path)


def _real(path: str) -> str:
    scheme, _, rest = path.rpartition("://")
    return os.path.realpath(rest) if scheme in ("", "file", "local") else path


def _format(path: str) -> tuple[Kind | None, Packing]:
    name = path.rpartition("/")[2].lower()
    packing: Packing = ""
    endings: tuple[Packing, ...] = ("gz", "zst")
    for ending in endings:
        if name.endswith(f".{ending}"):
            packing = ending
            name = name.removesuffix(f".{ending}")
    kind = next((kind for ending, kind in KINDS.items() if name.endswith(ending)), None)
    return (None if kind == "parquet" and packing else kind), packing


def _expand(place: str) -> list[tuple[str, int, bool]]:
    """Path, size, and whether the user named this very file."""
    if "://" in place:
        return _remote(place)
    if not place:
        raise UsageError("a path is empty; give a file, a folder, a pattern or a URL")
    path = Path(place)
    if path.is_dir():
        return [(str(p), p.stat().st_size, False) for p in sorted(path.rglob("*")) if p.is_file()]
    if path.exists():
        return [(place, _size(path), True)]
    # Path.glob takes no pattern that begins at the root.
    matches = [Path(match) for match in sorted(glob.glob(place, recursive=True))]  # noqa: PTH207
    if not matches:
        raise SourceUnavailable(f"{place} does not exist, and no file matches it as a pattern")
    return [(str(match), _size(match), True) for match in matches if not match.is_dir()]


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as error:
        raise SourceUnavailable(
            f"file {path} cannot be read ({error.strerror}); check the name or link"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise SourceUnavailable(f"{path} is no regular file; give files of text")
    return status.st_size


def _remote(url: str) -> list[tuple[str, int, bool]]:
    scheme = url.partition("://")[0]
    if scheme not in REMOTE or "::" in url:
        raise UsageError(
            f"{url} is of scheme {scheme!r}; allowed, one at a time: {', '.join(REMOTE)}"
        )
    try:
        system, path = _filesystem(url)
        paths = system.glob(path) if glob.has_magic(path) else [path]
        found = [(system.unstrip_protocol(each), system.info(each)["size"], True) for each in paths]
    except ImportError as error:
        raise UsageError(f"{scheme} needs a package that is not installed: {error}") from error
    except Exception as error:  # each file system has errors of its own
        raise SourceUnavailable(f"{url} cannot be listed: {_first_line(error)}") from error
    if any(size is None for _, size, _ in found):
        raise SourceUnavailable(f"{url} does not tell its size; copy it here first")
    return found


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    system, path = fsspec.core.url_to_fs(url)
    return system, str(path)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    # Some errors say nothing but the address.
    reason = text.splitlines()[0][:200] if " " in text else ""
    return reason or type(error).__name__


def open_file(file: CorpusFile) -> BinaryIO:
    """The file's bytes as they lie.

    Raises: SourceUnavailable
    """
    try:
        if file.is_remote:
            system, path = _filesystem(file.path)
            return cast("BinaryIO", system.open(path, "rb"))
        return Path(file.path).open("rb", buffering=0)
    except Exception as error:  # each file system has errors of its own
        raise SourceUnavailable(f"{file.path} cannot be opened: {_first_line(error)}") from error


def parts(files: Sequence[CorpusFile], split: Split) -> list[Part]:
    """What workers take one by one: large files of lines in ranges, all others whole.

    Raises: UsageError for a text file too large to be one document
    """
    found = []
    for file in files:
        if file.kind == "parquet" and file.is_remote:
            raise UsageError(f"{file.path}: Parquet is read from local files; copy it here first")
        if file.kind == "text" and split == "file" and file.size > MAX_DOCUMENT:
            raise UsageError(
                f"{file.path} would be one document of {file.size:,} bytes, at most "
                f"{MAX_DOCUMENT:,} are allowed; give --split line if each line is a document"
            )
        lines = file.kind == "jsonl" or (file.kind == "text" and split == "line")
        ranged = lines and not file.packing and not file.is_remote
        step = PART_BYTES if ranged else max(file.size, 1)
        found += [Part(file, at, min(at + step, file.size)) for at in range(0, file.size, step)]
        if not file.size:
            found.append(Part(file, 0, 0))
    # The longest first, so that the last worker does not end long after the others.
    return sorted(found, key=lambda part: (part.start - part.end, part.file.path, part.start))
