"""What an ended job counts for: its own report, else what was metered, else what was reserved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.launchers.contract import Intent, Job
from flows.steps.reconcile import _cost

START = datetime(2027, 1, 30, 12, tzinfo=UTC)
JOB = Job("datawall-1", "host:datawall-1", "succeeded", "", START, START + timedelta(minutes=90))
UNKNOWN = "cost not known: all that was reserved counts"


def _intent(resources: dict[str, Any] | None) -> Intent:
    return Intent("1", "r", {"resources": resources}, "f" * 64, Path("m.json"), Path("w"))


@pytest.mark.parametrize(
    ("resources", "reported", "cents", "basis"),
    [
        ({"gpus": 2, "usd_per_gpu_hour": 3.0}, None, 900, "cost metered: 1.5 h of 2 GPUs at 3 USD"),
        ({"gpus": 2, "usd_per_gpu_hour": 3.0}, 4.2, 420, "cost as the job reported it"),
        ({"gpus": 0, "usd_per_gpu_hour": None}, 0.0301, 4, "cost as the job reported it"),
        ({"gpus": 2, "usd_per_gpu_hour": None}, 0.0, 0, "cost as the job reported it"),
        (None, 1.1, 110, "cost as the job reported it"),
        ({"gpus": 2, "usd_per_gpu_hour": None}, None, None, UNKNOWN),
        (None, None, None, UNKNOWN),
    ],
)
def test_cost(
    resources: dict[str, Any] | None, reported: float | None, cents: int | None, basis: str
) -> None:
    assert _cost(_intent(resources), replace(JOB, cost_usd=reported)) == (cents, basis)


def test_a_job_without_an_end_cannot_be_metered() -> None:
    priced = _intent({"gpus": 2, "usd_per_gpu_hour": 3.0})
    assert _cost(priced, replace(JOB, ended_at=None)) == (None, UNKNOWN)
