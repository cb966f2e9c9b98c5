"""A published fit as data, and an entry of the registry: a name, its equation's home and its
fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from models.errors import RecordInvalid
from models.laws.law import Array, Law, Range

# A published interval by symbol: low, high and the probability inside.
Interval = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class FitRow:
    """One fit of one law. Coefficients are numbers, lists (tables) or arrays of draws (clouds)."""

    law: str
    fit: str
    coefficients: Mapping[str, Any]
    loss_unit: str = "nats"
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    range_flop: Range | None = None
    points: int | None = None
    status: str = "published"
    basis: str = ""
    known_at: date | None = None
    origin_id: str = ""
    source: str = ""
    url: str = ""

    @property
    def reference(self) -> str:
        """The name by which entries ask for it: law:fit."""
        return f"{self.law}:{self.fit}"


Fits = Mapping[str, FitRow]
Build = Callable[[Mapping[str, FitRow]], Law]


def chosen(fits: Fits, reference: str) -> FitRow:
    """A fit by reference, or `RecordInvalid` naming what there is."""
    if reference not in fits:
        raise RecordInvalid(
            f"no fit {reference} is known; there are {', '.join(sorted(fits)) or 'none'}: "
            "load the catalogue, or choose a date at which it was known"
        )
    return fits[reference]


def with_cloud(fits: Fits, reference: str, cloud: Mapping[str, Array]) -> dict[str, FitRow]:
    """The fits with one replaced by draws of its coefficients, one array element a draw.

    Every law built from that fit then answers in draws: besiroglu and its two hybrids alike.
    """
    row = chosen(fits, reference)
    return {**fits, reference: replace(row, coefficients={**row.coefficients, **cloud})}


@dataclass(frozen=True, slots=True)
class Entry:
    """A law by name. Without `build` it computes nothing, and `refusal` says why.

    fits: references of the fits it is built from, the first one its own. module: where the
    equation, symbols, units, range and source are written.
    """

    name: str
    title: str
    module: str
    fits: tuple[str, ...] = ()
    build: Build | None = None
    refusal: str = ""
    is_conversion: bool = False

    @property
    def status(self) -> str:
        """`computable`, `conversion` (a factor or count, no law) or `constants unverified`."""
        if self.is_conversion:
            return "conversion"
        return "constants unverified" if self.build is None else "computable"


def from_one(reference: str, make: Callable[[Mapping[str, Any], Range | None], Law]) -> Build:
    """A builder of a law that has one fit."""

    def build(fits: Fits) -> Law:
        row = chosen(fits, reference)
        return make(row.coefficients, row.range_flop)

    return build
