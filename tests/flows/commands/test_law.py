"""Law commands: the contract's shapes, marks beyond the fitted range, one clear sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows import cli

Ask = Callable[..., Result]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Ask a law in a workspace that has only the catalogue."""
    place: Path = tmp_path_factory.mktemp("laws") / "workspace"

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli.app, ["law", *args, "--workspace", str(place)])

    assert invoke("list").exit_code == 0
    return invoke


def answer(ask: Ask, *args: str) -> dict[str, Any]:
    result = ask(*args, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def refused(result: Result, code: int, *said: str) -> None:
    assert result.exit_code == code, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1 or code == 2, result.stderr
    assert "Traceback" not in result.output
    assert "Warning" not in result.output
    for words in said:
        assert words in result.stderr


def test_optimum_of_the_corrected_chinchilla_law(ask: Ask) -> None:
    found = answer(ask, "optimum", "besiroglu", "--compute", "5.76e23")
    assert {"params", "tokens", "tokens_per_param", "epochs", "loss_nats"} <= set(found)
    assert found["params"] == pytest.approx(7.2248703e10, rel=1e-6)
    assert found["loss_nats"] == pytest.approx(1.9744411, rel=1e-7)
    assert found["epochs"] == 1


def test_loss_and_bits(ask: Ask) -> None:
    found = answer(ask, "loss", "besiroglu", "--params", "405e9", "--tokens", "15.6e12")
    assert found["loss_nats"] == pytest.approx(1.8925851, rel=1e-7)
    assert found["loss_bits"] == pytest.approx(1.8925851 / 0.6931471806, rel=1e-7)
    repeated = answer(
        ask, "loss", "muennighoff", "--params", "6.34e9", "--tokens", "242e9", "--unique", "25e9"
    )  # fmt: skip
    assert repeated["loss_nats"] == pytest.approx(2.2256441, rel=1e-7)
    assert repeated["epochs"] == pytest.approx(9.68)


def test_penalty_in_its_three_forms(ask: Ask) -> None:
    limit = answer(ask, "penalty", "muennighoff", "--compute", "2e29", "--unique", "100e12")
    assert limit["compute_equivalent_ratio"] == pytest.approx(0.51719625, rel=1e-6)
    assert limit["loss_gap_nats"] == pytest.approx(0.0020282569, rel=1e-4)
    assert limit["compute_equivalent_flop"] == pytest.approx(2e29 * 0.51719625, rel=1e-6)
    over = answer(ask, "penalty", "besiroglu", "--overtraining", "10")
    assert over["compute_penalty"] == pytest.approx(1.5795822, rel=1e-6)
    assert over["compute_equivalent_flop"] is None
    best = answer(ask, "optimum", "besiroglu", "--compute", "1e25")
    model = answer(
        ask, "penalty", "besiroglu",
        "--params", str(best["params"]), "--tokens", str(best["tokens"]),
    )  # fmt: skip
    assert model["compute_equivalent_ratio"] == pytest.approx(1, rel=1e-9)


def test_demand_of_a_sparse_run(ask: Ask) -> None:
    dense = answer(ask, "demand", "llama3", "--compute", "3.8e25")
    assert dense["tokens"] == pytest.approx(1.6293522e13, rel=1e-6)
    assert dense["active_params"] == dense["total_params"]
    sparse = answer(ask, "demand", "llama3", "--compute", "3.8e25", "--sparsity", "0.96875")
    assert sparse["total_params"] == pytest.approx(32 * sparse["active_params"])
    rise = sparse["tokens_per_param"] / dense["tokens_per_param"]
    assert rise == pytest.approx(32 ** sparse["sparsity_exponent"])
    over = answer(ask, "demand", "llama3", "--compute", "3.8e25", "--overtraining", "4")
    assert over["tokens"] == pytest.approx(2 * dense["tokens"])


def test_an_allocation_has_no_loss(ask: Ask) -> None:
    assert answer(ask, "optimum", "llama3", "--compute", "1e22")["loss_nats"] is None
    refused(
        ask("loss", "llama3", "--params", "1e9", "--tokens", "1e10"), 5, "law llama3:", "besiroglu"
    )


def test_beyond_the_range_is_marked_noted_or_refused(ask: Ask) -> None:
    inside = ask("optimum", "besiroglu", "--compute", "1e21", "--json")
    assert inside.stderr == ""
    assert json.loads(inside.stdout)["extrapolated"] is False
    outside = ask("optimum", "besiroglu", "--compute", "5e28", "--json")
    assert json.loads(outside.stdout)["extrapolated"] is True
    assert json.loads(outside.stdout)["range_flop"] == [6e18, 1.3e22]
    assert "5e+28 FLOP extrapolates law besiroglu, fitted on 6e+18 to 1.3e+22" in outside.stderr
    meant = ask("optimum", "besiroglu", "--compute", "5e28", "--json", "--extrapolate")
    assert meant.stderr == ""
    assert meant.stdout == outside.stdout
    strict = ("optimum", "besiroglu", "--compute", "5e28", "--strict")
    refused(ask(*strict), 5, "law besiroglu:", "6e+18 to 1.3e+22 FLOP", "--strict")
    refused(ask(*strict, "--extrapolate"), 2, "exclude each other")
    assert answer(ask, "optimum", "deepseek", "--compute", "1e20")["extrapolated"] is True


@pytest.mark.parametrize("bad", ["-1", "0", "nan", "inf"])
def test_impossible_numbers_are_one_sentence(bad: str, ask: Ask) -> None:
    refused(ask("optimum", "besiroglu", "--compute", bad), 5, "law besiroglu: compute_flop is")
    refused(ask("demand", "llama3", "--compute", bad), 5, "law llama3: compute_flop is")
    refused(ask("optimum", "muennighoff", "--compute", bad, "--unique", "1e12"), 5, "compute_flop")


@pytest.mark.parametrize("bad", ["-1", "0", "nan"])
def test_impossible_models_are_one_sentence(bad: str, ask: Ask) -> None:
    refused(ask("loss", "besiroglu", "--params", bad, "--tokens", "1e12"), 5, "params is")
    refused(ask("loss", "besiroglu", "--params", "1e9", "--tokens", bad), 5, "tokens is")
    refused(
        ask("loss", "besiroglu", "--params", "1e9", "--tokens", "1e9", "--unique", bad), 5, "unique"
    )
    refused(ask("penalty", "besiroglu", "--overtraining", bad), 5, "overtraining is")


def test_infinity_stands_for_unlimited(ask: Ask) -> None:
    free = ("optimum", "besiroglu", "--compute", "1e22")
    assert answer(ask, *free, "--unique", "inf") == answer(ask, *free)
    endless = answer(ask, "loss", "besiroglu", "--params", "1e9", "--tokens", "inf")
    assert endless["tokens"] is None
    assert endless["loss_nats"] == pytest.approx(1.8172 + 482.01 * 1e9**-0.3478)


def test_text_and_missing_options_are_usage(ask: Ask) -> None:
    refused(ask("optimum", "besiroglu", "--compute", "much"), 2, "--compute")
    refused(ask("optimum", "besiroglu"), 2, "--compute or --loss")
    refused(ask("penalty", "besiroglu", "--params", "1e9"), 2, "--tokens")
    refused(ask("penalty", "besiroglu", "--overtraining", "2", "--unique", "1"), 2, "alone")
    refused(ask("optimum", "besirogul", "--compute", "1e22"), 2, "did you mean besiroglu")


def test_a_sparsity_of_one_is_refused(ask: Ask) -> None:
    refused(ask("demand", "llama3", "--compute", "1e22", "--sparsity", "1"), 5, "sparsity is 1")


def test_unverified_laws_are_listed_and_compute_nothing(ask: Ask) -> None:
    laws = {law["name"]: law for law in answer(ask, "list")["laws"]}
    assert laws["clark"]["status"] == "constants unverified"
    assert laws["clark"]["answers"] == []
    assert laws["besiroglu"]["answers"] == ["loss", "optimum", "penalty", "demand"]
    refused(ask("optimum", "clark", "--compute", "1e22"), 5, laws["clark"]["refusal"])
    shown = answer(ask, "show", "clark")
    assert "log L" in shown["description"]


def test_show_gives_coefficients_with_their_uncertainty(ask: Ask) -> None:
    fit = answer(ask, "show", "besiroglu")["fits"][0]
    assert fit["coefficients"]["A"] == 482.01
    assert fit["standard_errors"]["A"] == 124.52
    assert fit["url"].startswith("https://arxiv.org/")
    shown = ask("show", "hoffmann_approach1").stdout
    assert "[0.488, 0.502] at 80%" in shown
    assert "Table 3" in shown


def test_the_least_compute_of_a_loss(ask: Ask) -> None:
    found = answer(ask, "optimum", "besiroglu", "--loss", "1.9744411084")
    assert found["compute_flop"] == pytest.approx(5.76e23, rel=1e-6)
    refused(ask("optimum", "besiroglu", "--loss", "1.8172"), 5, "irreducible")


def test_use_makes_the_best_model_smaller(ask: Ask) -> None:
    """Sardana et al. 2024: 30B quality with 5T tokens of use takes 16.4B on 3.27T."""
    loss = answer(ask, "loss", "sardana", "--params", "30e9", "--tokens", "9.99e11")["loss_nats"]
    found = answer(ask, "optimum", "sardana", "--loss", str(loss), "--inference-tokens", "5e12")
    usual = answer(ask, "optimum", "sardana", "--loss", str(loss))
    assert found["params"] < usual["params"]
    assert found["tokens"] > usual["tokens"]
    assert 0 < found["saved"] < 1
    refused(
        ask("optimum", "muennighoff", "--compute", "1e22", "--inference-tokens", "1e12"), 5,
        "sardana",
    )  # fmt: skip


def test_resampled_fits_give_intervals(ask: Ask) -> None:
    """Bootstrap of the corrected Chinchilla law, 4,000 resamples: t at 5e28 FLOP 3.8 to 35.2."""
    found = answer(ask, "optimum", "besiroglu", "--compute", "5e28")["ci80"]
    assert found["tokens_per_param"] == pytest.approx([3.8, 35.2], rel=0.01)
    assert found["tokens"] == pytest.approx([177e12, 541e12], rel=5e-3)
    assert answer(ask, "optimum", "muennighoff", "--compute", "5e28")["ci80"] is None
    for args in (
        ("loss", "besiroglu", "--params", "1e9", "--tokens", "2e10"),
        ("penalty", "muennighoff_hybrid", "--compute", "2e29", "--unique", "1e14"),
        ("penalty", "besiroglu", "--overtraining", "10"),
        ("demand", "besiroglu", "--compute", "5e28"),
        ("demand", "llama3", "--compute", "5e28", "--sparsity", "0.9"),
    ):
        document = answer(ask, *args)
        for key, (low, high) in document["ci80"].items():
            assert low <= high
            if key in {"loss_nats", "tokens", "compute_equivalent_ratio"}:
                assert low <= document[key] * 1.01
                assert high >= document[key] * 0.99
