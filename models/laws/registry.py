"""Every law by name, and what to do about names that are no law.

The names are those of published figures, so that each can be looked up under its source.
"""

from __future__ import annotations

import difflib

from models.errors import LawCannotAnswer, LawUnknown
from models.laws import (
    besiroglu,
    compressibility,
    counting,
    deepseek,
    gadre,
    harmful_repetition,
    hoffmann,
    inference,
    kaplan,
    krajewski,
    llama3,
    muennighoff,
    profit,
    quality,
    ratio,
    sparsity,
    unverified,
)
from models.laws.fits import Entry, FitRow, Fits
from models.laws.law import Law

_MODULES = (
    kaplan, hoffmann, besiroglu, llama3, deepseek, gadre, counting, muennighoff,
    harmful_repetition, quality, compressibility, krajewski, inference, profit, ratio, unverified,
)  # fmt: skip
_NO_LAW = "it is a factor on tokens per parameter; use it with `datawall law demand --sparsity`"
_FACTORS = tuple(
    Entry(name, title, sparsity.__name__, (reference,), refusal=_NO_LAW, is_conversion=True)
    for name, title, reference in (
        ("sparsity_factor", "Sparsity factor, this project's", "sparsity_factor:judgement"),
        ("abnar_comment", "Sparsity factor, the founding comments'", "abnar_comment:published"),
    )
)
ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for entries in (*(module.ENTRIES for module in _MODULES), _FACTORS)
    for entry in entries
}
# Names under which figures of another name's law are published.
ALIASES = {
    "hoffmann_table3_approach1": "hoffmann_approach1",
    "hoffmann_tableA3_approach2": "hoffmann_approach2",
    "besiroglu_bootstrap": "besiroglu",
    "overtraining_penalty": "besiroglu",
    "severity": "muennighoff",
    "severity_by_shortage": "muennighoff",
    "epoch_toy": "epoch_profit",
    "epoch_dates": "twenty_tokens",
}
# Names of figures that other parts compute.
ELSEWHERE = {
    "epoch_stock": "datawall forecast --scenario epoch-2024-historical",
    "epoch_stock_path": "datawall forecast --scenario epoch-2024-historical",
    "epoch_demand": "datawall forecast --scenario epoch-2024-historical",
    "epoch_2030": 'datawall sql "FROM out_assumptions"',
    "epoch_growth": 'datawall sql "FROM out_assumptions"',
    "approach2_bias": "datawall fit",
}
# Laws that say how many tokens a run of given compute wants: the ensemble of a forecast. Traps,
# historical comparators and surfaces made for other ends are left out.
DEMAND = (
    "hoffmann_approach1", "hoffmann_approach2", "besiroglu", "muennighoff", "deepseek", "llama3",
    "llama3_digitised_surface",
)  # fmt: skip


def entry(name: str) -> Entry:
    """The entry of a name or alias.

    Raises: LawUnknown with the closest name, or with what answers where the name is no law's
    """
    name = ALIASES.get(name, name)
    if name in ENTRIES:
        return ENTRIES[name]
    if name in ELSEWHERE:
        raise LawUnknown(f"{name} is no law but a set of figures; see: {ELSEWHERE[name]}")
    close = difflib.get_close_matches(name, [*ENTRIES, *ALIASES], 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise LawUnknown(f"no law is named {name!r}{hint}; see: datawall law list")


def law(name: str, fits: Fits) -> Law:
    """The law of a name, built from its fit.

    Raises: LawUnknown; LawCannotAnswer where its constants are not verified; RecordInvalid where
    the fit is missing or incomplete
    """
    found = entry(name)
    if found.build is None:
        raise LawCannotAnswer(
            f"law {found.name} computes nothing: {found.refusal}; choose a law that "
            "`datawall law list` calls computable"
        )
    return found.build(fits)


def fits_of(name: str, fits: Fits) -> list[FitRow]:
    """The rows a law is built from, those known; its own first."""
    return [fits[reference] for reference in entry(name).fits if reference in fits]
