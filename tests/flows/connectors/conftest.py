from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def samples() -> Path:
    """Excerpts kept in this repository, a sub-folder a publisher."""
    return ROOT / "tests/data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The publishers' whole files, which only some checkouts have beside them."""
    folder = ROOT.parent / "shared/data"
    if not folder.is_dir():
        pytest.skip("the publishers' whole files are not beside this checkout (../shared/data)")
    return folder
