"""Version of the code that computed something."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata, resources

# The folders whose text decides a forecast's numbers, given its claims.
_COMPUTING = ("models", "forecasts")


@cache
def code_version() -> str:
    """Package version and a hash of the computing folders: other code, other version.

    Scenarios and report templates are left out: the first are hashed with each forecast, the second
    change no number.
    """
    digest = hashlib.sha256()
    for folder in _COMPUTING:
        files = sorted(
            path for path in _python_files(resources.files(folder)) if "reports" not in path[0]
        )
        for name, content in files:
            digest.update(name.encode() + b"\0" + content)
    return f"{metadata.version('datawall')}+{digest.hexdigest()[:8]}"


def _python_files(folder: object, prefix: str = "") -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():  # type: ignore[attr-defined]
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            found += _python_files(entry, name)
        elif entry.name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found
