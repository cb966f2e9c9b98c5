"""Gates before a start: everything but the supply, each with the rows it rests on.

The verdict says whether the supply carries a run; these say whether the run may start now. They
bind the verdict too where the plan names a launcher, because that run is meant to be started. A run
that is small under the policy is a measurement: it needs to name neither corpora nor an evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecasts.plan import PlannedRun
from forecasts.policy import Policy
from forecasts.results import GateRow, InputRow, SourceRow


@dataclass(frozen=True, slots=True)
class Facts:
    """What the gates look at besides plan and policy.

    as_of: of the forecast; inputs: the claims it drew from; sources: catalogue and loaded sources;
    probe_known_at: newest measured run, with its name.
    """

    as_of: date
    inputs: tuple[InputRow, ...]
    sources: tuple[SourceRow, ...]
    probe: tuple[str, date] | None


def rests_on(inputs: Sequence[InputRow], domains: Sequence[str]) -> tuple[str, ...]:
    """Names of the claims that the supply of domains was drawn from."""
    wanted = set(domains)
    return tuple(row.name for row in inputs if wanted & set(row.used_by.split(", ")))


def start_gates(
    run: PlannedRun, compute_flop: float, facts: Facts, policy: Policy, today: date
) -> tuple[GateRow, ...]:
    """Every gate of a run on a day; compute_flop: what it will spend (its median if drawn)."""
    small = run.budget_usd is not None and run.budget_usd <= policy.small_run_usd
    found = [
        _budget(run, policy),
        _forecast(facts, policy, today),
        _inventory(run, facts, policy, today),
        _licences(run, small, today),
        _evaluation(run, small),
        *_notices(run, compute_flop, policy, today),
    ]
    if run.synthetic_cap is not None:
        found.append(_synthetic(run, run.synthetic_cap))
    if run.probe_max_age_days is not None:
        found.append(_probe(facts, run.probe_max_age_days, today))
    if run.data_vintage is not None:
        found.append(_vintage(facts, run.data_vintage))
    return tuple(found)


def _gate(
    gate: str, passed: bool, value: float | None, threshold: float | None, unit: str,
    evidence: str, *rows: str,
) -> GateRow:  # fmt: skip
    return GateRow(gate, passed, value, threshold, unit, evidence, "start", rows)


def _budget(run: PlannedRun, policy: Policy) -> GateRow:
    named, cap = run.budget_usd, policy.run_budget_usd
    said = "the plan has no budget_usd" if named is None else f"the plan says {named:,.2f} USD"
    passed = named is not None and named <= cap
    words = f"{said}; the policy allows a run {cap:,.2f} USD"
    return _gate("budget", passed, named, cap, "USD", words, f"plan {run.run}", "policy")


def _forecast(facts: Facts, policy: Policy, today: date) -> GateRow:
    age, most = (today - facts.as_of).days, policy.forecast_max_age_days
    words = f"the forecast is as of {facts.as_of}; decide again when it is older"
    return _gate("forecast fresh", age <= most, age, most, "days", words, f"as_of {facts.as_of}")


def _inventory(run: PlannedRun, facts: Facts, policy: Policy, today: date) -> GateRow:
    loaded = [row for row in facts.sources if row.last_vintage is not None]
    ages = {row.source: (today - row.last_vintage).days for row in loaded if row.last_vintage}
    most = policy.inventory_max_age_days
    oldest = max(ages, key=lambda name: ages[name], default="")
    value = ages.get(oldest)
    words = (
        f"oldest of catalogue and loaded sources: {oldest}, {value} days"
        if oldest
        else "no source is loaded"
    )
    rows = [f"{row.source} {row.last_vintage}" for row in loaded]
    claims = rests_on(facts.inputs, list(run.mixture))
    passed = value is not None and value <= most
    return _gate("inventory fresh", passed, value, most, "days", words, *rows, *claims)


def _licences(run: PlannedRun, small: bool, today: date) -> GateRow:
    """Valid on the day of the launch, and on the day of the release."""
    last = max(day for day in (today, run.needed_on, run.release_on) if day is not None)
    short = [c for c in run.corpora if c.valid_until is not None and c.valid_until < last]
    covered = {corpus.domain for corpus in run.corpora}
    bare = [domain for domain in run.mixture if domain not in covered]
    if short:
        words = "; ".join(f"{c.corpus}: {c.licence} ends on {c.valid_until}" for c in short)
        words += f", before {last}"
    elif bare and not small:
        words = f"no corpus with its licence is named for {', '.join(bare)}"
    elif bare:
        words = f"a small run; no corpus is named for {', '.join(bare)}"
    else:
        words = f"every corpus is licensed until {last} or longer"
    lacking = len(short) + (0 if small else len(bare))
    rows = [f"corpus {corpus.corpus}: {corpus.licence}" for corpus in run.corpora]
    return _gate("licences", lacking == 0, lacking, 0, "corpora", words, *rows)


def _evaluation(run: PlannedRun, small: bool) -> GateRow:
    words = run.evaluation or (
        "a small run; its loss is its evaluation" if small else "the plan names no evaluation"
    )
    return _gate(
        "evaluation", bool(run.evaluation) or small, None, None, "", words, f"plan {run.run}"
    )


def _notices(run: PlannedRun, compute_flop: float, policy: Policy, today: date) -> list[GateRow]:
    """One gate per threshold that the run's compute reaches."""
    gates = []
    for name, threshold in policy.compute_notices.items():
        if compute_flop < threshold:
            continue
        given = run.notices.get(name)
        words = (
            f"notice given on {given}"
            if given is not None and given <= today
            else f"training compute reaches {threshold:.3g} FLOP; give the notice, then say when: "
            f"notices: {{{name}: DAY}}"
        )
        passed = given is not None and given <= today
        gates.append(
            _gate(f"notice {name}", passed, compute_flop, threshold, "FLOP", words, "policy")
        )
    return gates


def _synthetic(run: PlannedRun, cap: float) -> GateRow:
    share = float(run.mixture.get("synthetic", 0.0))
    words = f"{share:.1%} of the mixture is synthetic"
    return _gate("synthetic share", share <= cap, share, cap, "share", words, f"plan {run.run}")


def _probe(facts: Facts, most: int, today: date) -> GateRow:
    if facts.probe is None:
        return _gate("probe evidence", False, None, most, "days", "no probe run was measured")
    name, known_at = facts.probe
    age = (today - known_at).days
    words = f"newest measured run: {name}, {known_at}"
    return _gate("probe evidence", age <= most, age, most, "days", words, f"probe {name}")


def _vintage(facts: Facts, planned: date) -> GateRow:
    """The data must be at least as new as what the plan was made with."""
    newest = max(
        (r.last_vintage for r in facts.sources if r.last_vintage is not None), default=None
    )
    passed = newest is not None and newest >= planned
    words = f"the plan was made with {planned}; the newest vintage here is {newest}"
    rows = [f"{row.source} {row.last_vintage}" for row in facts.sources if row.last_vintage]
    return _gate("data vintage", passed, None, None, "", words, *rows)
