"""Every reference figure of a law, through the public interface: registry, laws and severity.

The figures lie outside the repository; the coefficients under test are the warehouse's own rows. A
row is computed here, or counted under the reason why another part answers it; none is left out.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from models.errors import LawCannotAnswer
from models.laws import registry
from models.laws.chinchilla import Chinchilla, rule_of_thumb_penalty
from models.laws.counting import total_params
from models.laws.entropy import bits_per_token
from models.laws.fits import FitRow, chosen
from models.laws.inference import inference_optimum
from models.laws.profit import profit_overtraining
from models.laws.sparsity import exponent_of_anchor, sparsity_factor
from models.quantities import FLOP_PER_PARAM_TOKEN
from models.severity import severity

ROOT = Path(__file__).parents[2]
CHECKS = ROOT / ".." / "shared" / "facts" / "law_checks.csv"
FITS = ROOT / "warehouse" / "seeds" / "law_fits.csv"

pytestmark = pytest.mark.skipif(
    not CHECKS.exists(), reason="the reference figures (../shared/facts/law_checks.csv) are absent"
)

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Laws:
    """The laws under test, by name, from the rows of law_fits."""

    fits: dict[str, FitRow]

    def __getitem__(self, name: str) -> Any:
        return registry.law(name, self.fits)

    def row(self, reference: str) -> FitRow:
        return chosen(self.fits, reference)


Evaluator = Callable[[Laws, Inputs], Any]


def _all() -> list[dict[str, str]]:
    if not CHECKS.exists():
        return []
    with CHECKS.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _label(row: dict[str, str]) -> str:
    return f"{row['law']}: {row['quantity']} {row['inputs']}"


@pytest.fixture(scope="module")
def laws() -> Laws:
    if not FITS.exists():
        pytest.fail(f"{FITS.relative_to(ROOT)} is missing; the published fits are its rows")
    with FITS.open(newline="", encoding="utf-8") as lines:
        rows = [
            FitRow(
                law=row["law"],
                fit=row["fit"],
                coefficients=json.loads(row["coefficients"]),
                standard_errors=json.loads(row["standard_errors"]),
                intervals={k: tuple(v) for k, v in json.loads(row["intervals"]).items()},
                points=int(row["points"]) if row["points"] else None,
            )
            for row in csv.DictReader(lines)
        ]
    return Laws({row.reference: row for row in rows})


def _constant(reference: str, key: str) -> Evaluator:
    return lambda laws, _: laws.row(reference).coefficients[key]


def _error(reference: str, key: str) -> Evaluator:
    return lambda laws, _: laws.row(reference).standard_errors[key]


def _end(reference: str, key: str, end: int) -> Evaluator:
    return lambda laws, _: laws.row(reference).intervals[key][end]


def _best(name: str, part: str) -> Evaluator:
    return lambda laws, i: getattr(laws[name].optimum(i["C"]), part)


def _loss(name: str) -> Evaluator:
    return lambda laws, i: laws[name].loss(i.get("N", np.inf), i.get("D", np.inf))


def _tabulated(name: str) -> dict[str, Evaluator]:
    return {"optimal tokens for N": lambda laws, i: laws[name].tokens_for_params(i["N"])}


def _exponents(name: str) -> dict[str, Evaluator]:
    return {
        "exponent a (N_opt ~ C^a)": _constant(f"{name}:table_2", "a"),
        "exponent b (D_opt ~ C^b)": _constant(f"{name}:table_2", "b"),
    }


def _cost(law: str, part: str) -> Evaluator:
    def evaluate(laws: Laws, given: Inputs) -> Any:
        return getattr(severity(laws[law], given["C"], given["U"], 4.6), part)

    return evaluate


def _ratio_by_shortage(laws: Laws, given: Inputs) -> Any:
    unique, law = 1e13, laws["muennighoff"]
    compute = law.base.compute_for_tokens(given["s"] * unique)
    return severity(law, compute, unique, 4.6).compute_ratio


def _rise_of_tokens_per_param(laws: Laws, given: Inputs) -> Any:
    law, unique = laws["muennighoff"], 1e13

    def excess(log_compute: float) -> float:
        return float(law.optimum(10**log_compute, unique).epochs - given["epochs"])

    compute = 10 ** brentq(excess, 24, 31, xtol=1e-10)
    best = law.optimum(compute, unique).tokens_per_param
    return best / law.base.optimum(compute).tokens_per_param


def _multiple(laws: Laws, given: Inputs) -> Any:
    return laws["muennighoff"].effective_tokens(1e12, float(given["epochs"])) / 1e12


def _params_ceiling(laws: Laws, _: Inputs) -> Any:
    law = laws["muennighoff"]
    return law.effective_params(np.inf, 1e12) / law.base.params_for_tokens(1e12)


def _multiplier(name: str, part: str) -> Evaluator:
    def evaluate(laws: Laws, given: Inputs) -> Any:
        law = laws[name]
        return getattr(law.optimum(1e21 * given["k"]), part) / getattr(law.optimum(1e21), part)

    return evaluate


def _hoffmann(reference: str, part: str) -> Evaluator:
    def evaluate(laws: Laws, given: Inputs) -> Any:
        law = Chinchilla.from_fit(laws.row(reference).coefficients)
        return getattr(law.optimum(given["C"]), part)

    return evaluate


def _served(part: str) -> Evaluator:
    def evaluate(laws: Laws, given: Inputs) -> Any:
        law = laws["sardana"]
        loss = law.loss(given["N_ref"], law.tokens_for_params(given["N_ref"]))
        return getattr(inference_optimum(law, loss, given["D_inf"]), part)

    return evaluate


C_CHAIN = 5e28  # FLOP of the founding comments' chain


def _chain(laws: Laws, factor: float) -> Any:
    """The chain's run: sparse at 1:32 with the comment's own factor 6, times another factor."""
    return laws["nesov_chain"].demand(
        C_CHAIN, sparsity=31 / 32, sparsity_exponent=0.0, overtraining=6 * factor
    )


def _at_700(laws: Laws) -> Any:
    return _chain(laws, 700 / float(_chain(laws, 1.0).tokens_per_param))


def _chain_with_law_repetition(laws: Laws, _: Inputs) -> Any:
    """The repetition factor from the data-constrained law at the 30 epochs the comment names."""
    return _chain(laws, float(_rise_of_tokens_per_param(laws, {"epochs": 30}))).tokens_per_param


def _gpt4_tokens() -> float:
    return 2e25 / FLOP_PER_PARAM_TOKEN / 260e9


B, M, K = "besiroglu", "muennighoff", "kaplan_alloc"
PUBLISHED, CONVERGED = "besiroglu:published", "besiroglu:converged"
SYMBOLS = ("A", "B", "E", "alpha", "beta")
EVALUATORS: dict[str, dict[str, Evaluator]] = {
    "kaplan_L_N": {
        "exponent alpha_N": _constant("kaplan_L_N:published", "alpha"),
        "loss at N non-embedding, D unlimited": _loss("kaplan_L_N"),
    },
    "kaplan_L_D": {
        "exponent alpha_D": _constant("kaplan_L_D:published", "alpha"),
        "loss at D tokens, N unlimited": _loss("kaplan_L_D"),
    },
    "kaplan_L_Cmin": {"exponent alpha_C_min": _constant("kaplan_L_Cmin:published", "alpha")},
    "kaplan_joint": {
        "alpha_D of joint fit L(N,D)": _constant("kaplan_joint:published", "alpha_D"),
        "loss L(N,D)": _loss("kaplan_joint"),
    },
    K: {
        "N multiplier for 10x compute": _multiplier(K, "params"),
        "D multiplier for 10x compute": _multiplier(K, "tokens"),
        "N_opt = 1.3e9*(C/8.64e19)^0.73": _best(K, "params"),
    },
    "hoffmann_approach1": _exponents("hoffmann_approach1"),
    "hoffmann_approach2": _exponents("hoffmann_approach2"),
    "hoffmann_table3_approach1": _tabulated("hoffmann_table3_approach1"),
    "hoffmann_tableA3_approach2": _tabulated("hoffmann_tableA3_approach2"),
    "hoffmann_tableA3_approach3": _tabulated("hoffmann_tableA3_approach3"),
    "hoffmann_approach3": {
        **_exponents("hoffmann_approach3"),
        **{symbol: _constant("hoffmann_approach3:rounded", symbol) for symbol in SYMBOLS},
        "N_opt at Gopher budget, rounded 406.4,410.7,1.69,0.34,0.28": (
            _hoffmann("hoffmann_approach3:rounded", "params")
        ),
        "D_opt/N_opt at Gopher budget, rounded 406.4,410.7,1.69,0.34,0.28": (
            _hoffmann("hoffmann_approach3:rounded", "tokens_per_param")
        ),
        "D_opt/N_opt at Gopher budget, unrounded "
        "exp(6.0073404),exp(6.0179186),exp(0.5267228),0.33917084,0.2849083": (
            _best("hoffmann_approach3", "tokens_per_param")
        ),
        "loss Chinchilla": lambda laws, i: Chinchilla.from_fit(
            laws.row("hoffmann_approach3:rounded").coefficients
        ).loss(i["N"], i["D"]),
    },
    B: {
        **{f"point estimate {symbol}": _constant(PUBLISHED, symbol) for symbol in SYMBOLS},
        **{f"bootstrap standard error {symbol}": _error(PUBLISHED, symbol) for symbol in SYMBOLS},
        "number of points after dropping the 5 highest losses": (
            lambda laws, _: laws.row(PUBLISHED).points
        ),
        "a = beta/(alpha+beta)": lambda laws, _: laws[B].params_exponent,
        "b = alpha/(alpha+beta)": lambda laws, _: laws[B].tokens_exponent,
        "N_opt": _best(B, "params"),
        "D_opt": _best(B, "tokens"),
        "optimal loss": _best(B, "loss_nats"),
        "tokens per parameter": _best(B, "tokens_per_param"),
        "loss Gopher": _loss(B),
        "loss Llama 3.1 405B": _loss(B),
        "E in bits per token (the essay calls 1.82 bits; the unit is nats)": (
            lambda laws, i: bits_per_token(i["E"])
        ),
    },
    "besiroglu_refit": {
        f"converged global minimum {symbol}": _constant(CONVERGED, symbol) for symbol in SYMBOLS
    },
    "besiroglu_bootstrap": {
        f"95% CI {side} {symbol}": _end(CONVERGED, symbol, end)
        for symbol in ("A", "B", "E", "alpha", "beta", "a")
        for end, side in enumerate(("lower", "upper"))
    },
    "llama3": {
        "alpha of D*(C)=A*C^alpha, rounded text value": _constant("llama3:printed", "alpha"),
        "A, rounded text value": _constant("llama3:printed", "A"),
        "recommended tokens": _best("llama3", "tokens"),
        "recommended parameters": _best("llama3", "params"),
        "D* with unrounded pair (A=0.299, alpha=0.537)": _best("llama3", "tokens"),
        "D* with rounded pair (A=0.29, alpha=0.53): the trap value": (
            _best("llama3_printed", "tokens")
        ),
        "growth of tokens/param per 1000x compute, alpha=0.53": (
            _multiplier("llama3_printed", "tokens_per_param")
        ),
        "tokens per parameter of the recommendation": lambda _, i: i["D"] / i["N"],
        "6ND of the recommendation (not equal to the 3.8e25 budget)": (
            lambda _, i: FLOP_PER_PARAM_TOKEN * i["N"] * i["D"]
        ),
    },
    "llama3_digitised_surface": {
        "D_opt from surface E=0.6047,A=59.1,B=155.1,alpha=0.3100,beta=0.3136": (
            _best("llama3_digitised_surface", "tokens")
        ),
        "D_opt": _best("llama3_digitised_surface", "tokens"),
    },
    "deepseek": {
        "M_opt non-embedding FLOP/token": lambda laws, i: laws["deepseek"].flop_per_token(i["C"]),
        "D_opt tokens": _best("deepseek", "tokens"),
        "M_opt*D_opt/C identity": lambda laws, i: (
            laws["deepseek"].flop_per_token(i["C"])
            * laws["deepseek"].optimal_tokens(i["C"])
            / i["C"]
        ),
        "exponent a, early data": _constant("deepseek:data_quality", "a_early"),
        "exponent a, current data": _constant("deepseek:data_quality", "a_current"),
        "exponent a, OpenWebText2": _constant("deepseek:data_quality", "a_openwebtext2"),
    },
    "gadre": {
        f"refit {symbol} {data}": _constant(f"gadre:{data.lower()}", symbol)
        for data in ("C4", "RedPajama", "RefinedWeb")
        for symbol in ("a", "b", "eta", "E")
    },
    "pearce": {
        "total params from non-embedding: N + 47491*N^(1/3)": lambda laws, i: total_params(
            i["N_nonemb"], laws.row("pearce:published").coefficients
        )
    },
    M: {
        "coefficient R_D*": lambda laws, _: laws[M].r_d_star,
        "coefficient R_N*": lambda laws, _: laws[M].r_n_star,
        "coefficient ln A": lambda laws, _: np.log(laws[M].base.A),
        "coefficient ln B": lambda laws, _: np.log(laws[M].base.B),
        "coefficient ln E": lambda laws, _: np.log(laws[M].base.E),
        "coefficient alpha=beta": lambda laws, _: laws[M].base.alpha,
        "coefficient B": lambda laws, _: laws[M].base.B,
        "coefficient E": lambda laws, _: laws[M].base.E,
        "effective data multiplier D_eff/U": _multiple,
        "ceiling of D_eff/U": _multiple,
        "ceiling of N_eff/U_N": _params_ceiling,
        "loss at that optimum": lambda laws, i: laws[M].optimum(i["C"], i["U"]).loss_nats,
        "tokens of the published repeat-aware run (6.34B params)": (
            lambda laws, i: laws[M].optimum(i["C"], i["U"]).tokens
        ),
        "loss of 6.34B/242B on 25B unique": lambda laws, i: laws[M].loss(i["N"], i["D"], i["U"]),
        "tokens/param relative to no repetition when the optimum uses this many epochs": (
            _rise_of_tokens_per_param
        ),
        "epochs at which D_eff reaches 5x unique": (
            lambda laws, i: laws[M].epochs_for_multiplier(i["target"])
        ),
    },
    "krajewski": {"loss, N=1e9 D=2e10 G=8": _loss("krajewski")},
    "abnar_comment": {
        **{
            f"tokens/param factor at {share} sparsity ({ratio})": lambda laws, i: sparsity_factor(
                i["sparsity"], laws.row("abnar_comment:published").coefficients["w"]
            )
            for share, ratio in (("87%", "1:8"), ("97%", "1:32"))
        },
        "power p in factor=(E/K)^p from the 1:8 anchor": lambda *_: exponent_of_anchor(3, 7 / 8),
        "power p from the 1:32 anchor": lambda *_: exponent_of_anchor(6, 31 / 32),
    },
    "sardana": {
        "inference-aware N": _served("params"),
        "inference-aware D": _served("tokens"),
        "inference-aware N under A=406.4,B=410.7,E=1.69,alpha=0.336,beta=0.283": _served("params"),
        "fraction of total FLOP saved": _served("saved"),
    },
    "epoch_profit": {
        "overtraining degree at fixed training compute": (
            lambda laws, i: profit_overtraining(laws["epoch_profit"], i["r"], i["h"])
        )
    },
    "overtraining_penalty": {
        "C/Ceq under the replication law": (
            lambda laws, i: laws["overtraining_penalty"].overtraining_penalty(i["k"], i["C"])
        ),
        "rule of thumb k^(1/3)": lambda _, i: rule_of_thumb_penalty(i["k"]),
        "C/Ceq, symmetric law alpha=beta=0.3526596 (scale free)": (
            lambda laws, i: laws[M].base.overtraining_penalty(i["k"], 1e25)
        ),
    },
    "nesov_chain": {
        "tokens/param with factors 37*fc*6*2.5": (
            lambda laws, i: _chain(laws, i["rep"]).tokens_per_param
        ),
        "repetition factor needed for exactly 700": (
            lambda laws, _: 700 / _chain(laws, 1.0).tokens_per_param
        ),
        "tokens/param stated": _chain_with_law_repetition,
        "active params at 700 tokens/param": lambda laws, _: _at_700(laws).active_params,
        "active params stated": lambda laws, _: _at_700(laws).active_params,
        "tokens stated": lambda laws, _: _at_700(laws).tokens,
        "total params at 1:32": lambda laws, _: _at_700(laws).total_params,
        "total params stated": lambda laws, _: _at_700(laws).total_params,
        "unique tokens at 30 epochs": lambda laws, _: _at_700(laws).tokens / 30,
        "unique tokens stated": lambda laws, _: _at_700(laws).tokens / 30,
        "GPT-4: tokens at 2e25 FLOP, 260B active": lambda *_: _gpt4_tokens(),
        "GPT-4 tokens/param stated": lambda *_: _gpt4_tokens() / 260e9,
    },
    "epoch_dates": {
        "compute at which 20 tokens/param needs 4e14 tokens": (
            lambda laws, i: laws["epoch_dates"].compute_for_tokens(i["D"])
        ),
        "same with 5x overtraining and 3.2e14 tokens": (
            lambda laws, i: laws["epoch_dates"].compute_for_tokens(i["D"] / np.sqrt(i["k"]))
        ),
    },
    "epoch_toy": {
        "reducible-loss plateau at D=3e14": _loss("epoch_toy"),
        "compute-optimal equivalent of the plateau": lambda laws, i: laws[
            "epoch_toy"
        ].compute_for_loss(laws["epoch_toy"].loss(np.inf, i["D"])),
    },
    "severity": {
        "optimal epochs, law 6 self-consistent": (
            lambda laws, i: laws["severity"].optimum(i["C"], i["U"]).epochs
        ),
        **{
            f"{quantity}, {words}": _cost(law, part)
            for words, law in (
                ("law 6 self-consistent", M),
                ("law 3 coefficients with R_D*, R_N*", "muennighoff_hybrid"),
                ("law 3 coefficients with R_D* only", "muennighoff_data_only"),
            )
            for quantity, part in (
                ("excess loss (nats)", "loss_gap_nats"),
                ("compute-equivalent fraction Ceq/C", "compute_ratio"),
            )
        },
    },
    "severity_by_shortage": {
        "Ceq/C when unconstrained demand is s times the unique supply (law 6)": _ratio_by_shortage,
        "optimal epochs at shortage s (law 6)": (
            lambda laws, i: laws["severity_by_shortage"].optimal_epochs(i["s"])
        ),
    },
}
# Rows that another part answers, by law or by law and the quantity's first words.
FIT, FORECAST, CATALOGUE, NO_DATA = (
    "fitting: objectives and refits", "forecast: Monte Carlo of stock and dates",
    "catalogue: cited figures without a law", "needs runs that are not at hand",
)  # fmt: skip
ELSEWHERE = {
    ("besiroglu_refit", "converged global minimum objective"): FIT,
    ("besiroglu_refit", "objective at"): FIT,
    ("approach2_bias", ""): FIT,
    ("gadre", "relative error"): NO_DATA,
    ("llama3_digitised_surface", "Approach-2 inferred"): NO_DATA,
    ("epoch_stock", ""): FORECAST,
    ("epoch_stock_path", ""): FORECAST,
    ("epoch_demand", ""): FORECAST,
    ("epoch_dates", ""): FORECAST,
    ("epoch_2030", ""): CATALOGUE,
    ("epoch_growth", ""): CATALOGUE,
}
# Counts of rows: what this file computes, and what it leaves to whom.
COMPUTED = 216
LEFT = {FIT: 5, FORECAST: 41, CATALOGUE: 7, NO_DATA: 3}


def _elsewhere(row: dict[str, str]) -> str | None:
    return next(
        (
            why
            for (law, start), why in ELSEWHERE.items()
            if row["law"] == law and row["quantity"].startswith(start)
        ),
        None,
    )


def _is_computed(row: dict[str, str]) -> bool:
    return row["quantity"] in EVALUATORS.get(row["law"], {})


def test_every_row_is_computed_or_left_to_somebody() -> None:
    rows = _all()
    lost = [_label(row) for row in rows if not _is_computed(row) and _elsewhere(row) is None]
    assert not lost
    left = Counter(_elsewhere(row) for row in rows if not _is_computed(row))
    assert (len(rows) - left.total(), dict(left)) == (COMPUTED, LEFT)


def test_every_evaluator_has_its_row() -> None:
    seen = {(row["law"], row["quantity"]) for row in _all()}
    known = {(law, quantity) for law, part in EVALUATORS.items() for quantity in part}
    # Three ends of intervals are stored and have no row of their own.
    unused = {quantity for law, quantity in known - seen if law != "besiroglu_bootstrap"}
    assert not unused


def test_every_name_is_a_law_s_or_says_where_to_look() -> None:
    for name in {row["law"] for row in _all()}:
        assert name in {*registry.ENTRIES, *registry.ALIASES, *registry.ELSEWHERE}, name


def test_the_one_unverified_law_with_rows_refuses(laws: Laws) -> None:
    with pytest.raises(LawCannotAnswer, match="kaplan_L_Cmin computes nothing"):
        laws["kaplan_L_Cmin"]


@pytest.mark.parametrize("row", [row for row in _all() if _is_computed(row)], ids=_label)
def test_figure(laws: Laws, row: dict[str, str]) -> None:
    evaluate = EVALUATORS[row["law"]][row["quantity"]]
    seen = float(evaluate(laws, json.loads(row["inputs"])))
    expected, tolerance = float(row["expected"]), float(row["tolerance_relative"])
    assert seen == pytest.approx(expected, rel=tolerance, abs=0), row["source"]
