"""What laws there are, and one law in full: equation, range, source, its fits."""

from __future__ import annotations

from collections.abc import Callable

from flows.steps.laws import Document, fits
from flows.workspace import Workspace
from models.errors import LawCannotAnswer
from models.laws import registry
from models.laws.fits import FitRow
from models.laws.law import Law


def listing(workspace: Workspace) -> list[Document]:
    """Every law with its status and what it answers."""
    known = fits(workspace)
    return [_listed(name, known) for name in registry.ENTRIES]


def _listed(name: str, known: dict[str, FitRow]) -> Document:
    entry = registry.entry(name)
    rows = registry.fits_of(name, known)
    own = rows[0] if rows else None
    return {
        "name": name,
        "title": entry.title,
        "status": entry.status,
        "answers": [] if entry.build is None else _answers(registry.law(name, known)),
        "range_flop": None if own is None or own.range_flop is None else list(own.range_flop),
        "source": "" if own is None else own.source,
        "refusal": entry.refusal,
    }


def _answers(law: Law) -> list[str]:
    """The questions a law does not refuse, by asking each at an ordinary size."""
    questions: dict[str, Callable[[], object]] = {
        "loss": lambda: law.loss(1e9, 2e10),
        "optimum": lambda: law.optimum(1e22),
        "penalty": lambda: law.penalty_of_overtraining(2.0, 1e22),
        "demand": lambda: law.demand(1e22),
    }
    answered = []
    for question, ask in questions.items():
        try:
            ask()
        except LawCannotAnswer:
            continue  # what a law refuses is left out of the list, which is what it says
        answered.append(question)
    return answered


def show(workspace: Workspace, name: str) -> Document:
    """One law: equation, symbols, units, range, source, and its fits with their uncertainty."""
    from importlib import import_module
    from inspect import getdoc

    entry, known = registry.entry(name), fits(workspace)
    text = getdoc(import_module(entry.module)) or ""
    return {
        **_listed(entry.name, known),
        "aliases": sorted(a for a, target in registry.ALIASES.items() if target == entry.name),
        "description": text,
        "fits": [_fit(row) for row in registry.fits_of(name, known)],
    }


def _fit(row: FitRow) -> Document:
    return {
        "fit": row.reference,
        "coefficients": dict(row.coefficients),
        "standard_errors": dict(row.standard_errors),
        "intervals": {symbol: list(ends) for symbol, ends in row.intervals.items()},
        "loss_unit": row.loss_unit,
        "range_flop": None if row.range_flop is None else list(row.range_flop),
        "points": row.points,
        "status": row.status,
        "basis": row.basis,
        "known_at": row.known_at,
        "source": row.source,
        "url": row.url,
    }
