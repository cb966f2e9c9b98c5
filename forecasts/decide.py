"""Run by run: does the supply cover the demand, in every domain at once, at the required odds?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from forecasts.dates import first_passing
from forecasts.gates import Facts, rests_on, start_gates
from forecasts.plan import PlannedRun
from forecasts.policy import Policy
from forecasts.results import Decision, GateRow, Verdict
from forecasts.scenario import LawRepetition
from forecasts.simulate import Worlds
from models.claims import Array
from models.quantities import FLOP_PER_PARAM_TOKEN, decimal_year

# A verdict rests on inventories and claims that age; after this it must be decided again.
VALID_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Need:
    """Tokens one run takes from one stock: a domain, or a domain with the parts drawn from it."""

    stock: str
    share: float
    parts: tuple[str, ...]


def demand_tokens(worlds: Worlds, run: PlannedRun) -> Array:
    """Tokens a planned run processes in every world, shape (world,)."""
    if run.tokens is not None:
        return np.full(worlds.multiplier.shape, run.tokens)
    compute = np.full((1, worlds.multiplier.size), run.compute_flop)
    over = None if run.overtraining is None else np.full(compute.shape[1], run.overtraining)
    return np.asarray(worlds.tokens_for(compute, over)[0])


def _needs(worlds: Worlds, run: PlannedRun) -> list[_Need]:
    """One need per domain of the mixture, and one per stock that several of them share."""
    supply = worlds.scenario.supply
    mixture = {str(domain): share for domain, share in run.mixture.items() if domain in supply}
    needs = [_Need(domain, share, (domain,)) for domain, share in mixture.items()]
    for whole in supply:
        parts = [d for d in mixture if supply[d].part_of == whole]  # type: ignore[index]
        if parts:
            drawn = [d for d in (whole, *parts) if d in mixture]
            needs.append(_Need(whole, sum(mixture[d] for d in drawn), tuple(drawn)))
    return needs


def _covered(
    worlds: Worlds, needs: Sequence[_Need], tokens: Array, multiplier: Array, year: float
) -> list[Array]:
    """Per need, the worlds in which effective supply at a date covers it, shape (world,)."""
    at = np.array([year])
    return [
        tokens * need.share <= worlds.supply(need.stock, "effective", at, multiplier)[0]
        for need in needs
    ]


def _joint(covered: Sequence[Array]) -> float:
    return float(np.logical_and.reduce(covered).mean())


def _earliest(
    worlds: Worlds, needs: Sequence[_Need], tokens: Array, multiplier: Array, run: PlannedRun,
    start: date,
) -> date | None:  # fmt: skip
    """First day, in steps of a month from start, at which the run's probability is reached."""

    def passes(day: date) -> bool:
        at = decimal_year(day)
        return _joint(_covered(worlds, needs, tokens, multiplier, at)) >= run.required_probability

    return first_passing(start, worlds.scenario.horizon, passes)


def _gate(
    need: _Need, covered: Array, tokens: Array, unique: Array, multiplier: Array, run: PlannedRun
) -> GateRow:
    probability = float(covered.mean())
    alone = need.parts == (need.stock,)
    label = need.stock if alone else f"{need.stock} (with {', '.join(need.parts)})"
    return GateRow(
        gate=f"supply of {label}",
        passed=probability >= run.required_probability,
        value=probability,
        threshold=run.required_probability,
        unit="probability",
        evidence=(
            f"needs {np.median(tokens) * need.share:.3g} effective tokens; there are "
            f"{np.median(unique):.3g} unique ones, worth {np.median(unique * multiplier):.3g} "
            "at most (medians)"
        ),
    )


def _uncounted(worlds: Worlds, run: PlannedRun) -> list[str]:
    return [domain for domain in run.mixture if domain not in worlds.scenario.supply]


def _verdict(
    worlds: Worlds, run: PlannedRun, as_of: date, joint: float, binding: GateRow | None,
    earliest: date | None, missing_to_start: Sequence[GateRow],
) -> tuple[Verdict, tuple[str, ...]]:  # fmt: skip
    scenario = worlds.scenario
    missing = _uncounted(worlds, run)
    if missing:
        return "hold", (
            f"scenario {scenario.name} counts no supply of {', '.join(missing)}; change the "
            "mixture or the scenario",
        )
    if decimal_year(run.needed_on) > scenario.horizon:
        return "hold", (
            f"needed_on {run.needed_on} lies beyond the horizon {scenario.horizon} of scenario "
            f"{scenario.name}; decide under one that reaches further",
        )
    reasons: list[str] = []
    if run.needed_on < as_of:
        reasons.append(f"needed_on {run.needed_on} has passed; set a new date")
    odds = f"supply covers demand in {joint:.1%} of worlds, {run.required_probability:.0%} required"
    if joint < run.required_probability:
        reasons.append(odds + ("" if binding is None else f"; {binding.gate} binds"))
        if earliest is None:
            reasons.append(f"no date before {scenario.horizon} reaches it")
            return "reject", tuple(reasons)
        reasons.append(f"reached from {earliest} on")
    if run.launcher is not None:
        reasons += [f"{gate.gate}: {gate.evidence}" for gate in missing_to_start]
    if reasons:
        return "hold", tuple(reasons)
    return "launch", (odds,)


def _epochs_gate(
    worlds: Worlds, need: _Need, tokens: Array, unique: Array, run: PlannedRun
) -> list[GateRow]:
    """Passes over the unique tokens that the run takes, at the probability it requires.

    Where repetition follows the law, m = E(e) is solved for e: with R = (e − 1) repeats,
    E = 1 + R*·(1 − exp(−R/R*)), so e = 1 − R*·ln(1 − (m − 1)/R*), infinite from m = 1 + R* on.
    In any other form a pass counts as a unique one; where repetition hurts that is a lower bound.
    """
    if run.max_epochs is None or need.parts != (need.stock,):
        return []
    passes = tokens * need.share / (unique * worlds.synthetic)
    if isinstance(worlds.scenario.repetition, LawRepetition):
        r_star = worlds.value("repetition.r_star")
        left = np.maximum(1 - (passes - 1) / r_star, 0.0)
        with np.errstate(divide="ignore"):
            passes = np.where(passes > 1, 1 - r_star * np.log(left), passes)
    # An order statistic, not an interpolation: P(epochs ≤ value) is then at least what is required.
    value = float(np.quantile(passes, run.required_probability, method="inverted_cdf"))
    return [
        GateRow(
            gate=f"epochs of {need.stock}",
            passed=value <= run.max_epochs,
            value=value if np.isfinite(value) else None,
            threshold=run.max_epochs,
            unit="epochs",
            evidence=(
                f"{run.required_probability:.0%} of worlds need at most so many passes over the "
                f"unique tokens; median {np.median(passes):.3g}"
            ),
        )
    ]


def decide(
    worlds: Worlds,
    run: PlannedRun,
    forecast_id: str,
    as_of: date,
    facts: Facts | None = None,
    policy: Policy | None = None,
) -> Decision:
    """Verdict on one planned run.

    P(supply ≥ demand) is the share of worlds in which every domain of the mixture, and every stock
    that several of them share, has enough effective tokens on the day they are needed. The run's
    epoch cap limits what repetition may add. With facts, the gates before a start are added.
    Raises: ScenarioInvalid when a run gives compute and the scenario has no allocation law
    """
    tokens = demand_tokens(worlds, run)
    multiplier = worlds.multiplier_within(run.max_epochs)
    needs = _needs(worlds, run)
    day = max(run.needed_on, as_of)
    year = decimal_year(day)
    covered = _covered(worlds, needs, tokens, multiplier, year)
    counted = not _uncounted(worlds, run)
    joint = _joint(covered) if counted else 0.0
    at = np.array([year])
    unique = [worlds.supply(need.stock, "unique", at)[0] for need in needs]
    supplies = [
        _gate(need, passed, tokens, found, multiplier, run)
        for need, passed, found in zip(needs, covered, unique, strict=True)
    ]
    epochs = [
        gate
        for need, found in zip(needs, unique, strict=True)
        for gate in _epochs_gate(worlds, need, tokens, found, run)
    ]
    starts: tuple[GateRow, ...] = ()
    if facts is not None:
        compute = training_flop(run, float(np.median(tokens)))
        starts = start_gates(run, compute, facts, policy or Policy(), as_of)
        drawn = [rests_on(facts.inputs, (need.stock, *need.parts)) for need in needs]
        supplies = [
            replace(gate, rests_on=rows) for gate, rows in zip(supplies, drawn, strict=True)
        ]
    gates = (*supplies, *epochs, *starts)
    missing = [gate for gate in starts if not gate.passed]
    binding = min(supplies, key=lambda gate: gate.value or 0.0, default=None)
    earliest = _earliest(worlds, needs, tokens, multiplier, run, day) if counted else None
    verdict, reasons = _verdict(worlds, run, as_of, joint, binding, earliest, missing)
    low, middle, high = (float(f"{x:.9g}") for x in np.quantile(tokens, (0.05, 0.5, 0.95)))
    return Decision(
        decision_id=_decision_id(run, forecast_id, as_of),
        run=run.run,
        forecast_id=forecast_id,
        verdict=verdict,
        reasons=reasons,
        gates=gates,
        probability=float(f"{joint:.9g}"),
        required_probability=run.required_probability,
        binding_domain="" if binding is None else binding.gate.removeprefix("supply of "),
        needed_on=run.needed_on,
        earliest_date=earliest,
        demand_tokens=(low, middle, high),
        expires_at=as_of + VALID_FOR,
    )


def training_flop(run: PlannedRun, tokens: float) -> float:
    """Training FLOP of a run: as planned, or 6·params·tokens."""
    return run.compute_flop or FLOP_PER_PARAM_TOKEN * (run.params or 0.0) * tokens


def _decision_id(run: PlannedRun, forecast_id: str, as_of: date) -> str:
    text = f"{run.sha256()}/{forecast_id}/{as_of}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def manifest(
    run: PlannedRun,
    decision: Decision,
    scenario: str,
    data_vintages: Sequence[dict[str, str]],
    attempt: int = 1,
) -> dict[str, object]:
    """Exactly what would be launched: sizes, tokens by domain, data vintages, resources.

    Its checksum is what an approval is of; another attempt is another manifest.

    Units: params, tokens, FLOP. Sizes are the plan's own, or the decision's median demand with
    params = C/(6·tokens).
    """
    tokens = run.tokens if run.tokens is not None else decision.demand_tokens[1]
    compute = run.compute_flop
    params = run.params
    if params is None and compute is not None:
        params = float(f"{compute / (FLOP_PER_PARAM_TOKEN * tokens):.9g}")
    return {
        "run": run.run,
        "plan_sha256": run.sha256(),
        "decision_id": decision.decision_id,
        "forecast_id": decision.forecast_id,
        "scenario": scenario,
        "architecture": run.architecture,
        "params": params,
        "tokens": tokens,
        "compute_flop": compute or FLOP_PER_PARAM_TOKEN * (params or 0) * tokens,
        "tokens_by_domain": {
            domain: float(f"{share * tokens:.9g}") for domain, share in run.mixture.items()
        },
        "max_epochs": run.max_epochs,
        "needed_on": run.needed_on.isoformat(),
        "data_vintages": list(data_vintages),
        "resources": None if run.resources is None else run.resources.model_dump(mode="json"),
        "budget_usd": run.budget_usd,
        "payload": run.payload if isinstance(run.payload, str) else list(run.payload),
        "attempt": attempt,
        "launcher": run.launcher,
        "deployment": run.deployment,
        "synthetic_cap": run.synthetic_cap,
        "release_on": None if run.release_on is None else run.release_on.isoformat(),
        "evaluation": run.evaluation,
        "corpora": [corpus.model_dump(mode="json") for corpus in run.corpora],
    }
