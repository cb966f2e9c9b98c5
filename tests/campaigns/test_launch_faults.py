"""A short fault campaign; DATAWALL_FAULT_RUNS makes it long, and adds the launcher `prefect`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

CAMPAIGN = Path(__file__).with_name("launch_faults.py")


@pytest.mark.campaign
@pytest.mark.crash
@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("postgres_url")
def test_whatever_is_killed_a_decision_is_launched_at_most_once(processes: Any) -> None:
    runs = os.environ.get("DATAWALL_FAULT_RUNS")
    words = [runs, "local", "prefect"] if runs else ["8", "local"]
    told = processes.run([sys.executable, str(CAMPAIGN), *words], os.environ, limit_s=7100)
    sys.stdout.write(told)
    assert "payloads executed" in told
    assert processes.running() == []
