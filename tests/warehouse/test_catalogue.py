"""The embedded catalogue: every row speaks the shared vocabulary, and its arithmetic holds."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from models.claims import Claim, quantiles
from models.records import (
    CorpusRecord,
    Domain,
    InventoryRecord,
    OriginRecord,
    Stage,
)

SEEDS = Path(__file__).parents[2] / "warehouse" / "seeds"
HEADERS = {
    "origins": "origin_id,kind,publisher,title,url,licence,published_on",
    "corpora": "corpus_id,name,domain,parent_corpus,access_class,information_origin,origin_id",
    "inventory": "corpus_id,metric,stage,valid_on,value,low,high,ci_prob,unit,status,basis,"
    "known_at,origin_id",
    "factors": "name,scope,shape,value,low,high,ci_prob,reflect_at,minimum,maximum,unit,status,"
    "basis,valid_on,known_at,origin_id",
    "law_fits": "law,fit,loss_unit,coefficients,standard_errors,intervals,range_low_flop,"
    "range_high_flop,points,status,basis,known_at,origin_id",
}
KEYS = {
    "origins": ("origin_id",),
    "corpora": ("corpus_id",),
    "inventory": ("corpus_id", "metric", "stage", "valid_on", "known_at", "origin_id"),
    "factors": ("name", "known_at"),
    "law_fits": ("law", "fit"),
}
# Factors the default scenarios draw, with the shape and numbers they must keep.
DRAWN = {
    "text_bytes_per_page": ("lognormal", None, 6100, 8200, 0.95),
    "bytes_per_token": ("lognormal", None, 2, 5, 0.95),
    "bytes_per_token_code": ("lognormal", None, 2.6, 3.0, 0.9),
    "tokens_per_word_essay": ("fixed", 1.3, None, None, None),
    "tokens_per_word": ("lognormal", None, 1.3, 1.4, 0.9),
    "tokens_per_book": ("lognormal", None, 95000, 246000, 0.9),
    "tokens_per_paper": ("lognormal", None, 5400, 9600, 0.9),
    "books_digitised_share": ("uniform", None, 0.12, 0.2, 0.9),
    "papers_open_share": ("uniform", None, 0.1, 0.3, 0.9),
    "web_quality": ("lognormal", None, 0.1, 0.4, 0.95),
    "code_filter_keep": ("lognormal", None, 0.0785, 0.1931, 0.9),
    "books_web_overlap": ("uniform", None, 0, 0.2, 0.9),
    "papers_web_overlap": ("uniform", None, 0, 0.3, 0.9),
    "web_text_growth": ("lognormal", None, 1.02, 1.04, 0.95),
    "web_page_growth": ("lognormal", None, 1.0, 1.1, 0.95),
    "books_growth": ("lognormal", None, 1.007, 1.02, 0.9),
    "papers_growth": ("lognormal", 1.042, 1.03, 1.055, 0.9),
    "code_growth": ("lognormal", None, 1.1, 1.25, 0.9),
    "encyclopedic_growth": ("lognormal", None, 1.025, 1.088, 0.9),
    "repetition_flat": ("lognormal", None, 2, 5, 0.95),
    "repetition_essay": ("fixed", 5, None, None, None),
    "synthetic_essay": ("fixed", 5, None, None, None),
    "synthetic_flat": ("uniform", None, 1.0, 1.86, 1.0),
    "repetition_r_star": ("lognormal", 15.387756, 8, 35, 0.9),
    "epoch_cap": ("lognormal", None, 4, 16, 0.9),
    "largest_dataset_2024": ("lognormal", None, 3e12, 1.3e13, 0.9),
    "dataset_growth": ("normal", None, 0.265, 0.483, 0.95),
    "dataset_growth_published": ("normal", 0.38, 0.27, 0.48, 0.95),
    "largest_training_compute": ("lognormal", 4.64e26, 2.3e26, 9.3e26, 0.9),
    "training_compute_growth": ("lognormal", 4.6, 3.6, 6.1, 0.9),
    "compute_ceiling_2030": ("lognormal", 2e29, 2e28, 2e30, 0.8),
    "compute_ceiling_growth": ("lognormal", None, 1.32, 4.0, 0.9),
    "tokens_per_param": ("lognormal", 25, 13, 45, 0.9),
    "tokens_per_param_drift": ("normal", 0.01, -0.0558, 0.0758, 0.9),
    "overtraining": ("lognormal", 2, 1, 8, 0.9),
    "share_web": ("lognormal", None, 0.351, 0.755, 0.9),
    "share_papers": ("lognormal", None, 0.145, 0.206, 0.9),
    "share_code": ("lognormal", None, 0.069, 0.17, 0.9),
    "share_books": ("uniform", None, 0, 0.143, 0.9),
    "share_math": ("lognormal", None, 0.026, 0.25, 0.9),
    "share_encyclopedic": ("lognormal", None, 0.00042, 0.0077, 0.9),
    "share_qa": ("uniform", None, 0, 0.05, 0.9),
    "share_legal": ("uniform", None, 0, 0.068, 0.9),
}
NEEDED_DOMAINS = {
    *("web", "books", "papers", "code", "encyclopedic", "qa", "legal", "news", "social"),
    "synthetic",
}
CITING = ("corpora", "inventory", "factors", "law_fits")
ESTIMATED = ("inventory", "factors", "law_fits")

Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(text: str) -> float | None:
    return float(text) if text else None


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def typed(row: Row, numbers: tuple[str, ...], days: tuple[str, ...]) -> dict[str, Any]:
    """The row with its numbers and dates read; blank is None."""
    return {
        **row,
        **{field: number(row[field]) for field in numbers},
        **{field: day(row[field]) for field in days},
    }


def claim(row: Row) -> Claim:
    numbers = ("value", "low", "high", "ci_prob", "reflect_at", "minimum", "maximum")
    fields = typed(row, numbers, ("valid_on", "known_at"))
    fields.pop("scope")
    return Claim(**fields)


def stock(row: Row) -> InventoryRecord:
    numbers = ("value", "low", "high", "ci_prob")
    return InventoryRecord(**typed(row, numbers, ("valid_on", "known_at")))


def one(name: str, /, **where: str) -> Row:
    """The newest row with these column values; corrections share its key but for known_at."""
    rows = [row for row in read(name) if all(row[k] == v for k, v in where.items())]
    things = {tuple(row[column] for column in KEYS[name] if column != "known_at") for row in rows}
    assert len(things) == 1, f"{name} {where} names {len(things)} things"
    return max(rows, key=lambda row: row.get("known_at", ""))


def amount(corpus_id: str, **where: str) -> float:
    return float(one("inventory", corpus_id=corpus_id, **where)["value"])


def factor(name: str) -> Claim:
    return claim(one("factors", name=name))


def end(name: str, side: str) -> float:
    value = getattr(factor(name), side)
    assert value is not None
    return float(value)


@pytest.mark.parametrize("name", HEADERS)
def test_file_is_stable_text(name: str) -> None:
    raw = (SEEDS / f"{name}.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert raw.decode("utf-8").splitlines()[0] == HEADERS[name]
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8")), strict=True))
    assert {len(row) for row in rows} == {len(HEADERS[name].split(","))}
    assert all(cell == cell.strip() for row in rows for cell in row)


@pytest.mark.parametrize("name", KEYS)
def test_keys_are_unique_and_sorted(name: str) -> None:
    rows = read(name)
    keys = [tuple(row[column] for column in KEYS[name]) for row in rows]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert [key[0] for key in keys] == sorted(key[0] for key in keys)


def test_origins_have_an_address_and_a_date() -> None:
    for row in read("origins"):
        origin = OriginRecord(**{**row, "published_on": day(row["published_on"])})  # type: ignore[arg-type]
        assert origin.published_on is not None, origin.origin_id
        assert origin.publisher, origin.origin_id
        assert origin.title, origin.origin_id
        if origin.kind == "judgement":
            assert origin.url == "docs/scenarios.md"
        else:
            assert origin.url.startswith(("https://", "http://")), origin.origin_id


def test_corpora_build_and_cover_every_needed_domain() -> None:
    rows = read("corpora")
    for row in rows:
        CorpusRecord(**{k: v for k, v in row.items() if k != "origin_id"})  # type: ignore[arg-type]
    assert len(rows) >= 150
    domains = {row["domain"] for row in rows}
    assert domains <= set(get_args(Domain))
    assert domains >= NEEDED_DOMAINS


def test_lineage_ends_in_a_root() -> None:
    parents = {row["corpus_id"]: row["parent_corpus"] for row in read("corpora")}
    for corpus_id in parents:
        seen = [corpus_id]
        while parents[seen[-1]]:
            assert parents[seen[-1]] in parents, f"{seen[-1]} has an unknown parent"
            seen.append(parents[seen[-1]])
            assert len(seen) == len(set(seen)), f"cycle {seen}"


def test_inventory_builds_and_counts_known_corpora() -> None:
    corpora = {row["corpus_id"] for row in read("corpora")}
    counted = set()
    for row in read("inventory"):
        record = stock(row)
        assert record.corpus_id in corpora
        assert record.unit == record.metric
        assert record.stage in get_args(Stage)
        assert len(record.basis.split()) <= 12, record
        counted.add(record.corpus_id)
    assert counted == corpora


def test_inventory_intervals_hold_their_value() -> None:
    for row in read("inventory"):
        record = stock(row)
        assert (record.low is None) == (record.high is None), record
        if record.low is not None and record.high is not None:
            assert record.low <= record.value <= record.high, record
        if record.ci_prob is not None:
            assert record.low is not None, record
            assert 0 < record.ci_prob < 1, record


def test_every_factor_can_be_drawn() -> None:
    for row in read("factors"):
        low, middle, high = quantiles(claim(row), np.array([0.01, 0.5, 0.99]))
        assert low <= middle <= high, row["name"]
        if row["minimum"]:
            assert low >= float(row["minimum"])
        if row["maximum"]:
            assert high <= float(row["maximum"])


def test_factor_scopes_are_domains() -> None:
    allowed = {"*", *get_args(Domain)}
    for row in read("factors"):
        assert set(row["scope"].split(",")) <= allowed, row["name"]


@pytest.mark.parametrize("name", CITING)
def test_every_cited_origin_exists(name: str) -> None:
    origins = {row["origin_id"] for row in read("origins")}
    assert {row["origin_id"] for row in read(name)} <= origins


def test_every_origin_is_cited() -> None:
    cited = {row["origin_id"] for name in CITING for row in read(name)}
    assert {row["origin_id"] for row in read("origins")} == cited


@pytest.mark.parametrize("name", ESTIMATED)
def test_nothing_is_known_before_it_was_published(name: str) -> None:
    published = {row["origin_id"]: row["published_on"] for row in read("origins")}
    for row in read(name):
        assert row["known_at"] >= published[row["origin_id"]], row
        assert row["basis"], row


def test_no_stock_is_known_before_its_date() -> None:
    early = [row for row in read("inventory") if row["known_at"] < row["valid_on"]]
    assert early == []


def test_judgement_is_dated_when_it_was_made() -> None:
    made = one("origins", origin_id="datawall-judgement")["published_on"]
    rows = [row for row in read("factors") if row["status"] == "judgement"]
    assert rows
    assert {row["known_at"] for row in rows} == {made}


def test_unchecked_figures_claim_no_level_and_drive_nothing() -> None:
    unverified = [row for row in read("inventory") if row["status"] == "unverified"]
    assert unverified
    assert [row for row in unverified if row["ci_prob"]] == []
    assert [row["name"] for row in read("factors") if row["status"] == "unverified"] == []


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_factor_keeps_its_numbers(name: str) -> None:
    found = factor(name)
    assert (found.shape, found.value, found.low, found.high, found.ci_prob) == DRAWN[name]


def test_indexed_web_pages_are_epochs_prior() -> None:
    row = stock(one("inventory", corpus_id="indexed-web", metric="pages"))
    assert (row.low, row.high, row.ci_prob) == (75e9, 1e12, 0.95)
    assert row.value == pytest.approx(math.sqrt(75e9 * 1e12), rel=1e-12)


def test_distinct_urls_carry_the_sketch_error() -> None:
    row = stock(one("inventory", corpus_id="common-crawl", metric="urls", valid_on="2024-11-15"))
    assert row.value == 87294467131
    assert row.low == pytest.approx(0.98 * row.value, abs=1)
    assert row.high == pytest.approx(1.02 * row.value, abs=1)
    assert row.known_at == date(2024, 12, 31)


def pile_share(*corpora: str) -> float:
    """Share of raw bytes in the component table of The Pile (Gao et al. 2020, table 1)."""
    rows = [
        row
        for row in read("inventory")
        if row["origin_id"] == "gao-2020" and row["corpus_id"] != "the-pile"
    ]
    assert len(rows) == 22
    size = {row["corpus_id"]: float(row["value"]) for row in rows}
    return sum(size[corpus] for corpus in corpora) / sum(size.values())


def dolma_share(**pool: str) -> float:
    """Share of the Dolma 3 mix: pool tokens × up-sampling over the mix."""
    parts = (
        amount(corpus.replace("_", "-"), origin_id="dolma-3")
        * end(f"upsampling_dolma3_{by}", "value")
        for corpus, by in pool.items()
    )
    return sum(parts) / amount("dolma3-mix", origin_id="dolma-3")


def test_the_pile_adds_up() -> None:
    rows = [row for row in read("inventory") if row["origin_id"] == "gao-2020"]
    parts = sum(float(row["value"]) for row in rows if row["corpus_id"] != "the-pile")
    assert parts == pytest.approx(825.18 * 2**30, rel=1e-4)
    assert parts == pytest.approx(amount("the-pile", metric="bytes"), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "side", "corpora"),
    [
        ("share_web", "low", ("pile-cc", "openwebtext2")),
        (
            "share_papers",
            "high",
            ("pmc-pile", "arxiv-pile", "pubmed-abstracts", "philpapers", "nih-exporter"),
        ),
        ("share_books", "high", ("books3", "pg-19", "bookcorpus")),
        ("share_encyclopedic", "high", ("wikipedia-pile",)),
        ("share_qa", "high", ("stackexchange-pile", "ubuntu-irc-pile", "hackernews")),
        ("share_legal", "high", ("freelaw-pile", "europarl")),
    ],
)
def test_share_end_from_the_pile(name: str, side: str, corpora: tuple[str, ...]) -> None:
    assert end(name, side) == pytest.approx(pile_share(*corpora), rel=0.01)


@pytest.mark.parametrize(
    ("name", "side", "pool"),
    [
        ("share_web", "high", {"dolma3_cc": "web"}),
        (
            "share_papers",
            "low",
            {"dolma3_science_pdfs": "papers_pdf", "dolma3_arxiv": "papers_latex"},
        ),
        ("share_code", "low", {"dolma3_stack_edu": "code"}),
        ("share_math", "low", {"finemath_3plus": "math"}),
        ("share_encyclopedic", "low", {"dolma3_wikipedia": "encyclopedic"}),
    ],
)
def test_share_end_from_dolma(name: str, side: str, pool: dict[str, str]) -> None:
    assert end(name, side) == pytest.approx(dolma_share(**pool), rel=0.01)


def test_share_ends_from_llama() -> None:
    assert end("share_code", "high") == end("llama3_share_code", "value")
    assert end("share_math", "high") == end("llama3_share_math", "value")


@pytest.mark.parametrize(("side", "version"), [("low", "v2"), ("high", "v1")])
def test_code_filter_keep_follows_the_stack(side: str, version: str) -> None:
    bytes_per_token = 2.8  # middle of bytes_per_token_code
    kept = amount(f"the-stack-{version}-train") * bytes_per_token
    share = kept / amount(f"the-stack-{version}-dedup")
    assert end("code_filter_keep", side) == pytest.approx(share, rel=1e-3)


def test_papers_growth_is_the_rate_of_thirteen_years() -> None:
    papers_2010 = 1_916_968  # NCSES, same table as the 2023 count
    rate = (amount("papers-per-year") / papers_2010) ** (1 / 13)
    assert end("papers_growth", "value") == pytest.approx(rate, abs=5e-4)


@pytest.mark.parametrize(("side", "metric"), [("low", "documents"), ("high", "words")])
def test_encyclopedic_growth_follows_two_dates(side: str, metric: str) -> None:
    earlier = amount("wikipedia-en", metric=metric, valid_on="2024-04-15")
    later = amount("wikipedia-en", metric=metric, valid_on="2025-07-15")
    months = 15
    rate = (later / earlier) ** (12 / months)
    assert end("encyclopedic_growth", side) == pytest.approx(rate, abs=5e-4)


def test_book_and_paper_shares_follow_their_counts() -> None:
    titles = amount("books-ever-isbndb")
    scans = amount("hathitrust", valid_on="2025-07-01", metric="volumes")
    google = amount("google-books", metric="volumes", status="secondary")
    assert end("books_digitised_share", "low") == pytest.approx(scans / titles, rel=0.01)
    assert end("books_digitised_share", "high") == pytest.approx(google / titles, rel=0.01)
    full_text = amount("s2orc-fulltext") / amount("s2orc")
    open_access = amount("openalex-oa") / amount("openalex", valid_on="2026-01-15")
    assert end("papers_open_share", "low") == pytest.approx(full_text, rel=0.01)
    assert end("papers_open_share", "high") == pytest.approx(open_access, rel=0.01)


def test_synthetic_flat_is_centred_on_nemotron() -> None:
    gain = amount("nemotron-cc") / amount("nemotron-cc-real")
    middle = (end("synthetic_flat", "low") + end("synthetic_flat", "high")) / 2
    assert middle == pytest.approx(gain, abs=0.005)


def test_besiroglu_fit_is_the_published_one() -> None:
    row = one("law_fits", law="besiroglu", fit="published")
    found = json.loads(row["coefficients"])
    assert found == {"A": 482.01, "B": 2085.43, "E": 1.8172, "alpha": 0.3478, "beta": 0.3658}
    assert json.loads(row["standard_errors"]).keys() == found.keys()
    assert (row["loss_unit"], row["points"]) == ("nats", "240")
    assert (float(row["range_low_flop"]), float(row["range_high_flop"])) == (6e18, 1.3e22)


def test_muennighoff_fit_keeps_every_digit() -> None:
    row = one("law_fits", law="muennighoff", fit="published")
    found = json.loads(row["coefficients"])
    assert math.log(found["A"]) == pytest.approx(6.255414, abs=1e-12)
    assert math.log(found["B"]) == pytest.approx(7.3049974, abs=1e-12)
    assert math.log(found["E"]) == pytest.approx(0.6254804, abs=1e-12)
    assert found["alpha"] == found["beta"] == 0.3526596
    assert (found["r_d_star"], found["r_n_star"]) == (15.387756, 5.309743)
    assert row["points"] == "182"


def test_muennighoff_range_is_that_of_its_runs() -> None:
    runs = Path(__file__).parents[2] / "../shared/data/scaling/datablations_runs.csv"
    if not runs.exists():
        pytest.skip("the run table of the data-constrained study is not on this machine")
    with runs.open(encoding="utf-8", newline="") as file:
        fitted = [row for row in csv.DictReader(file) if row["in_published_fit"] == "1"]
    flop = [6 * float(row["params"]) * float(row["tokens"]) for row in fitted]
    row = one("law_fits", law="muennighoff", fit="published")
    assert len(flop) == int(row["points"])
    assert float(row["range_low_flop"]) == pytest.approx(min(flop), rel=0.01)
    assert float(row["range_high_flop"]) == pytest.approx(max(flop), rel=0.01)
