"""Connectors of publishers' interfaces: what the samples give, and each quirk of theirs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flows.connectors.registry import CONNECTORS
from flows.errors import SourceChanged
from models.records import Parsed

SAMPLES = Path(__file__).parents[2] / "data"


def read(source: str, file: str, **changes: str) -> Parsed:
    """A sample parsed, after some of its words are replaced."""
    return parse(source, file, content(source, file, **changes))


def content(source: str, file: str, **changes: str) -> bytes:
    text = (SAMPLES / source / file).read_text("utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text.encode()


def parse(source: str, file: str, body: bytes) -> Parsed:
    return CONNECTORS[source].parse(file, body, None)


def figures(parsed: Parsed) -> dict[str, float]:
    return {f"{r.corpus_id}.{r.metric}.{r.stage}": r.value for r in parsed.inventory}


# Hugging Face


def test_a_data_set_is_its_default_config_else_the_sum_of_all() -> None:
    name = "size.ibm--duorc.2024-01-01.json"
    parsed = read("hugging_face", name)
    assert figures(parsed)["hf-ibm-duorc.documents.raw"] == 187213
    assert parsed.vintage == date(2024, 1, 1)
    as_default = read("hugging_face", name, **{'"ParaphraseRC"': '"default"'})
    assert figures(as_default)["hf-ibm-duorc.documents.raw"] == 100972


def test_one_config_is_a_corpus_of_its_own() -> None:
    file = "size.nyu-mll--glue--ax.2024-01-01.json"
    parsed = read("hugging_face", file)
    assert list(figures(parsed)) == [
        "hf-nyu-mll-glue-ax.documents.raw",
        "hf-nyu-mll-glue-ax.parquet_bytes.raw",
    ]
    info = read("hugging_face", "info.nyu-mll--glue--ax.2024-01-01.json")
    assert figures(info)["hf-nyu-mll-glue-ax.documents.raw"] == 1104
    with pytest.raises(SourceChanged, match="is an answer about"):
        parse("hugging_face", "size.nyu-mll--glue--cola.2024-01-01.json",
              content("hugging_face", file))  # fmt: skip


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("failed.size.json", "1 of its subsets are failed"),
        ("blocked.501.json", "is an error"),
        ("error.500.json", "is an error"),
    ],
)
def test_an_answer_without_a_total_is_refused(file: str, said: str) -> None:
    body = content("hugging_face", file)
    with pytest.raises(SourceChanged, match=said):
        parse("hugging_face", "size.allenai--atomic.2024-01-01.json", body)


def test_a_data_set_converted_in_part_gives_its_estimate_or_nothing() -> None:
    file = "size.ylecun--mnist.2024-01-01.json"
    partly = {'"partial": false': '"partial": true'}
    with pytest.raises(SourceChanged, match="only a part"):
        read("hugging_face", file, **partly)
    estimated = {'"estimated_num_rows": null': '"estimated_num_rows": 90000'}
    (record,) = read("hugging_face", file, **partly, **estimated).inventory
    assert (record.value, record.status, record.metric) == (90000, "estimate", "documents")


# OpenAlex and Crossref


def test_openalex_leaves_out_the_year_under_way() -> None:
    parsed = read("openalex", "works_by_year.2024-07-01.json")
    years = {r.valid_on.year: r.value for r in parsed.inventory if r.metric == "new_works"}
    assert years == {2021: 9921017, 2022: 9644213}
    impossible = read("openalex", "works_by_year.2024-07-01.json", **{'"2022"': '"9999"'})
    assert [row.reason for row in impossible.rejected] == [
        "a year of publication up to the next is needed"
    ]


def test_openalex_pages_that_disagree_or_repeat_are_refused() -> None:
    body = content("openalex", "works_by_year.2024-07-01.json")
    with pytest.raises(SourceChanged, match="different totals"):
        parse("openalex", "works_by_year.2024-07-01.json",
              body.replace(b'"count": 246136992', b'"count": 5', 1))  # fmt: skip
    with pytest.raises(SourceChanged, match="occurs twice"):
        parse("openalex", "works_by_year.2024-07-01.json", body + body)


def test_crossref_reads_works_and_refuses_types() -> None:
    works = read("crossref", "works.2026-06-15.json")
    assert figures(works) == {"crossref.works.unique": 183388203}
    with pytest.raises(SourceChanged, match="'type-list'; a 'work-list' is needed"):
        parse("crossref", "works.2026-06-15.json", content("crossref", "types.json"))


def test_crossref_years_come_from_the_facet() -> None:
    facet = '"facets":{"published":{"value-count":3,"values":{"2024":7,"2026":9,"0":1}}}'
    parsed = read("crossref", "works.2026-06-15.json", **{'"facets":{}': facet})
    years = {r.valid_on: r.value for r in parsed.inventory if r.metric == "new_works"}
    assert years == {date(2024, 12, 31): 7}
    assert [row.raw for row in parsed.rejected] == ["0: 1"]


# Others


def test_arxiv_is_dated_by_its_answer_and_declares_no_entities() -> None:
    parsed = read("arxiv", "papers.xml")
    assert (figures(parsed), parsed.vintage) == ({"arxiv.works.unique": 214881}, date(2026, 4, 12))
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]>' + content("arxiv", "papers.xml").partition(b"?>")[2]
    with pytest.raises(SourceChanged, match="declares a document type"):
        parse("arxiv", "papers.xml", bomb)


def test_semantic_scholar_numbers_are_rounded_and_say_so() -> None:
    parsed = read("semantic_scholar", "release.json")
    (papers, texts) = parsed.inventory
    assert (papers.value, papers.low, papers.high, papers.ci_prob) == (2e8, 199.5e6, 200.5e6, None)
    assert (texts.corpus_id, texts.value) == ("s2orc-fulltext", 1e7)
    silent = read("semantic_scholar", "release.json", **{"200M records": "many records"})
    assert [record.corpus_id for record in silent.inventory] == ["s2orc-fulltext"]
    assert "states no number" in silent.rejected[0].reason


def test_wikimedia_refuses_the_answer_of_another_wiki() -> None:
    with pytest.raises(SourceChanged, match="is an answer of 'enwiki'"):
        parse("wikimedia", "siteinfo-de.json", content("wikimedia", "siteinfo-en.json"))


def test_internet_archive_reads_both_of_its_answers() -> None:
    searched = read("internet_archive", "texts.2015-01-01.json")
    scraped = read("internet_archive", "texts.scrape.2015-02-01.json")
    assert figures(searched) == {"internet-archive-texts.works.raw": 50}
    assert scraped.vintage == date(2015, 2, 1)
    assert set(figures(scraped)) == set(figures(searched))


def test_an_answer_that_does_not_tell_its_day_needs_it_in_its_name() -> None:
    body = content("software_heritage", "counters.2015-01-01.json")
    with pytest.raises(SourceChanged, match="does not tell its day"):
        parse("software_heritage", "counters.json", body)
