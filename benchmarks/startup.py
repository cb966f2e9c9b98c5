"""Starting the command line, against Python's own start (the limit) and importing Prefect (peer).

The peer is what every command would cost if it loaded the orchestrator it does not need.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

REPEATS = 5


def _seconds(*args: str) -> float:
    environment = os.environ | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *args], check=True, stdout=subprocess.DEVNULL, env=environment
        )
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print seconds and ratios."""
    limit = _seconds("-c", "pass")
    with tempfile.TemporaryDirectory() as workspace:
        place = ("--workspace", workspace, "--json")
        rows = {
            "python itself": limit,
            "datawall --help": _seconds("-m", "flows.cli", "--help"),
            "datawall forecast": _seconds("-m", "flows.cli", "forecast", *place),
            "import prefect": _seconds("-c", "import prefect.flows"),
        }
    print(f"start-up, best of {REPEATS}; python itself = 1")
    for name, seconds in rows.items():
        print(f"  {name:28} {seconds:6.2f} s   × {seconds / limit:5.1f}")
