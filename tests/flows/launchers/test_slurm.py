"""Launcher `slurm`: the script that submitit writes, and a real run on submitit's LocalExecutor.

No cluster is used anywhere here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.errors import LaunchRefused
from flows.launchers import slurm
from flows.launchers.contract import Intent
from flows.launchers.slurm import Slurm, parameters

submitit = pytest.importorskip("submitit", reason="submitit is the extra `slurm`")
Make = Callable[..., Intent]


@pytest.fixture
def intent(tmp_path: Path) -> Make:
    """Call it for a launch with a payload and resources."""

    def make(payload: Any = "true", launch_id: str = "abcd1234", **resources: Any) -> Intent:
        manifest = {"payload": payload, "resources": {"gpus": 0, "hours": 0.1} | resources}
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(manifest))
        return Intent(launch_id, "a-run", manifest, "f" * 64, path, tmp_path)

    return make


def _script(intent: Intent) -> list[str]:
    from submitit.slurm.slurm import _make_sbatch_string

    text = _make_sbatch_string("python job", "logs", **parameters(intent))
    return [line for line in text.splitlines() if line.startswith("#SBATCH")]


def test_the_script_asks_for_what_the_manifest_says(intent: Make) -> None:
    lines = _script(intent(gpus=16, nodes=2, gpu_type="H100", hours=1.5, partition="large"))
    assert {
        "#SBATCH --job-name=datawall-abcd1234", "#SBATCH --nodes=2", "#SBATCH --ntasks-per-node=1",
        "#SBATCH --gpus-per-node=H100:8", "#SBATCH --time=90", "#SBATCH --partition=large",
        "#SBATCH --no-requeue",
    } <= set(lines)  # fmt: skip
    assert any("manifest " + "f" * 64 in line for line in lines)


def test_without_gpus_none_is_asked_for(intent: Make) -> None:
    assert not [line for line in _script(intent()) if "gpu" in line]


def test_gpus_that_do_not_divide_are_refused(intent: Make) -> None:
    with pytest.raises(LaunchRefused, match="9 GPUs on 2 nodes"):
        parameters(intent(gpus=9, nodes=2))


def test_two_submissions_of_one_key_run_once(intent: Make, tmp_path: Path) -> None:
    """By submitit's LocalExecutor, as two processes that both think they launch."""
    wanted = intent(f"echo $DATAWALL_LAUNCH_KEY >> {tmp_path / 'marks'}")
    here = Slurm(tmp_path / "jobs", cluster="local")
    executor = here._executor(wanted)
    words = (str(wanted.manifest_path), str(here.folder / wanted.key), wanted.environment())
    both = [executor.submit(slurm.run_job, *words) for _ in range(2)]
    for job in both:
        job.exception()  # waits for its end
    assert (tmp_path / "marks").read_text() == "datawall-abcd1234\n"
    found = here.find(wanted)
    assert found is not None
    assert found.state == "succeeded"


def test_a_closed_key_never_runs(intent: Make, tmp_path: Path) -> None:
    wanted = intent(f"touch {tmp_path / 'mark'}")
    here = Slurm(tmp_path / "jobs", cluster="local")
    here.cancel(wanted)
    executor = here._executor(wanted)
    words = (str(wanted.manifest_path), str(here.folder / wanted.key), wanted.environment())
    assert executor.submit(slurm.run_job, *words).exception() is not None
    assert not (tmp_path / "mark").exists()


def test_without_sbatch_it_is_refused(
    intent: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaunchRefused, match="no sbatch"):
        Slurm(tmp_path / "jobs").submit(intent())


def test_what_squeue_and_sacct_say(
    intent: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands that answer as Slurm's do, from a folder at the front of PATH."""
    said = {
        "squeue": "41|datawall-abcd1234|RUNNING\n42|somebody else's|PENDING",
        "sacct": "41|datawall-abcd1234|RUNNING\n40|datawall-00000000|CANCELLED by 0",
    }
    for name, text in said.items():
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\ncat <<"END"\n{text}\nEND\n')
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    here = Slurm(tmp_path / "jobs")
    assert [(job.key, job.external_id, job.state) for job in here.jobs()] == [
        ("datawall-abcd1234", "41", "running"), ("datawall-00000000", "40", "cancelled"),
    ]  # fmt: skip
    found = here.find(intent())
    assert found is not None
    assert (found.external_id, found.state) == ("41", "running")
