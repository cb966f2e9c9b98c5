import pytest

from flows.connectors.registry import CONNECTORS, connector
from flows.errors import FlowError, UsageError
from models.errors import DatawallError


def test_each_source_is_found_by_its_name() -> None:
    assert {"common_crawl", "epoch_models", "own_inventory"} <= set(CONNECTORS)
    for name in CONNECTORS:
        found = connector(name)
        assert found.name == name
        assert all([found.publisher, found.licence, found.schedule_hint])
        assert found.url.startswith(("https://", "docs/"))


def test_unknown_source_names_the_allowed_and_the_closest() -> None:
    with pytest.raises(UsageError) as caught:
        connector("comon_crawl")
    assert str(caught.value) == (
        "source 'comon_crawl' is unknown; allowed: common_crawl, epoch_models, own_inventory; "
        "did you mean common_crawl?"
    )
    with pytest.raises(UsageError, match=r"allowed: common_crawl, epoch_models, own_inventory$"):
        connector("zzz")


def test_user_errors_share_one_base() -> None:
    assert issubclass(UsageError, FlowError)
    assert issubclass(FlowError, DatawallError)
