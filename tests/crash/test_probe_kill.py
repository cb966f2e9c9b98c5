"""A probe killed at random steps ends as one that was left alone, bit for bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STEPS = 240
pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], subprocess.Popen[bytes]]:
    """Start the job as a launcher would, in a process of its own."""
    pytest.importorskip("torch", reason="torch is an optional extra: make probe")
    chance = random.Random(1)  # noqa: S311
    text = tmp_path_factory.mktemp("text") / "words.txt"
    text.write_text("\n\n".join("".join(chance.choices("abcde ", k=60)) for _ in range(1200)))
    words = [
        "run=killed", f"corpus={text}", "unique_tokens=40960", "tokens=122880", "width=32",
        "depth=2", "context=32", "batch=16", "log_every=1", "checkpoint_every=25",
    ]  # fmt: skip

    def run(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.probe", "--out", str(out), *words],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    return run


Start = Callable[[Path], "subprocess.Popen[bytes]"]


def _end(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, said = process.communicate(timeout=120)
    return process.returncode, said.decode()


def _step(out: Path) -> int:
    curve = out / "loss.jsonl"
    return curve.read_bytes().count(b"\n") if curve.exists() else 0


def _result(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "result.json").read_text())
    return document


@pytest.fixture(scope="module")
def whole(start: Start, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The result of a run left alone."""
    out = tmp_path_factory.mktemp("whole")
    assert _end(start(out))[0] == 0
    return _result(out) | {"losses": _losses(out)}


def _losses(out: Path) -> list[tuple[int, str, float]]:
    rows = [json.loads(line) for line in (out / "loss.jsonl").read_text().splitlines()]
    return [(row["step"], row["kind"], row["loss_nats"]) for row in rows]


def _require_same(out: Path, whole: dict[str, Any], attempts: int) -> None:
    result = _result(out)
    for key in ("loss_nats", "weights_sha256", "training_loss_nats", "steps"):
        assert result[key] == whole[key], key
    assert _losses(out) == whole["losses"]
    assert result["attempts"] == attempts


def _signal_at(process: subprocess.Popen[bytes], out: Path, step: int, number: int) -> None:
    deadline = time.monotonic() + 60
    while _step(out) < step and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(process.pid, number)


@pytest.mark.campaign
def test_killed_and_told_to_stop_it_ends_the_same(
    start: Start, whole: dict[str, Any], tmp_path: Path, record_property: Callable[..., None]
) -> None:
    out, steps = tmp_path / "out", sorted(random.sample(range(5, STEPS - 20), 2))
    killed = start(out)
    _signal_at(killed, out, steps[0], signal.SIGKILL)
    assert _end(killed)[0] == -signal.SIGKILL
    # A torn last row, as a power cut leaves it.
    with (out / "loss.jsonl").open("a") as file:
        file.write('{"step": 9')
    told = start(out)
    _signal_at(told, out, steps[1], signal.SIGTERM)
    code, said = _end(told)
    assert code == 75
    assert "was told to stop at step" in said
    assert not (out / "result.json").exists()
    assert _end(start(out))[0] == 0
    record_property("steps", steps)
    _require_same(out, whole, attempts=3)


@pytest.mark.campaign
@pytest.mark.release
@pytest.mark.timeout(600)
def test_killed_again_and_again_it_ends_the_same(
    start: Start, whole: dict[str, Any], tmp_path: Path, record_property: Callable[..., None]
) -> None:
    out, kills = tmp_path / "out", 0
    chance = random.Random()  # noqa: S311
    for _ in range(int(os.environ.get("DATAWALL_PROBE_KILLS", "6"))):
        process = start(out)
        # Anywhere: while starting, within a step, while the checkpoint is written.
        if chance.random() < 0.5:
            time.sleep(chance.uniform(0.5, 4))
        else:
            _signal_at(process, out, _step(out) + chance.randint(1, 60), signal.SIGKILL)
        process.kill()
        kills += _end(process)[0] == -signal.SIGKILL
        if (out / "result.json").exists():
            break
    assert kills >= 3
    assert _end(start(out))[0] == 0
    record_property("kills", kills)
    result = _result(out)
    assert (result["weights_sha256"], result["loss_nats"]) == (
        whole["weights_sha256"], whole["loss_nats"],
    )  # fmt: skip
    assert _losses(out) == whole["losses"]
