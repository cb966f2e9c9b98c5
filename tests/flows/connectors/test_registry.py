import pytest

from flows.connectors.feed import PERIOD_DAYS
from flows.connectors.registry import CONNECTORS, connector, in_group
from flows.errors import FlowError, UsageError
from models.errors import DatawallError


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


def test_unknown_group_names_the_allowed() -> None:
    assert in_group("crawls") == ["common_crawl"]
    with pytest.raises(UsageError, match="group 'craws' is unknown; allowed: books"):
        in_group("craws")


def test_user_errors_share_one_base() -> None:
    assert issubclass(UsageError, FlowError)
    assert issubclass(FlowError, DatawallError)
