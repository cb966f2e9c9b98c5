"""From stored decisions to the manifests they would launch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flows.errors import LaunchRefused
from flows.launchers.dry_run import Rendered, render
from flows.rows import decision_from_row
from flows.steps.prepare import ready
from flows.steps.runs import planned_runs
from flows.workspace import Workspace
from forecasts.decide import manifest
from forecasts.plan import PlannedRun
from forecasts.results import Decision
from warehouse.errors import NotFound
from warehouse.store import Row, read_decisions, read_sources


@dataclass(frozen=True, slots=True)
class Candidate:
    """A decision that says launch, has not expired, and whose plan has not changed since."""

    decision: Decision
    run: PlannedRun
    scenario: str
    as_of: date
    vintages: list[dict[str, str]]

    @property
    def decision_id(self) -> str:
        """Id of the decision."""
        return self.decision.decision_id

    def render(self, attempt: int = 1) -> Rendered:
        """The exact job of an attempt."""
        document = manifest(self.run, self.decision, self.scenario, self.vintages, attempt)
        return render(self.decision_id, document)


def candidates(workspace: Workspace, ids: Sequence[str], today: date) -> list[Candidate]:
    """The decisions named, or all current ones that say launch.

    Raises: NotFound for an unknown decision; LaunchRefused for a verdict other than launch, an
    expired decision, or a plan changed since.
    """
    with ready(workspace) as connection:
        rows = read_decisions(connection)
        vintages = [
            {"source": str(row["source"]), "vintage": str(row["last_vintage"])}
            for row in read_sources(connection)
            if row["last_vintage"] is not None
        ]
    plans = {run.run: run for run in planned_runs(workspace)}
    chosen = [_find(rows, name) for name in ids] if ids else _current(rows, today)
    if not chosen:
        raise LaunchRefused("no current decision says launch; decide first: `datawall decide`")
    for row in chosen:
        run = plans.get(row["run"])
        _require(decision_from_row(row), row, None if run is None else run.sha256(), today)
    return [
        Candidate(
            decision_from_row(row), plans[row["run"]], row["scenario"], row["as_of"], vintages
        )
        for row in chosen
    ]


def _current(rows: Sequence[Row], today: date) -> list[Row]:
    """The newest decision of each run, where it says launch and has not expired."""
    newest: dict[str, Row] = {}
    for row in rows:
        newest.setdefault(row["run"], row)
    return [
        row for row in newest.values() if row["verdict"] == "launch" and row["expires_at"] >= today
    ]


def _find(rows: Sequence[Row], name: str) -> Row:
    found = [row for row in rows if len(name) >= 4 and row["decision_id"].startswith(name)]
    if len(found) != 1:
        problem = "is the beginning of several" if found else "is no stored decision"
        raise NotFound(f'{name!r} {problem}; see `datawall sql "FROM out_decisions"`')
    return found[0]


def _require(decision: Decision, row: Row, plan_sha256: str | None, today: date) -> None:
    if decision.verdict != "launch":
        raise LaunchRefused(
            f"run {decision.run} is on {decision.verdict}, not launch: {decision.reasons[0]}"
        )
    if decision.expires_at < today:
        raise LaunchRefused(
            f"the decision on {decision.run} expired on {decision.expires_at}; decide again"
        )
    if row["plan_sha256"] != plan_sha256:
        raise LaunchRefused(f"the plan of {decision.run} changed after this decision; decide again")
