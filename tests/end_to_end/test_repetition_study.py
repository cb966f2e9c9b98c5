"""A repetition study on generated text: nine real trainings, then R_D* or its refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from flows import probe
from flows.commands.probe import app
from flows.errors import UsageError
from flows.probing.manifest import read_settings
from flows.steps.forecast import Options, forecast, know
from flows.steps.probe_study import fit_study
from flows.steps.runs import import_runs
from flows.workspace import Workspace
from typer.testing import CliRunner
from warehouse.connection import reader
from warehouse.errors import NotFound
from warehouse.insert import insert_rows
from warehouse.probes import read_probe_results

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SYMBOLS, LENGTH = 24, 300
SET = ("context=16", "batch=8", "learning_rate=0.02", "held_out_share=0.2", "log_every=200",
       "checkpoint_every=100000", "width=16", "depth=1")  # fmt: skip


def _transitions() -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(99).dirichlet(np.full(SYMBOLS, 0.3), SYMBOLS)


def _entropy() -> float:
    """Nats per symbol of the chain: no network can have a lower loss."""
    chain = _transitions()
    share = np.linalg.matrix_power(chain, 200)[0]
    return float(-(share[:, None] * chain * np.log(np.maximum(chain, 1e-300))).sum())


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first-order chain on 24 symbols: its 576 transitions are all there is to learn.

    What a text of U tokens says of them is exhausted by reading it often; more text says more.
    """
    chance, steps = np.random.default_rng(1), _transitions().cumsum(axis=1)
    documents, symbol = [], 0
    for _ in range(500):
        row = []
        for u in chance.random(LENGTH):
            symbol = min(int(np.searchsorted(steps[symbol], u)), SYMBOLS - 1)
            row.append(chr(ord("a") + symbol))
        documents.append("".join(row))
    path = tmp_path_factory.mktemp("chain") / "chain.txt"
    path.write_text("\n\n".join(documents))
    return path


def _plan(text: Path, folder: Path, unique_tokens: int, *more: str) -> Path:
    words = [word for setting in (*SET, *more) for word in ("--set", setting)]
    done = CliRunner().invoke(app, [
        "plan", "repetition", "--corpus", str(text), "--unique-tokens", str(unique_tokens),
        "--study", "chain", *words,
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    path = folder / "plan.yaml"
    path.write_text(done.stdout)
    return path
