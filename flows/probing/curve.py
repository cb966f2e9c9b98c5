"""The loss curve: one JSON line a row, appended as the run goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from warehouse.snapshots import write_atomically


class Curve:
    """Rows {"step", "tokens", "epochs", "kind", "loss_nats", "seconds"}.

    kind: `training` (the step's own batch) or `held_out`. seconds: metered so far, all attempts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows; a kill may leave a part of one at the end, which counts for nothing."""
        if not self.path.exists():
            return []
        lines = self.path.read_text("utf-8", "replace").split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def resume(self, step: int) -> float:
        """Drop what was written after the checkpoint; returns the seconds metered by then.

        The seconds after the checkpoint were paid for although their steps are done again.
        """
        rows = self.rows()
        kept = [row for row in rows if row["step"] <= step]
        write_atomically(self.path, "".join(f"{json.dumps(row)}\n" for row in kept).encode())
        return max((float(row["seconds"]) for row in rows), default=0.0)

    def append(self, **row: Any) -> None:
        """Write one row at once, so that a reader can follow."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
