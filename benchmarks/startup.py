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
    """Best of some calls; SEED in an argument is another number each time."""
    environment = os.environ | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    best = float("inf")
    for seed in range(1, REPEATS + 1):
        command = [sys.executable, *(arg.replace("SEED", str(seed)) for arg in args)]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print seconds and ratios."""
    limit = _seconds("-c", "pass")
    with tempfile.TemporaryDirectory() as workspace:
        forecast = ("-m", "flows.cli", "forecast", "--workspace", workspace, "--json")
        rows = {
            "python itself": limit,
            "datawall --help": _seconds("-m", "flows.cli", "--help"),
            "datawall forecast": _seconds(*forecast, "--seed", "SEED"),
            "datawall forecast, stored": _seconds(*forecast, "--seed", "1"),
            "import prefect": _seconds("-c", "import prefect.flows"),
        }
    print(f"start-up, best of {REPEATS}; python itself = 1")
    for name, seconds in rows.items():
        print(f"  {name:28} {seconds:6.2f} s   × {seconds / limit:5.1f}")
