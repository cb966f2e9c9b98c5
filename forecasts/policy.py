"""The launch policy: limits that hold whatever a plan says.

It is the file policy.yaml of the workspace; what it does not say has the default below. The
defaults let small measurements start after one approval, and nothing large.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from forecasts.errors import PlanInvalid, ScenarioInvalid
from forecasts.reading import Number, Section, Whole, explain, read_text, read_yaml


class Policy(Section):
    """What may start. Money in US dollars, ages in days."""

    run_budget_usd: Number = Field(
        default=1_000.0, ge=0, description="most all attempts at one run may cost together"
    )
    month_budget_usd: Number = Field(
        default=1_000.0, ge=0, description="most all runs of one calendar month (UTC) may cost"
    )
    small_run_usd: Number = Field(
        default=100.0,
        ge=0,
        description=(
            "a run that costs at most this is a measurement: one passing decision is enough, and "
            "it needs to name neither corpora nor an evaluation"
        ),
    )
    approval_above_usd: Number = Field(
        default=0.0, ge=0, description="runs that may cost more than this need an approval"
    )
    approval_valid_days: Number = Field(default=7, gt=0, le=90, description="life of an approval")
    passes: Whole = Field(
        default=2, ge=1, le=10, description="consecutive decisions that must say launch"
    )
    cooldown_hours: Number = Field(default=1, ge=0, description="between two launches of one run")
    max_pending: Whole = Field(default=4, ge=1, description="launches that have not ended")
    forecast_max_age_days: Whole = Field(default=7, ge=0, description="of a decision's forecast")
    inventory_max_age_days: Whole = Field(
        default=400, ge=0, description="of the embedded catalogue and of every loaded source"
    )
    compute_notices: dict[str, Number] = Field(
        default={"eu-ai-act": 1e25},
        description="training FLOP from which a named notice has to be given before the launch",
    )


def load(path: Path) -> Policy:
    """The policy of a file, or the defaults where there is none.

    Raises: PlanInvalid with the key, what was found and what is allowed
    """
    if not path.exists():
        return Policy()
    try:
        return Policy.model_validate(read_yaml(read_text(path, "policy"), str(path)))
    except ScenarioInvalid as error:
        raise PlanInvalid(str(error)) from error
    except ValidationError as error:
        raise PlanInvalid(explain(error, str(path), Policy)) from error
