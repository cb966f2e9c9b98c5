from pathlib import Path

import pytest

from flows.connectors.feed import PERIOD_DAYS
from flows.connectors.registry import CONNECTORS, Connector, connector, in_group
from flows.errors import FlowError, SourceChanged, UsageError
from models.errors import DatawallError
from models.records import CorpusRecord
from warehouse import catalogue

SAMPLES = Path(__file__).parents[2] / "data"


def test_each_source_is_found_by_its_name() -> None:
    for name in CONNECTORS:
        found = connector(name)
        assert found.name == name
        assert all([found.publisher, found.licence, found.group])
        assert found.schedule in PERIOD_DAYS
        assert found.url.startswith(("https://", "docs/"))


def test_unknown_source_names_the_allowed_and_the_closest() -> None:
    with pytest.raises(UsageError) as caught:
        connector("comon_crawl")
    assert str(caught.value) == (
        f"source 'comon_crawl' is unknown; allowed: {', '.join(CONNECTORS)}; "
        "did you mean common_crawl?"
    )
    with pytest.raises(UsageError, match=r"own_inventory$"):
        connector("zzz")


def test_feeds_are_public_https_addresses_without_keys() -> None:
    for source in CONNECTORS.values():
        feeds = source.feeds()
        assert feeds or source.group == "own"
        assert len({feed.file for feed in feeds}) == len(feeds)
        for feed in feeds:
            assert feed.url.startswith("https://")
            for key in feed.keys:
                assert bool(key.parameter) != bool(key.header)
                assert not key.parameter or f"{key.parameter}=" not in feed.url


def test_a_corpus_of_the_catalogue_is_described_as_there() -> None:
    """Else the description would change with what was loaded; feeds may name it in other words."""
    stated = {row["corpus_id"]: row for row in catalogue.tables()["corpus"]}
    same = ("domain", "parent_corpus", "access_class", "information_origin")
    seen = set()
    for source in CONNECTORS.values():
        for path in source.find(SAMPLES):
            for corpus in _corpora(source, path):
                if corpus.corpus_id in stated:
                    seen.add(corpus.corpus_id)
                    row = stated[corpus.corpus_id]
                    found = {key: getattr(corpus, key) for key in same}
                    assert found == {key: row[key] for key in same}, (path.name, corpus.corpus_id)
    assert seen >= {"common-crawl", "openalex", "gutenberg", "hathitrust-open"}
    # The catalogue's gutenberg-en is the part that somebody cleaned, no publisher's count.
    assert "gutenberg-en" not in seen


def _corpora(source: Connector, path: Path) -> tuple[CorpusRecord, ...]:
    """Corpora of a sample; none of one that is there to be refused."""
    try:
        return source.parse(path.name, path.read_bytes(), None).corpora
    except SourceChanged:
        return ()


def test_unknown_group_names_the_allowed() -> None:
    assert in_group("crawls") == ["common_crawl"]
    with pytest.raises(UsageError, match="group 'craws' is unknown; allowed: books"):
        in_group("craws")


def test_user_errors_share_one_base() -> None:
    assert issubclass(UsageError, FlowError)
    assert issubclass(FlowError, DatawallError)
