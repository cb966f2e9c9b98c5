"""Assess: planned runs in depth, one shortage by itself, and what a corpus supports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from flows.errors import UsageError
from flows.steps.forecast import Options, know, load_scenario, worlds_of
from flows.steps.laws import asking
from flows.steps.runs import planned_runs
from flows.workspace import Workspace
from forecasts.assess import assess_all, span
from forecasts.draws import Draws
from forecasts.results import Assessment
from forecasts.scenario import ComputePath
from models.claims import Claim, median
from models.demand.support import gpu_hours, supported
from models.errors import LawCannotAnswer
from models.laws.data_constrained import DataConstrained
from models.laws.law import Law
from models.severity import severity
from warehouse.errors import NotFound

Document = dict[str, Any]
DEFAULT_LAW = "muennighoff"
GROWTH = "factor:training_compute_growth"
PEAK, UTILISATION, PRICE = (
    "factor:gpu_peak", "factor:gpu_utilisation", "factor:gpu_hour_price",
)  # fmt: skip
# Joint draws of a corpus's size, utilisation and price: their 5 % and 95 % ends then hold to 1 %.
WORLDS = 16_384
SEED = 20240604
# Nearest to what a run may read first.
_STAGES = ("unique", "filtered", "deduplicated", "raw")


def assess(
    workspace: Workspace, names: Sequence[str], spec: str, law: str, as_of: date
) -> list[Assessment]:
    """Assess the named runs, or all, under a scenario; nothing is stored.

    Raises: NotFound for an unknown run or when none is planned; LawCannotAnswer for a law without
    repetition
    """
    runs = planned_runs(workspace, list(names))
    if not runs:
        raise NotFound(
            "no run is planned; write one with `datawall runs template > plan.yaml`, then "
            "`datawall runs import plan.yaml`"
        )
    scenario = load_scenario(spec, Options())
    knowledge = know(workspace, as_of)
    worlds = worlds_of(scenario, knowledge)
    path = scenario.demand.path
    growth = (
        float(np.median(worlds.value("demand.path.growth")))
        if isinstance(path, ComputePath)
        else median(knowledge.claims[GROWTH])
    )
    with asking(workspace, law) as asked:
        return assess_all(worlds, runs, _repeating(asked.law), growth, as_of)


def _repeating(law: Law) -> DataConstrained:
    if not isinstance(law, DataConstrained):
        raise LawCannotAnswer(
            "it knows no repetition of tokens; ask muennighoff, muennighoff_hybrid or "
            "muennighoff_data_only"
        )
    return law


def shortage(
    workspace: Workspace, law: str, compute: float, unique: float, as_of: date
) -> Document:
    """Best split and cost of one budget when only `unique` tokens exist."""
    growth = median(know(workspace, as_of).claims[GROWTH])
    with asking(workspace, law) as asked:
        repeating = _repeating(asked.law)
        cost = severity(repeating, compute, unique, growth)
        free = repeating.base.optimum(compute)
        return {
            "law": law,
            "compute_flop": compute,
            "unique_tokens": unique,
            "shortage": float(free.tokens / unique),
            "params": float(cost.optimum.params),
            "tokens": float(cost.optimum.tokens),
            "tokens_per_param": float(cost.optimum.tokens_per_param),
            "tokens_per_param_ratio": float(cost.optimum.tokens_per_param / free.tokens_per_param),
            "epochs": float(cost.optimum.epochs),
            "loss_nats": float(cost.optimum.loss_nats),
            "loss_gap_nats": float(cost.loss_gap_nats),
            "loss_gap_share": float(cost.loss_gap_nats / (free.loss_nats - repeating.base.E)),
            "compute_equivalent_ratio": float(cost.compute_ratio),
            "compute_equivalent_flop": float(cost.compute_ratio * compute),
            "delay_months": float(cost.delay_months),
            "compute_growth": growth,
            "clamped": bool(cost.optimum.clamped),
        }


# Shares of a budget do not depend on its size, only on the shortage; any supply will do.
_ANY_SUPPLY = 1e13


def by_shortage(workspace: Workspace, law: str, times: float, as_of: date) -> Document:
    """The same for demand that is so many times the unique supply, whatever its size."""
    with asking(workspace, law) as asked:
        base = _repeating(asked.law).base
        size = base.params_for_tokens(times * _ANY_SUPPLY)
    compute = float(6 * size * times * _ANY_SUPPLY)
    found = shortage(workspace, law, compute, _ANY_SUPPLY, as_of)
    scale_free = (
        "law", "shortage", "epochs", "tokens_per_param_ratio", "loss_gap_share",
        "compute_equivalent_ratio", "delay_months", "compute_growth", "clamped",
    )  # fmt: skip
    return {key: found[key] for key in scale_free}


def support(
    workspace: Workspace,
    law: str,
    unique: float | None,
    corpus: str | None,
    epochs: float,
    price: float | None,
    as_of: date,
) -> Document:
    """The largest budget and model that a corpus supports within an epoch cap.

    Its size is `unique`, or the newest count of a corpus in tokens with its interval.
    """
    claims = know(workspace, as_of).claims
    size = _fixed("tokens", unique) if unique is not None else _counted(claims, corpus or "")
    rent = claims[PRICE] if price is None else _fixed("price", price)
    used = (size, claims[PEAK], claims[UTILISATION], rent)
    draws = Draws(SEED, WORLDS, used)
    tokens, peak, utilisation, usd = (draws.of(claim) for claim in used)
    with asking(workspace, law) as asked:
        found = supported(_repeating(asked.law), np.maximum(tokens, 1.0), epochs)
    hours = gpu_hours(found.compute_flop, peak, utilisation)
    return {
        "law": law,
        "corpus": corpus,
        "max_epochs": epochs,
        "unique_tokens": asdict(span(tokens)),
        "compute_flop": asdict(span(found.compute_flop)),
        "params": asdict(span(found.optimum.params)),
        "tokens": asdict(span(found.optimum.tokens)),
        "tokens_per_param": asdict(span(found.optimum.tokens_per_param)),
        "loss_nats": asdict(span(found.optimum.loss_nats)),
        "gpu_hours": asdict(span(hours)),
        "usd": asdict(span(hours * usd)),
        "inputs": [
            {"name": c.name, "unit": c.unit, "status": c.status, "basis": c.basis} for c in used
        ],
    }


def _fixed(name: str, value: float) -> Claim:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{name} is {value:g}; give a finite number above 0")
    unit = {"tokens": "tokens", "price": "usd_per_gpu_hour"}[name]
    return Claim(f"given:{name}", unit, "fixed", value, status="judgement", basis="given")


def _counted(claims: Mapping[str, Claim], corpus: str) -> Claim:
    names = (f"inventory:{corpus}.tokens.{stage}" for stage in _STAGES)
    found = next((claims[name] for name in names if name in claims), None)
    if found is None:
        raise NotFound(
            f'no count of {corpus!r} in tokens is known; `datawall sql "FROM out_inventory"` shows '
            "what is, or give --unique TOKENS"
        )
    return found
