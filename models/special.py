"""SciPy's special functions, without what no command needs of NumPy.

SciPy's array interface imports every public name of NumPy, f2py's Fortran parser among them: a
tenth of a command's time. It is left to load on first use.
"""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec


def _leave_for_later(name: str) -> None:
    """Put a module that runs at the first use of one of its names in the place of one."""
    spec = find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, module)
    spec.loader.exec_module(module)


_leave_for_later("numpy.f2py")

from scipy.special import (  # noqa: E402  (after what it would load)
    betainc,
    betaincinv,
    expit,
    ndtr,
    ndtri,
    stdtrit,
)

__all__ = ["betainc", "betaincinv", "expit", "ndtr", "ndtri", "stdtrit"]
