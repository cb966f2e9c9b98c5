"""Where laws rather than data decide: how far laws differ, beside all else that is uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecasts.results import TOTAL
from forecasts.simulate import Worlds
from models.claims import Array
from models.laws.law import Law


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Laws beside data in one year. Tokens each law asks of a run of the median compute.

    spread: most over least of them. The shares divide Var ln(demand/supply), laws equally likely,
    into what laws, compute (size of the run and how the laws turn it into tokens) and supply cause.
    """

    year: int
    compute_flop: float
    tokens: dict[str, float]
    spread: float
    laws_share: float
    compute_share: float
    supply_share: float


def disagreement(
    worlds: Worlds, laws: Mapping[str, Law], years: Sequence[int]
) -> list[Disagreement]:
    """The map by year.

    Equation: ln(D_l(C)/S): between laws Var_l E[ln D_l(C)], compute E_l Var[ln D_l(C)],
              supply Var ln S; compute and supply are drawn independently
    Raises:   ScenarioInvalid where the scenario has no compute path
    """
    found = []
    for year in years:
        at = np.array([float(year)])
        compute = worlds.compute(at)[0]
        stock = worlds.supply(TOTAL, "effective", at)[0]
        wanted = np.log([_tokens(law, compute) for law in laws.values()])
        between = float(wanted.mean(axis=1).var())
        within = float(wanted.var(axis=1).mean())
        supply = float(np.log(stock[stock > 0]).var())
        whole = between + within + supply
        middle = float(np.median(compute))
        tokens = {name: float(_tokens(law, np.array(middle))) for name, law in laws.items()}
        found.append(
            Disagreement(
                year,
                middle,
                tokens,
                max(tokens.values()) / min(tokens.values()),
                *(part / whole if whole > 0 else 0.0 for part in (between, within, supply)),
            )
        )
    return found


def _tokens(law: Law, compute: Array) -> Array:
    return np.asarray(law.optimal_tokens(compute))
