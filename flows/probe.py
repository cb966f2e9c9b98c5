"""The bundled GPU job: `python -m flows.probe --manifest FILE --out DIR [key=value…]`.

Run by hand with a probe file, or by a launcher, which sets DATAWALL_MANIFEST, DATAWALL_LAUNCH_KEY
and DATAWALL_WORKSPACE, and in DATAWALL_COST the file where the job says what it cost. Exit codes
are those of the command line, and 75 for a run that was told to stop: it has written its checkpoint
and goes on when it is started again.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.command import exit_code
from flows.errors import UsageError
from flows.output import note, say
from models.errors import DatawallError
from warehouse.snapshots import write_atomically

if TYPE_CHECKING:
    from flows.probing.result import ProbeResult

TEMPORARY = 75


def main(words: Sequence[str] | None = None) -> int:
    """Train one probe; returns the exit code."""
    # Must stand before CUDA starts; without it matrix products on a GPU may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    given = _parser().parse_intermixed_args(words)
    # A launcher may add the manifest's path as last word.
    settings = [word for word in given.settings if "=" in word]
    paths = [word for word in given.settings if "=" not in word]
    manifest = given.manifest or os.environ.get("DATAWALL_MANIFEST") or (paths or [None])[-1]
    try:
        return _train(None if manifest is None else Path(manifest), settings, given.out)
    except DatawallError as error:
        note(f"datawall: {error}")
        return TEMPORARY if type(error).__name__ == "Interrupted" else exit_code(error)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m flows.probe", description=__doc__)
    parser.add_argument("--manifest", help="probe file or launch manifest")
    parser.add_argument("--out", type=Path, help="folder of the run")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="settings of the probe")
    return parser


def _train(manifest: Path | None, words: Sequence[str], out: Path | None) -> int:
    from flows.probing.manifest import read_settings

    began = time.monotonic()
    settings, approved = read_settings(manifest, words)
    folder = out or default_folder(settings.run)
    try:
        result = load_step()(
            settings,
            folder,
            note,
            decision_id=str(approved.get("decision_id", "")),
            launch_key=os.environ.get("DATAWALL_LAUNCH_KEY", ""),
        )
    finally:
        report_cost(settings.price_per_hour_usd, time.monotonic() - began)
    report(result, folder)
    return 0


def report_cost(price_per_hour_usd: float, seconds: float) -> None:
    """Tell the launch what this attempt cost, whatever it came to; nothing without a price.

    Of this process alone: an attempt before it was another launch, or is paid for by its own.
    """
    place = os.environ.get("DATAWALL_COST")
    if place is None or not price_per_hour_usd:
        return
    cost = {"cost_usd": seconds / 3600 * price_per_hour_usd, "seconds": seconds}
    write_atomically(Path(place), json.dumps(cost).encode() + b"\n")


def report(result: ProbeResult, folder: Path) -> None:
    """Say what a run measured, how fast, and what to do next."""
    say(
        f"{result.run}: {result.loss_nats:.4f} ± {result.loss_se:.4f} nats per token "
        f"({result.bits_per_byte:.4f} bits per byte), {result.params:,} parameters, "
        f"{result.epochs:.3g} epochs of {result.unique_tokens:,} tokens"
    )
    used = result.model_flop_utilisation
    share = "" if used is None else f", {used:.1%} of the measured matmul ceiling"
    say(
        f"{result.tokens_per_s:,.0f} tokens/s on {result.device}, "
        f"{result.memory_bytes / 2**30:.2f} GiB{share}; {result.seconds:.0f} s, "
        f"{result.cost_usd:g} USD"
    )
    say(f"next: datawall probe import {folder}")


def default_folder(run: str) -> Path:
    """Folder of a run inside the workspace."""
    from flows.settings import settings

    return settings().workspace.probes / run


def load_step() -> Callable[..., ProbeResult]:
    """The step that trains. Raises: UsageError without torch, an optional extra"""
    try:
        from flows.steps.probe import run_probe
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UsageError("a probe needs torch, an optional extra; run `make probe`") from error
    return run_probe


if __name__ == "__main__":
    sys.exit(main())
