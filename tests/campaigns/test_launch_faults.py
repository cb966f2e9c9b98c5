"""A short fault campaign; DATAWALL_FAULT_RUNS makes it long, and adds the launcher `prefect`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

CAMPAIGN = Path(__file__).with_name("launch_faults.py")


@pytest.mark.campaign
@pytest.mark.crash
@pytest.mark.timeout(7200)
def test_whatever_is_killed_a_decision_is_launched_at_most_once() -> None:
    for user in ("root", "postgres"):
        try:
            psycopg.connect(f"host=127.0.0.1 user={user} dbname=postgres connect_timeout=3").close()
            break
        except psycopg.OperationalError:
            continue
    else:
        pytest.skip("no PostgreSQL on 127.0.0.1:5432 that trusts root or postgres")
    runs = os.environ.get("DATAWALL_FAULT_RUNS")
    words = [runs, "local", "prefect"] if runs else ["8", "local"]
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), *words],
        cwd=CAMPAIGN.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "payloads executed" in done.stdout
