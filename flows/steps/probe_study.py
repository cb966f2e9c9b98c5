"""A repetition study: planned runs out, and from their results a measured R* or its refusal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flows.errors import UsageError
from flows.probing.manifest import ProbeSettings
from flows.steps.prepare import ready, writing
from flows.workspace import Workspace
from forecasts.plan import PlanFile
from forecasts.reading import explain
from models.probe.design import StudyRun, repetition_study
from models.probe.repetition import Measured, Repetition, fit_repetition
from models.records import OriginRecord
from warehouse.errors import NotFound
from warehouse.probes import read_probe_results, save_probe
from warehouse.snapshots import keep, sha256

# What one network and one recipe mean; runs that differ in them are not of one study.
SAME = (
    "domain", "tokenizer", "params", "width", "depth", "context", "batch", "learning_rate",
    "weight_decay", "held_out_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Job:
    """What a plan's runs ask of their scheduler."""

    python: str
    needed_on: date
    gpus: int
    gpu_type: str
    hours: float
    budget_usd: float


def plan_repetition(settings: Mapping[str, Any], most_epochs: int, job: Job) -> str:
    """A plan file of nine runs, which `runs import` accepts.

    settings: keys of `ProbeSettings` that all runs share, with unique_tokens and study
    Raises: UsageError for settings that no run can have
    """
    runs = [
        _planned(study_run, dict(settings), job)
        for study_run in repetition_study(settings["unique_tokens"], most_epochs)
    ]
    document = {"runs": runs}
    try:
        PlanFile.model_validate(document)
    except ValidationError as error:
        raise UsageError(explain(error, "the study", PlanFile)) from error
    head = (
        f"# Repetition study {settings['study']}: nine runs of one network. Edit, then:\n"
        "# datawall runs import FILE\n"
    )
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _planned(run: StudyRun, shared: dict[str, Any], job: Job) -> dict[str, Any]:
    name = f"{shared['study']}-{run.name}"
    asked = shared | {"run": name, "unique_tokens": run.unique_tokens, "epochs": run.epochs}
    try:
        settings = ProbeSettings.model_validate(asked)
    except ValidationError as error:
        raise UsageError(explain(error, f"run {name}", ProbeSettings)) from error
    price = settings.price_per_hour_usd
    return {
        "run": name,
        "needed_on": job.needed_on.isoformat(),
        "params": settings.shape().params,
        "tokens": settings.order().tokens,
        "mixture": {settings.domain: 1.0},
        "max_epochs": max(1.0, float(run.epochs)),
        "budget_usd": job.budget_usd,
        "resources": {
            "gpus": job.gpus, "gpu_type": job.gpu_type, "hours": job.hours,
            **({"usd_per_gpu_hour": price / job.gpus} if price and job.gpus else {}),
        },
        "evaluation": "loss on held-out text of the same corpus, nats per token",
        "payload": [job.python, "-m", "flows.probe", *_words(asked)],
        "notes": f"Repetition study {shared['study']}: {run.epochs} epochs of {run.unique_tokens} "
                 "tokens. tokens counts every repeat in full.",
    }  # fmt: skip


def _words(asked: Mapping[str, Any]) -> list[str]:
    """Settings as words; the name comes from the manifest, so that it cannot differ."""
    texts = {key: value for key, value in asked.items() if key != "run" and value is not None}
    corpus = ",".join(str(Path(place).absolute()) for place in texts.pop("corpus"))
    return [f"corpus={corpus}", *(f"{key}={value}" for key, value in texts.items())]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A study's fit, and the claim that was stored; without a claim, `why` says why not."""

    study: str
    fit: Repetition
    claim: str
    why: str


def fit_study(workspace: Workspace, study: str, noise_nats: float | None, now: datetime) -> Fitted:
    """Fit R* to a study's imported runs and store it as claim `probe:STUDY.r_d_star`.

    Raises: NotFound for a study without runs; UsageError for runs of different networks;
    OutsideValidRange for runs that cannot settle R*
    """
    with ready(workspace) as connection:
        stored = read_probe_results(connection)
    rows = list({row["run"]: row for row in stored if row["study"] == study}.values())
    if not rows:
        known = ", ".join(sorted({row["study"] for row in stored if row["study"]})) or "none yet"
        raise NotFound(
            f"no imported run is of study {study!r}; there are: {known}. Import results with "
            "`datawall probe import DIR`"
        )
    _require_one_network(study, rows)
    runs = [
        Measured(row["unique_tokens"], row["tokens"], row["loss_nats"], row["loss_se"])
        for row in rows
    ]
    fit = fit_repetition(runs, noise_nats=noise_nats)
    why = _no_claim(fit)
    if why:
        return Fitted(study, fit, "", why)
    _store(workspace, study, fit, rows, now)
    return Fitted(study, fit, f"probe:{study}.r_d_star", "")


def _require_one_network(study: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for key in SAME:
        seen = sorted({str(row[key]) for row in rows})
        if len(seen) > 1:
            raise UsageError(
                f"runs of study {study} differ in {key} ({', '.join(seen[:3])}), and a fit needs "
                "one network and one recipe; give the others another study"
            )


def _no_claim(fit: Repetition) -> str:
    if fit.rejected:
        return fit.rejected
    if not (fit.low > 0 and math.isfinite(fit.high)):
        side = "lower" if fit.low <= 0 else "upper"
        return f"the runs set no {side} end for R*; repeat more often, or measure more exactly"
    return "" if fit.low < fit.r_d_star < fit.high else "the interval has no width"


def _store(
    workspace: Workspace, study: str, fit: Repetition, rows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:  # fmt: skip
    runs = sorted(str(row["result_sha256"]) for row in rows)
    content = json.dumps({"study": study, "results": runs, "fit": asdict(fit)}, sort_keys=True)
    known_at = max(row["known_at"] for row in rows)
    digest, snapshot = keep(workspace.snapshots, content.encode())
    origin = OriginRecord(
        origin_id=f"probe-{study}-{digest[:12]}",
        kind="file",
        publisher="own probe runs",
        title=f"repetition study {study}: {len(rows)} runs of {rows[0]['params']:,} parameters",
        url="docs/probe.md",
        published_on=known_at,
        sha256=sha256(content.encode()),
        size_bytes=len(content),
    )
    claim = {
        "name": f"{study}.r_d_star",
        "known_at": known_at,
        "shape": "lognormal",
        "value": fit.r_d_star,
        "low": fit.low,
        "high": fit.high,
        "ci_prob": fit.ci_prob,
        "unit": "epochs",
        "status": "derived",
        "basis": (
            f"fit to {fit.runs} probes of {rows[0]['params']:,} parameters on "
            f"{min(row['unique_tokens'] for row in rows):,} unique tokens; far below the scale of "
            "a large run"
        ),
        "valid_on": known_at,
    }
    with writing(workspace) as connection:
        save_probe(connection, origin, snapshot, None, [claim], now)
