"""Planned runs: the planner's own roadmap, validated before anything is decided.

A plan file is YAML with one key `runs`. `template()` is a complete, commented one.
"""

from __future__ import annotations

import hashlib
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


class Resources(Section):
    """What the job asks its scheduler for."""

    gpus: Whole = Field(ge=0, description="accelerators, 0 for none")
    gpu_type: str = Field(default="", max_length=100, description="accelerator model")
    hours: Number = Field(gt=0, description="wall-clock limit")


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
    payload: str = Field(default="", max_length=10_000, description="command the job runs")
    notes: str = Field(default="", max_length=2_000, description="anything worth remembering")

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
        """The plan as canonical JSON, the text that its checksum is of."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

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
        document = read_yaml(read_text(path, "plan"), str(path))
        return PlanFile.model_validate(document).runs
    except ScenarioInvalid as error:
        raise PlanInvalid(str(error)) from error
    except ValidationError as error:
        raise PlanInvalid(explain(error, str(path), PlanFile)) from error


def parse(document: dict[str, Any]) -> PlannedRun:
    """A planned run from its stored document."""
    return PlannedRun.model_validate(document)
