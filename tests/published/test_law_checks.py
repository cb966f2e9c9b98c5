"""Every reference figure of the two laws and of severity, through the public interface.

The figures lie outside the repository; the coefficients under test are the warehouse's own rows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from models.laws.chinchilla import Chinchilla, rule_of_thumb_penalty
from models.laws.data_constrained import DataConstrained
from models.laws.entropy import bits_per_token
from models.severity import severity

ROOT = Path(__file__).parents[2]
CHECKS = ROOT / ".." / "shared" / "facts" / "law_checks.csv"
FITS = ROOT / "warehouse" / "seeds" / "law_fits.csv"
LAWS = ("besiroglu", "muennighoff", "severity", "severity_by_shortage", "overtraining_penalty")

pytestmark = pytest.mark.skipif(
    not CHECKS.exists(), reason="the reference figures (../shared/facts/law_checks.csv) are absent"
)

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Laws:
    """The laws under test and the row of besiroglu's fit."""

    besiroglu: Chinchilla
    muennighoff: DataConstrained
    hybrid: DataConstrained
    data_only: DataConstrained
    row: dict[str, str]


Evaluator = Callable[[Laws, Inputs], Any]


def _rows() -> list[dict[str, str]]:
    if not CHECKS.exists():
        return []
    with CHECKS.open(newline="", encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row["law"] in LAWS]


def _label(row: dict[str, str]) -> str:
    return f"{row['law']}: {row['quantity']} {row['inputs']}"


@pytest.fixture(scope="module")
def laws() -> Laws:
    if not FITS.exists():
        pytest.fail(f"{FITS.relative_to(ROOT)} is missing; the published fits are its rows")
    with FITS.open(newline="", encoding="utf-8") as lines:
        fits = {row["law"]: row for row in csv.DictReader(lines) if row["fit"] == "published"}
    besiroglu = Chinchilla.from_fit(json.loads(fits["besiroglu"]["coefficients"]))
    muennighoff = DataConstrained.from_fit(json.loads(fits["muennighoff"]["coefficients"]))
    r_d, r_n = muennighoff.r_d_star, muennighoff.r_n_star
    return Laws(
        besiroglu,
        muennighoff,
        DataConstrained(besiroglu, r_d, r_n),
        DataConstrained(besiroglu, r_d, np.inf),
        fits["besiroglu"],
    )


def _standard_error(name: str) -> Evaluator:
    return lambda laws, _: json.loads(laws.row["standard_errors"])[name]


def _cost(law: str, part: str) -> Evaluator:
    def evaluate(laws: Laws, given: Inputs) -> Any:
        return getattr(severity(getattr(laws, law), given["C"], given["U"], 4.6), part)

    return evaluate


def _epochs(laws: Laws, given: Inputs) -> Any:
    return laws.muennighoff.optimum(given["C"], given["U"]).epochs


def _ratio_by_shortage(laws: Laws, given: Inputs) -> Any:
    unique = 1e13
    tokens = given["s"] * unique
    compute = 6 * laws.muennighoff.base.params_for_tokens(tokens) * tokens
    return severity(laws.muennighoff, compute, unique, 4.6).compute_ratio


def _rise_of_tokens_per_param(laws: Laws, given: Inputs) -> Any:
    law, unique = laws.muennighoff, 1e13

    def excess(log_compute: float) -> float:
        return float(law.optimum(10**log_compute, unique).epochs - given["epochs"])

    compute = 10 ** brentq(excess, 24, 31, xtol=1e-10)
    best = law.optimum(compute, unique).tokens_per_param
    return best / law.base.optimum(compute).tokens_per_param


def _multiple(laws: Laws, given: Inputs) -> Any:
    return laws.muennighoff.effective_tokens(1e12, float(given["epochs"])) / 1e12


def _params_ceiling(laws: Laws, _: Inputs) -> Any:
    law = laws.muennighoff
    return law.effective_params(np.inf, 1e12) / law.base.params_for_tokens(1e12)


BESIROGLU: dict[str, Evaluator] = {
    "point estimate E": lambda laws, _: laws.besiroglu.E,
    "point estimate A": lambda laws, _: laws.besiroglu.A,
    "point estimate B": lambda laws, _: laws.besiroglu.B,
    "point estimate alpha": lambda laws, _: laws.besiroglu.alpha,
    "point estimate beta": lambda laws, _: laws.besiroglu.beta,
    "bootstrap standard error A": _standard_error("A"),
    "bootstrap standard error B": _standard_error("B"),
    "bootstrap standard error E": _standard_error("E"),
    "bootstrap standard error alpha": _standard_error("alpha"),
    "bootstrap standard error beta": _standard_error("beta"),
    "number of points after dropping the 5 highest losses": lambda laws, _: laws.row["points"],
    "a = beta/(alpha+beta)": lambda laws, _: laws.besiroglu.params_exponent,
    "b = alpha/(alpha+beta)": lambda laws, _: laws.besiroglu.tokens_exponent,
    "N_opt": lambda laws, i: laws.besiroglu.optimum(i["C"]).params,
    "D_opt": lambda laws, i: laws.besiroglu.optimum(i["C"]).tokens,
    "optimal loss": lambda laws, i: laws.besiroglu.optimum(i["C"]).loss_nats,
    "tokens per parameter": lambda laws, i: laws.besiroglu.optimum(i["C"]).tokens_per_param,
    "loss Gopher": lambda laws, i: laws.besiroglu.loss(i["N"], i["D"]),
    "loss Llama 3.1 405B": lambda laws, i: laws.besiroglu.loss(i["N"], i["D"]),
    "E in bits per token (the essay calls 1.82 bits; the unit is nats)": (
        lambda laws, i: bits_per_token(i["E"])
    ),
}
MUENNIGHOFF: dict[str, Evaluator] = {
    "coefficient R_D*": lambda laws, _: laws.muennighoff.r_d_star,
    "coefficient R_N*": lambda laws, _: laws.muennighoff.r_n_star,
    "coefficient ln A": lambda laws, _: np.log(laws.muennighoff.base.A),
    "coefficient ln B": lambda laws, _: np.log(laws.muennighoff.base.B),
    "coefficient ln E": lambda laws, _: np.log(laws.muennighoff.base.E),
    "coefficient alpha=beta": lambda laws, _: laws.muennighoff.base.alpha,
    "coefficient B": lambda laws, _: laws.muennighoff.base.B,
    "coefficient E": lambda laws, _: laws.muennighoff.base.E,
    "effective data multiplier D_eff/U": _multiple,
    "ceiling of D_eff/U": _multiple,
    "ceiling of N_eff/U_N": _params_ceiling,
    "loss at that optimum": lambda laws, i: laws.muennighoff.optimum(i["C"], i["U"]).loss_nats,
    "tokens of the published repeat-aware run (6.34B params)": (
        lambda laws, i: laws.muennighoff.optimum(i["C"], i["U"]).tokens
    ),
    "loss of 6.34B/242B on 25B unique": (
        lambda laws, i: laws.muennighoff.loss(i["N"], i["D"], i["U"])
    ),
    "tokens/param relative to no repetition when the optimum uses this many epochs": (
        _rise_of_tokens_per_param
    ),
    "epochs at which D_eff reaches 5x unique": (
        lambda laws, i: laws.muennighoff.epochs_for_multiplier(i["target"])
    ),
}
SEVERITY: dict[str, Evaluator] = {
    "optimal epochs, law 6 self-consistent": _epochs,
    "excess loss (nats), law 6 self-consistent": _cost("muennighoff", "loss_gap_nats"),
    "compute-equivalent fraction Ceq/C, law 6 self-consistent": _cost(
        "muennighoff", "compute_ratio"
    ),
    "excess loss (nats), law 3 coefficients with R_D*, R_N*": _cost("hybrid", "loss_gap_nats"),
    "compute-equivalent fraction Ceq/C, law 3 coefficients with R_D*, R_N*": _cost(
        "hybrid", "compute_ratio"
    ),
    "excess loss (nats), law 3 coefficients with R_D* only": _cost("data_only", "loss_gap_nats"),
    "compute-equivalent fraction Ceq/C, law 3 coefficients with R_D* only": _cost(
        "data_only", "compute_ratio"
    ),
}
BY_SHORTAGE: dict[str, Evaluator] = {
    "Ceq/C when unconstrained demand is s times the unique supply (law 6)": _ratio_by_shortage,
    "optimal epochs at shortage s (law 6)": (
        lambda laws, i: laws.muennighoff.optimal_epochs(i["s"])
    ),
}
OVERTRAINING: dict[str, Evaluator] = {
    "C/Ceq under the replication law": (
        lambda laws, i: laws.besiroglu.overtraining_penalty(i["k"], i["C"])
    ),
    "rule of thumb k^(1/3)": lambda laws, i: rule_of_thumb_penalty(i["k"]),
    "C/Ceq, symmetric law alpha=beta=0.3526596 (scale free)": (
        lambda laws, i: laws.muennighoff.base.overtraining_penalty(i["k"], 1e25)
    ),
}
EVALUATORS = dict(
    zip(LAWS, (BESIROGLU, MUENNIGHOFF, SEVERITY, BY_SHORTAGE, OVERTRAINING), strict=True)
)


def test_every_figure_can_be_evaluated() -> None:
    rows = _rows()
    unknown = [_label(row) for row in rows if row["quantity"] not in EVALUATORS[row["law"]]]
    assert not unknown
    seen = {(row["law"], row["quantity"]) for row in rows}
    assert seen == {(law, quantity) for law in LAWS for quantity in EVALUATORS[law]}


@pytest.mark.parametrize("row", _rows(), ids=_label)
def test_figure(laws: Laws, row: dict[str, str]) -> None:
    evaluate = EVALUATORS[row["law"]].get(row["quantity"])
    if evaluate is None:
        pytest.fail(f"no way to evaluate {_label(row)}")
    seen = float(evaluate(laws, json.loads(row["inputs"])))
    expected, tolerance = float(row["expected"]), float(row["tolerance_relative"])
    assert seen == pytest.approx(expected, rel=tolerance, abs=0), row["source"]
