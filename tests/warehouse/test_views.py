"""Every view says its grain and units, and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from models.records import RejectedRow, TrainingRunRecord
from warehouse import catalogue, guards
from warehouse.claims import read_claims, read_frontier_runs, read_origins
from warehouse.connection import reader, set_known_at, writer
from warehouse.load import Artefact, load
from warehouse.migrate import migrate
from warehouse.publish import publish
from warehouse.read import views
from warehouse.statements import names, script

VIEWS = {name: name.split("_", 1)[1] for name in names("views")}


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory,
    artefact: Callable[..., Artefact],
    model: Callable[..., TrainingRunRecord],
    plant: Callable[..., None],
    now: datetime,
) -> Path:
    """A published copy with something in every table."""
    folder = tmp_path_factory.mktemp("full")
    runs = (model("A"), model("B", base_model="A"))
    files = [
        artefact("2024-01-01", {"a": 1}, runs=runs, rejected=(RejectedRow(1, "odd", "x"),)),
        artefact("2024-02-01", {"a": 2, ("a", "new_urls"): 1}, runs=runs),
    ]
    with writer(folder / "w.duckdb") as connection:
        migrate(connection)
        catalogue.load(connection)
        guards.set_band(connection, "epoch_models", 0.5, 1.0, "tests", "", now)
        load(connection, "epoch_models", files, now)
        with connection.begin():
            for table in ("forecast", "forecast_domain", "forecast_wall", "forecast_input"):
                plant(connection, table)
            plant(connection, "forecast_quantile", series="supply")
            plant(connection, "forecast_quantile", series="demand")
            plant(connection, "decision", gates='[{"gate": "supply of web", "passed": true}]')
            plant(connection, "ledger_head")
            plant(connection, "ledger_intent")
            plant(connection, "probe_result")
            plant(
                connection, "probe_claim", shape="fixed", status="derived", origin_id="abdin-2024"
            )
            plant(
                connection, "measured_factor", source="epoch_models", series="counts",
                known_at=date(2024, 2, 1), shape="fixed", status="measured",
                origin_id="abdin-2024",
            )  # fmt: skip
            for year in range(2015, 2020):
                plant(
                    connection, "inventory", source="epoch_models", series="counts",
                    known_at=date(2024, 2, 1), corpus_id="a", metric="new_urls", stage="raw",
                    valid_on=date(year, 12, 31), value=float(year), unit="urls", low=None,
                    high=None, ci_prob=None, status="published", origin_id="abdin-2024",
                )  # fmt: skip
            plant(
                connection, "law_cloud", law="besiroglu", fit="published",
                known_at=date(2024, 4, 30), coefficient="A", draws=[480.0, 490.0],
            )  # fmt: skip
            plant(connection, "planned_run", version=1)
            plant(connection, "planned_run", version=2)
            plant(connection, "planned_run", run="gone", withdrawn=True)
        publish(connection, folder / "published.duckdb")
    return folder / "published.duckdb"


@pytest.fixture
def copy(published: Path) -> Iterator[Connection]:
    with reader(published) as connection:
        yield connection


@pytest.mark.parametrize(("file", "view"), VIEWS.items(), ids=VIEWS.values())
def test_every_view_is_described_and_answers(file: str, view: str, copy: Connection) -> None:
    content = script("views", file)
    header = content[: content.index("CREATE OR REPLACE VIEW")]
    assert header.startswith(f"-- {view}: one row per ")
    assert "Units: " in header
    assert "Readers: " in header
    assert f"CREATE OR REPLACE VIEW {view} AS" in content
    assert copy.execute(text(f"SELECT * FROM {view}")).all()  # noqa: S608


def test_the_public_views_are_those_of_the_files(copy: Connection) -> None:
    assert views(copy) == sorted(view for view in VIEWS.values() if view.startswith("out_"))


GRAIN = {
    "out_launches": "launch_id",
    "out_spend": '"month", run',
    "out_gate_evidence": "decision_id, position",
    "core_vintage": "source, series, known_at",
    "core_vintage_state": "source, series, known_at",
    "core_vintage_total": "source, series, known_at, metric, stage",
    "out_new_by_year": "source, corpus_id, metric, stage, year",
    "out_stock_by_year": "source, corpus_id, metric, stage, year",
    "out_conversions": "corpus_id, metric, stage",
    "out_vintages": "source, series, known_at, metric, stage",
    "core_inventory_history": (
        "source, series, corpus_id, metric, stage, valid_on, known_at, "
        "CASE WHEN source = 'catalogue' THEN origin_id END"
    ),
    "core_corpus": "corpus_id",
    "core_growth": "corpus_id, metric, stage",
    "core_factor": "name",
    "core_probe_claim": "name",
    "core_measured_factor": "corpus_id, name",
    "core_stated_claim": "reference",
    "core_inventory_now": "source, corpus_id, metric, stage, valid_on, origin_id",
    "out_assumptions": "forecast_id, name",
    "out_claims": "reference",
    "out_corpora": "corpus_id",
    "out_data_wall": "forecast_id, domain, kind",
    "out_decisions": "decision_id",
    "out_demand": "forecast_id, domain, year",
    "out_forecasts": "forecast_id",
    "out_inventory": "corpus_id, metric, stage, valid_on, origin_id",
    "out_law_fits": "law, fit",
    "out_law_clouds": "law, fit, draw",
    "out_probe_results": "result_sha256",
    "out_quarantine": "source, series, known_at, line",
    "out_revisions": "source, series, corpus_id, metric, stage, valid_on, known_at",
    "out_runs": "run",
    "out_sources": "source",
    "out_supply": "forecast_id, domain, stage, year",
    "out_training_runs": "source, series, model, ordinal",
}


def test_no_view_repeats_its_grain(copy: Connection) -> None:
    assert set(GRAIN) == set(VIEWS.values())
    for view, grain in GRAIN.items():
        sql = f"SELECT {grain} FROM {view} GROUP BY ALL HAVING count(*) > 1"  # noqa: S608
        assert copy.execute(text(sql)).all() == [], view


def test_a_withdrawn_run_is_not_shown_and_an_old_plan_neither(copy: Connection) -> None:
    found = [tuple(row) for row in copy.execute(text("SELECT run, version FROM out_runs"))]
    assert found == [("word", 2)]


def test_a_source_shows_its_newest_vintage_and_last_attempt(
    copy: Connection, now: datetime
) -> None:
    row = copy.execute(text("FROM out_sources")).mappings().one()
    assert dict(row) == {
        "source": "epoch_models",
        "last_vintage": date(2024, 2, 1),
        "vintages": 2,
        "rows": 4,
        "quarantined": 1,
        "last_status": "loaded",
        "message": "2 of 2 file(s) new",
        "last_tried": now,
        "last_change": date(2024, 2, 1),
        "change": 1.0,
        "changed": "counts pages raw",
        "state": "accepted",
    }


def test_the_catalogue_can_be_read_as_claims(copy: Connection) -> None:
    claims = read_claims(copy)
    assert set(claims) == {row.reference for row in copy.execute(text("FROM out_claims"))}
    assert claims["factor:repetition_essay"].value == 5
    origins = read_origins(copy)
    assert {claim.origin_id for claim in claims.values()} <= set(origins)


def test_a_claim_names_the_newest_figure_or_one_origins(
    connection: Connection, plant: Callable[..., None]
) -> None:
    figure: dict[str, Any] = {
        "corpus_id": "c", "metric": "tokens", "stage": "raw", "low": None, "high": None,
        "ci_prob": None, "status": "published",
    }  # fmt: skip
    old, new = date(2020, 1, 1), date(2024, 1, 1)
    for source, origin, valid_on, value in (
        ("catalogue", "x", old, 1.0), ("catalogue", "y", new, 2.0), ("catalogue", "x", new, 3.0),
    ):  # fmt: skip
        plant(
            connection, "inventory", **figure, source=source, series=source, origin_id=origin,
            valid_on=valid_on, value=value, known_at=new,
        )  # fmt: skip
    claims = read_claims(connection)
    assert {name: claim.value for name, claim in claims.items()} == {
        "inventory:c.tokens.raw": 3.0,
        "inventory:c.tokens.raw#x": 3.0,
        "inventory:c.tokens.raw#y": 2.0,
    }
    # A range without a level cannot be drawn from.
    plant(
        connection, "inventory", **figure | {"low": 1.0, "high": 9.0}, source="catalogue",
        series="catalogue", origin_id="z", valid_on=new, value=4.0, known_at=new,
    )  # fmt: skip
    assert read_claims(connection)["inventory:c.tokens.raw#z"].shape == "fixed"


def test_past_runs_leave_out_fine_tuned_models(copy: Connection) -> None:
    found = read_frontier_runs(copy)
    assert found is not None
    assert found.published_on == (date(2023, 1, 1),)
    assert found.known_at == date(2024, 2, 1)
    set_known_at(copy, date(2023, 12, 31))
    assert read_frontier_runs(copy) is None
