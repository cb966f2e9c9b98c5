"""What a flow adds up to if it grew steadily."""

from __future__ import annotations


def accumulated(latest: float, years: float, growth: float) -> float:
    """What a flow adds up to over its last years, if it grew at a constant ratio to `latest`.

    Equation: Σ_{k=0}^{n−1} latest · growth^−k = latest · (1 − growth^−n) / (1 − 1/growth)
    Units:    that of latest; growth a ratio per year, 1 for none: latest · n
    """
    if growth == 1:
        return latest * years
    return float(latest * (1 - growth**-years) / (1 - 1 / growth))
