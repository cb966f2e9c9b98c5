"""Training runs to be fitted: which are usable, what is wrong with others, which are dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.errors import FitImpossible

Array = NDArray[np.float64]

# Five constants need more runs than constants; below this no interval means anything.
FEWEST_RUNS = 6
_ROWS_NAMED = 5


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be fitted. `row` counts the data rows of the file from 1."""

    row: int
    column: str
    seen: str
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.column} is {self.seen or 'empty'!r}, {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Usable runs, arrays of shape (run,). `rows` are their places in the file, from 1.

    Units: parameters, tokens processed, loss per token in any unit; unique tokens, or none given
    """

    rows: NDArray[np.intp]
    params: Array
    tokens: Array
    losses: Array
    unique_tokens: Array | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, chosen: NDArray[np.bool_]) -> Self:
        """The chosen runs, in their order."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{n: v[chosen] for n, v in parts.items() if v is not None})

    def without_highest(self, count: int) -> tuple[Self, Self]:
        """The runs without those of the highest losses, and those left out."""
        if not 0 <= count < len(self):
            raise FitImpossible(
                f"--drop-highest is {count}, but there are {len(self)} usable runs; "
                f"drop 0 to {len(self) - 1}"
            )
        left_out = np.zeros(len(self), dtype=np.bool_)
        left_out[np.argsort(-self.losses, kind="stable")[:count]] = True
        return self.keep(~left_out), self.keep(left_out)


def number(text: str) -> float | None:
    """The number a cell states, or None where it states none."""
    try:
        return float(text)
    except ValueError:
        return None


def _reason(value: float | None) -> str | None:
    if value is None:
        return "not a number"
    if not np.isfinite(value):
        return "not finite"
    return None if value > 0 else "not above 0"


def read_runs(columns: Mapping[str, Sequence[str]]) -> tuple[dict[str, Array], list[BadRow]]:
    """Columns of text as numbers (NaN where unusable), and every row that is unusable.

    Usable is a finite number above 0 in every column.
    """
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        seen = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise FitImpossible(f"columns have different lengths ({seen}); give one value a run")
    numbers = {name: [number(cell) for cell in cells] for name, cells in columns.items()}
    bad: dict[int, BadRow] = {}
    for name, values in numbers.items():
        for place, value in enumerate(values):
            reason = _reason(value)
            if reason is not None:
                bad.setdefault(place, BadRow(place + 1, name, columns[name][place], reason))
    arrays = {n: np.array([np.nan if v is None else v for v in vs]) for n, vs in numbers.items()}
    return arrays, [bad[place] for place in sorted(bad)]


def name_rows(bad: Sequence[BadRow]) -> str:
    """The first few bad rows in words."""
    more = f"; and {len(bad) - _ROWS_NAMED} more" if len(bad) > _ROWS_NAMED else ""
    return "; ".join(map(str, bad[:_ROWS_NAMED])) + more


def require_fittable(runs: Runs, constants: int = FEWEST_RUNS - 1) -> None:
    """Raise FitImpossible where no law can be told from these runs, with the reason."""
    fewest = constants + 1
    if len(runs) < fewest:
        raise FitImpossible(
            f"{len(runs)} usable runs; {constants} constants need at least {fewest}: add runs"
        )
    for name in ("params", "tokens", "losses"):
        values = getattr(runs, name)
        spread = np.ptp(np.log(values))
        # Equal values may differ in their last digits, when tokens were computed from compute.
        if spread < 1e-9:
            raise FitImpossible(
                f"all {len(runs)} runs have {name} {values[0]:g}; a law is told from runs whose "
                f"{name} differ: add others"
            )
