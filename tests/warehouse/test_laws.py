"""Fits of laws as read from the warehouse, and resampled fits of the package."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from flows.steps.prepare import ready
from flows.workspace import Workspace
from warehouse import catalogue
from warehouse.laws import fit_of_seed, read_clouds, read_law_fits


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("laws") / "workspace")


def test_fits_are_those_of_the_catalogue(place: Workspace) -> None:
    with ready(place) as connection:
        fits = read_law_fits(connection)
    seeds = catalogue.rows("law_fits")
    assert len(fits) == len(seeds) > 30
    origins = {row["origin_id"]: row for row in catalogue.rows("origins")}
    for row in seeds:
        expected = fit_of_seed(row, origins[row["origin_id"]])
        found = fits[expected.reference]
        for field in (
            "coefficients",
            "standard_errors",
            "intervals",
            "range_flop",
            "points",
            "url",
        ):
            assert getattr(found, field) == getattr(expected, field), (row["law"], field)


def test_fits_are_those_known_on_a_date(place: Workspace) -> None:
    with ready(place, date(2022, 12, 31)) as connection:
        fits = read_law_fits(connection)
    assert "hoffmann_approach3:rounded" in fits
    assert "besiroglu:published" not in fits


def test_resampled_fits_spread_as_published() -> None:
    """Standard errors of the published row, by 4,000 resamples with seed 42; arXiv:2404.10102."""
    row = next(
        r for r in catalogue.rows("law_fits") if (r["law"], r["fit"]) == ("besiroglu", "published")
    )
    fit = fit_of_seed(row, {"publisher": "", "title": "", "url": ""})
    cloud = read_clouds()["besiroglu"]
    assert set(cloud) == set(fit.coefficients)
    for symbol, error in fit.standard_errors.items():
        assert cloud[symbol].shape == (4000,)
        assert np.std(cloud[symbol]) == pytest.approx(error, rel=0.01), symbol


def test_seeds_folder_holds_nothing_else() -> None:
    folder = Path(catalogue.__file__).parent / "seeds" / "law_clouds"
    laws = {row["law"] for row in catalogue.rows("law_fits")}
    assert {path.stem for path in folder.iterdir()} <= laws
