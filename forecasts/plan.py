"""Planned runs: the planner's own roadmap, validated before anything is decided.

A plan file is YAML with one key `runs`, or CSV with a row a run. `template()` is a complete,
commented one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from forecasts.errors import PlanInvalid, ScenarioInvalid
from forecasts.reading import Day, Number, Section, Whole, explain, read_text, read_yaml
from models.quantities import FLOP_PER_PARAM_TOKEN
from models.records import Domain

SHARE_TOLERANCE = 1e-6
# The last horizon a scenario can have.
LAST_YEAR = 2150
MAX_PAYLOAD = 10_000
_TEXT = ("payload", "notes", "evaluation", "requested_by")


class Resources(Section):
    """What the job asks its scheduler for."""

    gpus: Whole = Field(ge=0, description="accelerators, 0 for none")
    gpu_type: str = Field(default="", max_length=100, description="accelerator model")
    hours: Number = Field(gt=0, description="wall-clock limit")
    nodes: Whole = Field(default=1, ge=1, description="machines; gpus are all of them together")
    usd_per_gpu_hour: Number | None = Field(
        default=None, ge=0, description="price, from which the cost of an ended job is taken"
    )
    partition: str = Field(default="", max_length=100, description="Slurm partition")
    node_selector: dict[str, str] = Field(
        default={}, max_length=20, description="Kubernetes node labels"
    )


class Corpus(Section):
    """One frozen corpus the run reads, and what permits that."""

    corpus: str = Field(min_length=1, max_length=200, description="name")
    domain: Domain = Field(description="domain of the mixture it serves")
    licence: str = Field(min_length=1, max_length=200, description="licence or contract")
    valid_until: Day | None = Field(default=None, description="last day of the licence, if any")
    sha256: str = Field(
        default="", pattern=r"^([0-9a-f]{64})?$", description="checksum of its frozen manifest"
    )


class PlannedRun(Section):
    """One training run somebody wants to start."""

    run: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="unique name")
    needed_on: Day = Field(description="day the data must be there")
    compute_flop: Number | None = Field(default=None, gt=0, le=1e40, description="training FLOP")
    params: Number | None = Field(default=None, gt=0, le=1e20, description="active parameters")
    tokens: Number | None = Field(
        default=None, gt=0, le=1e20, description="training tokens, a repeat counted at its worth"
    )
    architecture: Literal["dense", "moe"] = Field(default="dense", description="dense or moe")
    overtraining: Number | None = Field(
        default=None, gt=0, le=1000, description="tokens per parameter above optimal, as a ratio"
    )
    mixture: dict[Domain, Number] = Field(min_length=1, description="share of tokens by domain")
    max_epochs: Number | None = Field(default=None, ge=1, description="most passes over any token")
    required_probability: Number = Field(
        default=0.8, gt=0, lt=1, description="P(supply ≥ demand) needed to launch"
    )
    budget_usd: Number | None = Field(default=None, gt=0, description="most the run may cost")
    resources: Resources | None = Field(default=None, description="what the scheduler is asked for")
    payload: str | tuple[str, ...] = Field(
        default="", description="command the job runs: a line for the shell, or a list of words"
    )
    notes: str = Field(default="", max_length=2_000, description="anything worth remembering")
    mixture_bounds: dict[Domain, tuple[Number, Number]] = Field(
        default={}, description="lowest and highest share of a domain"
    )
    synthetic_cap: Number | None = Field(
        default=None, ge=0, le=1, description="highest share of synthetic tokens"
    )
    release_on: Day | None = Field(
        default=None, description="day the model is released; licences must hold until then"
    )
    evaluation: str = Field(
        default="", max_length=500, description="how the run will be judged, such as a benchmark"
    )
    corpora: tuple[Corpus, ...] = Field(
        default=(), max_length=1_000, description="what the run reads, with licences"
    )
    data_vintage: Day | None = Field(
        default=None, description="newest vintage of sources the plan was made with"
    )
    probe_max_age_days: Whole | None = Field(
        default=None, ge=0, description="needs a measured probe at most this old; default: none"
    )
    notices: dict[str, Day] = Field(
        default={}, description="notices given, by the policy's name for them"
    )
    requested_by: str = Field(
        default="", max_length=100, description="who asks for it; default: who imports the plan"
    )
    launcher: Literal["local", "prefect", "slurm"] | None = Field(
        default=None, description="the only launcher that may start it; default: any"
    )
    deployment: str = Field(
        default="", max_length=200, description="Prefect deployment; default: job/job"
    )

    @field_validator("mixture")
    @classmethod
    def _shares(cls, mixture: dict[Domain, float]) -> dict[Domain, float]:
        for domain, share in mixture.items():
            if not 0 < share <= 1:
                raise ValueError(f"share of {domain} is {share:g}; it must lie in (0, 1]")
        total = sum(mixture.values())
        if abs(total - 1) > SHARE_TOLERANCE:
            raise ValueError(f"shares add to {total:.6g}; they must add to 1")
        return mixture

    @model_validator(mode="after")
    def _bounds(self) -> PlannedRun:
        for domain, (low, high) in self.mixture_bounds.items():
            if not 0 <= low <= high <= 1:
                raise ValueError(
                    f"bounds of {domain} are {low:g} to {high:g}; they must rise within [0, 1]"
                )
            share = self.mixture.get(domain, 0.0)
            if not low - SHARE_TOLERANCE <= share <= high + SHARE_TOLERANCE:
                raise ValueError(
                    f"share of {domain} is {share:g}, outside its bounds {low:g} to {high:g}"
                )
        return self

    @field_validator("payload")
    @classmethod
    def _short(cls, payload: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if sum(map(len, payload)) > MAX_PAYLOAD:
            raise ValueError(f"string should have at most {MAX_PAYLOAD} characters; use a script")
        return payload

    @field_validator("needed_on")
    @classmethod
    def _within_reach(cls, needed_on: date) -> date:
        if not 2000 <= needed_on.year <= LAST_YEAR:
            raise ValueError(f"{needed_on} is out of reach; give a day from 2000 to {LAST_YEAR}")
        return needed_on

    @model_validator(mode="after")
    def _size(self) -> PlannedRun:
        sized = (self.params is not None, self.tokens is not None)
        if any(sized) and not all(sized):
            raise ValueError("params and tokens are given together")
        if not any(sized) and self.compute_flop is None:
            raise ValueError("give compute_flop, or params and tokens")
        if all(sized) and self.overtraining is not None:
            raise ValueError("overtraining splits compute_flop, and params and tokens are split")
        if all(sized) and self.compute_flop is not None:
            implied = FLOP_PER_PARAM_TOKEN * (self.params or 0) * (self.tokens or 0)
            if not 0.9 <= implied / self.compute_flop <= 1.1:
                raise ValueError(
                    f"compute_flop {self.compute_flop:g} is not 6·params·tokens = {implied:g} "
                    "within 10 %; give one of the two"
                )
        return self

    def document(self) -> str:
        """The plan as canonical JSON, the text that its checksum is of.

        Keys that came after the first version count only where they are given, so that a plan
        stored before them keeps its checksum.
        """
        document = self.model_dump(mode="json")
        added = {key: value for key, value in self._added().items() if key in document}
        kept = {k: v for k, v in document.items() if k not in added or v != added[k]}
        if self.resources is not None:
            defaults = Resources(gpus=0, hours=1).model_dump(mode="json")
            first = ("gpus", "gpu_type", "hours")
            kept["resources"] = {
                k: v for k, v in kept["resources"].items() if k in first or v != defaults[k]
            }
        return json.dumps(kept, sort_keys=True)

    @classmethod
    def _added(cls) -> dict[str, Any]:
        """Default, as JSON has it, of every key that came after `notes`."""
        names = list(cls.model_fields)
        added = names[names.index("notes") + 1 :]
        defaults = {name: cls.model_fields[name].default for name in added}
        return {name: [] if value == () else value for name, value in defaults.items()}

    def sha256(self) -> str:
        """Checksum of the plan."""
        return hashlib.sha256(self.document().encode()).hexdigest()


class PlanFile(Section):
    """All runs of one file."""

    runs: tuple[PlannedRun, ...] = Field(min_length=1)

    @field_validator("runs")
    @classmethod
    def _unique(cls, runs: tuple[PlannedRun, ...]) -> tuple[PlannedRun, ...]:
        names = [run.run for run in runs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"run {twice[0]} is given twice")
        return runs


def template() -> str:
    """A complete, commented plan file that can be imported unchanged."""
    return (resources.files("forecasts") / "plan_template.yaml").read_text("utf-8")


def load(path: Path) -> tuple[PlannedRun, ...]:
    """Planned runs of a file.

    Raises: PlanInvalid with the key, what was found and what is allowed.
    """
    try:
        text = read_text(path, "plan")
        csv_like = path.suffix.lower() == ".csv"
        document = read_csv(text, str(path)) if csv_like else read_yaml(text, str(path))
        return PlanFile.model_validate(document).runs
    except ScenarioInvalid as error:
        raise PlanInvalid(str(error)) from error
    except ValidationError as error:
        raise PlanInvalid(explain(error, str(path), PlanFile)) from error


def read_csv(text: str, where: str) -> dict[str, Any]:
    """Planned runs of a table: a row a run, a column a key, a dot for a key inside another.

    Cells are read as YAML reads a value, so numbers and dates are what they are in a plan file.
    Raises: ScenarioInvalid for rows of another length than the head
    """
    rows = csv.reader(io.StringIO(text))
    head = [name.strip() for name in next(rows, [])]
    runs: list[dict[str, Any]] = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(head):
            raise ScenarioInvalid(
                f"{where} line {rows.line_num}: {len(row)} cells under {len(head)} columns"
            )
        run: dict[str, Any] = {}
        for name, cell in zip(head, row, strict=True):
            if cell.strip():
                _put(run, name.split("."), cell, f"{where} line {rows.line_num}: {name}")
        runs.append(run)
    return {"runs": runs}


def _put(run: dict[str, Any], path: list[str], cell: str, where: str) -> None:
    *outer, last = path
    for name in outer:
        run = run.setdefault(name, {})
        if not isinstance(run, dict):
            raise ScenarioInvalid(f"{where}: {name} has a value of its own and keys inside")
    if last in run:
        raise ScenarioInvalid(f"{where}: this column is there twice")
    # Text that YAML would take for something else stays text.
    run[last] = cell if last in _TEXT else read_yaml(f"value: {cell}", where)["value"]


def differences(before: PlannedRun, after: PlannedRun) -> tuple[tuple[str, Any, Any], ...]:
    """Keys of a plan that differ, with both values as JSON has them."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return tuple((key, old[key], new[key]) for key in new if old[key] != new[key])


def parse(document: dict[str, Any]) -> PlannedRun:
    """A planned run from its stored document."""
    return PlannedRun.model_validate(document)
