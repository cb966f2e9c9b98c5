"""No file speaks of how it was written, of places on one machine, or of package indexes.

The words are put together here so that this file passes its own test.
"""

from __future__ import annotations

import re

import pytest

_HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "ana" + "conda.org")
_BANNED = {
    "a folder of one machine": "/" + "work/",
    "an index host": "|".join(map(re.escape, _HOSTS)),
    "a writing tool": r"\bassist" + r"ants?\b|\bchat" + r"bots?\b|co-authored" + "-by",
    "a sitting": r"\b(?:this|our|my|previous|earlier|last|next|another|coding|working|helper)"
    + r"[ -]sess"
    + r"ions?\b",
}
_OUTSIDE = ".." + "/shared"


@pytest.mark.parametrize("what", _BANNED)
def test_no_file_names(what: str, texts: dict[str, str]) -> None:
    pattern = re.compile(_BANNED[what], re.IGNORECASE)
    # Samples are a publisher's bytes.
    own = {path: text for path, text in texts.items() if not path.startswith("tests/data/")}
    found = {path: match[0] for path, text in own.items() if (match := pattern.search(text))}
    assert not found


def test_only_tests_look_beside_the_repository(texts: dict[str, str]) -> None:
    assert not [p for p, text in texts.items() if _OUTSIDE in text and not p.startswith("tests/")]


def test_the_search_sees_the_files(texts: dict[str, str]) -> None:
    assert {"README.md", "pyproject.toml", "flows/cli.py", "requirements/dev.lock"} <= set(texts)
    assert not [path for path in texts if path.startswith((".venv", "workspace"))]


def test_text_files_end_with_one_line_break(texts: dict[str, str]) -> None:
    own = (".md", ".py", ".sql", ".yaml", ".toml")
    checked = {p: t for p, t in texts.items() if p.endswith(own) and "/data/" not in p}
    assert not [p for p, t in checked.items() if t and (not t.endswith("\n") or t.endswith("\n\n"))]
