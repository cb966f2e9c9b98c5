"""The folder's helpers, importable by name although tests are no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location("fitting_sets", Path(__file__).with_name("sets.py"))
if _spec is None or _spec.loader is None:
    raise ImportError("sets.py is missing beside conftest.py")
_module = importlib.util.module_from_spec(_spec)
sys.modules["fitting_sets"] = _module
_spec.loader.exec_module(_module)
