"""A probe from its settings to the warehouse: files, refusals, resuming, import."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows import probe
from flows.errors import LaunchRefused, SourceChanged, SourceUnavailable, UsageError
from flows.probing.manifest import ProbeSettings, read_settings
from flows.steps.forecast import know
from flows.workspace import Workspace
from warehouse.connection import reader
from warehouse.probes import read_probe_results

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SIZE = ("width=16", "depth=1", "context=16", "batch=8", "held_out_share=0.2")
LENGTH = ("unique_tokens=4096", "epochs=2", "log_every=1", "checkpoint_every=10")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paragraphs of invented words, about 20 kB."""
    chance = np.random.default_rng(5)
    words = ["".join(map(chr, chance.integers(97, 123, 4))) for _ in range(40)]
    path = tmp_path_factory.mktemp("text") / "words.txt"
    path.write_text("\n\n".join(" ".join(chance.choice(words, 12)) for _ in range(350)))
    return path


@pytest.fixture
def train(corpus: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Train into a folder; returns exit code and what was said on standard error."""
    pytest.importorskip("torch", reason="torch is an optional extra: make probe")

    def run(out: Path, *words: str) -> tuple[int, str]:
        code = probe.main(
            ["--out", str(out), "run=small", f"corpus={corpus}", *SIZE, *LENGTH, *words]
        )
        return code, capsys.readouterr().err

    return run


Train = Callable[..., tuple[int, str]]


def _result(out: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((out / "result.json").read_text())
    return document


def test_a_run_leaves_curve_checkpoint_and_result(train: Train, tmp_path: Path) -> None:
    words = ("price_per_hour_usd=3.6", "evaluate_every=32", "budget_usd=5")
    assert train(tmp_path / "out", *words)[0] == 0
    result = _result(tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out/loss.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "training"] == list(range(1, 65))
    assert [row["step"] for row in rows if row["kind"] == "held_out"] == [32, 64]
    assert (result["tokens"], result["unique_tokens"], result["epochs"]) == (8192, 4096, 2.0)
    assert result["loss_nats"] == rows[-1]["loss_nats"] < 5
    assert result["cost_usd"] == pytest.approx(result["seconds"] * 0.001, rel=1e-3)
    # A token of text is a byte, and every document of about 59 adds one for its end.
    assert result["bits_per_byte"] == pytest.approx(
        result["loss_nats"] / np.log(2) * 60 / 59, rel=1e-3
    )
    assert (result["matmul_flop_per_s"] is None) == (result["device"] == "cpu")
    before = (tmp_path / "out/result.json").stat().st_mtime_ns
    assert train(tmp_path / "out", *words)[0] == 0
    assert (tmp_path / "out/result.json").stat().st_mtime_ns == before


def test_a_spent_budget_stops_and_more_goes_on_exactly(train: Train, tmp_path: Path) -> None:
    train(tmp_path / "whole")
    # So dear that the first step spends it.
    price = ("price_per_hour_usd=1e9", "budget_usd=0.001")
    code, said = train(tmp_path / "cut", *price)
    assert (code, "has spent its budget of 0.001 USD at step 1 of 64" in said) == (6, True)
    assert not (tmp_path / "cut/result.json").exists()
    assert train(tmp_path / "cut")[0] == 0
    whole, cut = _result(tmp_path / "whole"), _result(tmp_path / "cut")
    for key in ("weights_sha256", "loss_nats", "training_loss_nats", "tokens"):
        assert whole[key] == cut[key]
    assert (whole["attempts"], cut["attempts"]) == (1, 2)


def test_other_settings_or_text_are_refused(train: Train, tmp_path: Path, corpus: Path) -> None:
    stop = ("price_per_hour_usd=1e9", "budget_usd=0.001")
    train(tmp_path / "out", *stop)
    code, said = train(tmp_path / "out", "seed=1")
    assert (code, "holds a run with other settings" in said) == (6, True)
    changed = tmp_path / "changed.txt"
    changed.write_text(corpus.read_text().replace("a", "b"))
    code, said = train(tmp_path / "out", f"corpus={changed}")
    assert (code, "the text has changed since the checkpoint" in said) == (6, True)
    (tmp_path / "out/checkpoint.pt").write_bytes(b"torn")
    code, said = train(tmp_path / "out")
    assert (code, "delete it to start the run again" in said) == (7, True)


def test_a_folder_in_use_is_refused(train: Train, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from flows.probing.checkpoint import alone

    with alone(tmp_path / "out"):
        code, said = train(tmp_path / "out")
    assert (code, "another process trains in" in said) == (6, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("epoch=2",), "unknown key 'epoch'; did you mean 'epochs'?"),
        (("tokens=100",), "give two of unique_tokens, tokens, epochs"),
        (("params=1000",), "give params, or width and depth"),
        (("budget_usd=1",), "budget_usd needs price_per_hour_usd"),
        (("batch",), "there is no batch"),
        (("seed=-1",), "it must be at least 0, found -1"),
        (("run=Big Run",), "string should match pattern"),
        (("batch=4096",), "fill no batch of 4096"),
        (("unique_tokens=1000000",), "lower unique_tokens or add text"),
        (("corpus=/nowhere",), "there is no text at /nowhere"),
        (("device=tpu",), "input should be 'auto', 'cpu' or 'cuda'"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_bad_settings_end_with_one_sentence(
    words: tuple[str, ...], sentence: str, train: Train, tmp_path: Path
) -> None:
    if words == ("batch",):
        sentence = "cannot read probe file batch"
    code, said = train(tmp_path / "out", *words)
    assert code in (2, 3, 5)
    assert sentence in said
    assert len(said.splitlines()) == 1


def test_jsonl_and_folders_are_read(tmp_path: Path) -> None:
    from flows.probing.corpus import read_corpus

    lines = [json.dumps({"text": f"number {n} é", "url": "x"}) for n in range(500)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "b.txt").write_text("first paragraph\n\n\nsecond\n")
    (tmp_path / "c.bin").write_bytes(b"\xff")
    words = ["run=x", f"corpus={tmp_path}", *SIZE, "unique_tokens=1000", "epochs=1"]
    corpus = read_corpus(read_settings(None, words)[0])
    assert len(corpus.training) == 1001
    assert bytes(int(t) for t in corpus.training if t < 256).decode("utf-8", "ignore")[:6] != ""
    for content, sentence in (('{"texts": 1}', "line 501: expected"), ("{", "expected")):
        (tmp_path / "a.jsonl").write_text("\n".join([*lines, content]))
        with pytest.raises(SourceChanged, match=sentence):
            read_corpus(read_settings(None, words)[0])
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceChanged, match="is not UTF-8"):
        read_corpus(read_settings(None, words)[0])


def _approved(**changes: Any) -> dict[str, Any]:
    return {"run": "small", "payload": "…", "decision_id": "d1", "params": 7_216.0,
            "tokens": 8192.0, "budget_usd": 2.0} | changes  # fmt: skip


def test_a_launched_job_is_the_approved_one(tmp_path: Path, corpus: Path) -> None:
    path = tmp_path / "manifest.json"
    words = [f"corpus={corpus}", *SIZE, "unique_tokens=4096", "epochs=2", "price_per_hour_usd=1"]
    path.write_text(json.dumps(_approved()))
    settings, approved = read_settings(path, words)
    assert (settings.run, settings.budget_usd, approved["decision_id"]) == ("small", 2.0, "d1")
    with pytest.raises(LaunchRefused, match="run=other, the approved manifest small"):
        read_settings(path, [*words, "run=other"])
    for change in ({"params": 9e9}, {"tokens": 1e3}, {"tokens": None}):
        path.write_text(json.dumps(_approved(**change)))
        with pytest.raises(LaunchRefused, match="plan and approve it again"):
            read_settings(path, words)


def test_without_torch_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "flows.steps.probe", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match="make probe"):
        probe.load_step()


def test_results_enter_the_warehouse_once(train: Train, tmp_path: Path) -> None:
    from flows.steps.probe_import import import_probes

    for seed in (0, 1):
        assert train(tmp_path / f"runs/{seed}", f"seed={seed}")[0] == 0
    workspace = Workspace(tmp_path / "w")
    assert [i.status for i in import_probes(workspace, [tmp_path / "runs"], NOW)] == ["new"] * 2
    again = import_probes(workspace, [tmp_path / "runs/0", tmp_path / "runs/1"], NOW)
    assert [item.status for item in again] == ["unchanged"] * 2
    with reader(workspace.published) as connection:
        rows = read_probe_results(connection)
    assert sorted(row["seed"] for row in rows) == [0, 1]
    results = {seed: _result(tmp_path / f"runs/{seed}") for seed in (0, 1)}
    assert {row["seed"]: row["loss_nats"] for row in rows} == {
        seed: result["loss_nats"] for seed, result in results.items()
    }
    claim = know(workspace, date(2100, 1, 1)).claims["probe:small.loss_nats"]
    # Both runs have one name, so the one imported last stands.
    assert claim.value == results[1]["loss_nats"]
    assert claim.low is not None
    assert claim.high is not None
    assert claim.high - claim.low == pytest.approx(2 * 1.96 * results[1]["loss_se"], rel=1e-4)
    assert "probe:small.loss_nats" not in know(workspace, date(2026, 11, 21)).claims


def test_what_is_no_finished_run_is_not_imported(train: Train, tmp_path: Path) -> None:
    from flows.steps.probe_import import import_probes

    workspace = Workspace(tmp_path / "w")
    with pytest.raises(SourceUnavailable, match="holds no finished probe"):
        import_probes(workspace, [tmp_path / "none"], NOW)
    out = tmp_path / "out"
    assert train(out)[0] == 0
    with (out / "loss.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(SourceChanged, match="is not the loss curve"):
        import_probes(workspace, [out], NOW)
    (out / "result.json").write_text('{"run": "../../x"}')
    with pytest.raises(SourceChanged, match="is no probe's result"):
        import_probes(workspace, [out], NOW)
    assert not workspace.warehouse.exists()


def test_settings_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/probe.md").read_text("utf-8")
    for key, field in ProbeSettings.model_fields.items():
        empty = "none" if field.default in (None, "") else str(field.default)
        default = "required" if field.is_required() else empty
        assert f"| `{key}` | {default} | {field.description} |" in page
