"""Every law by name: what computes, what refuses, and clouds of fits through all of them."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import LawCannotAnswer, LawUnknown, RecordInvalid
from models.laws import registry
from models.laws.fits import FitRow, with_cloud

COMPUTABLE = [name for name, entry in registry.ENTRIES.items() if entry.build]
REFUSING = [name for name, entry in registry.ENTRIES.items() if not entry.build]
BUDGETS = np.array([1e20, 5.76e23, 5e28])


@pytest.mark.parametrize("name", COMPUTABLE)
def test_computable_laws_build_from_the_catalogue(name: str, fits: dict[str, FitRow]) -> None:
    law = registry.law(name, fits)
    own = registry.fits_of(name, fits)[0]
    assert law.range_flop == own.range_flop


@pytest.mark.parametrize("name", REFUSING)
def test_a_law_without_constants_says_what_is_missing(name: str, fits: dict[str, FitRow]) -> None:
    entry = registry.entry(name)
    assert entry.status in {"constants unverified", "conversion"}
    with pytest.raises(LawCannotAnswer, match=f"law {name} computes nothing: ") as error:
        registry.law(name, fits)
    assert entry.refusal in str(error.value)


@pytest.mark.parametrize("name", COMPUTABLE)
def test_every_entry_names_fits_there_are(name: str, fits: dict[str, FitRow]) -> None:
    assert registry.ENTRIES[name].fits
    assert set(registry.ENTRIES[name].fits) <= set(fits)


def test_every_fit_belongs_to_an_entry(fits: dict[str, FitRow]) -> None:
    used = {reference for entry in registry.ENTRIES.values() for reference in entry.fits}
    assert set(fits) == used


@pytest.mark.parametrize("name", registry.DEMAND)
def test_the_ensemble_answers_tokens_for_every_budget(name: str, fits: dict[str, FitRow]) -> None:
    law = registry.law(name, fits)
    tokens = law.optimal_tokens(BUDGETS)
    best = law.optimum(BUDGETS)
    assert tokens.shape == BUDGETS.shape
    assert (np.diff(tokens) > 0).all()
    assert 6 * best.params * best.tokens == pytest.approx(BUDGETS, rel=1e-12)


def test_the_ensemble_disagrees_several_fold(fits: dict[str, FitRow]) -> None:
    """Tokens at 5e28 FLOP: 262T (DeepSeek) to 771T (Llama 3), a factor of three."""
    tokens = [float(registry.law(n, fits).optimal_tokens(5e28)) for n in registry.DEMAND]
    assert min(tokens) == pytest.approx(2.618e14, rel=1e-3)
    assert max(tokens) == pytest.approx(7.709e14, rel=1e-3)


@pytest.mark.parametrize("name", ["besiroglu", "muennighoff_hybrid", "muennighoff_data_only"])
def test_a_cloud_reaches_every_law_built_from_its_fit(name: str, fits: dict[str, FitRow]) -> None:
    """Draws of shape (draw, 1) against budgets (year,) answer in (draw, year)."""
    cloud = {"A": np.array([[482.01], [400.0]]), "alpha": np.array([[0.3478], [0.34]])}
    drawn = registry.law(name, with_cloud(fits, "besiroglu:published", cloud))
    answer = drawn.optimum(BUDGETS, 1e13)
    assert answer.tokens.shape == answer.loss_nats.shape == (2, 3)
    fixed = registry.law(name, fits).optimum(BUDGETS, 1e13)
    assert answer.tokens[0] == pytest.approx(fixed.tokens)
    assert answer.loss_nats[0] == pytest.approx(fixed.loss_nats)


def test_unknown_names_are_helped() -> None:
    with pytest.raises(LawUnknown, match="did you mean besiroglu"):
        registry.entry("besiroglou")
    with pytest.raises(LawUnknown, match="datawall forecast"):
        registry.entry("epoch_stock")


def test_a_missing_fit_is_named() -> None:
    with pytest.raises(RecordInvalid, match="besiroglu:published"):
        registry.law("besiroglu", {})


def test_other_names_reach_the_same_law() -> None:
    assert registry.entry("severity") is registry.entry("muennighoff")
    assert not set(registry.ALIASES) & set(registry.ENTRIES)
    assert set(registry.ALIASES.values()) <= set(registry.ENTRIES)
