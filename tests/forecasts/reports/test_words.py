"""How amounts, dates, chances and the headline are said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forecasts.reports import words
from forecasts.results import TOTAL, Forecast, WallRow


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (102e12, "102T"),
        (1.3e12, "1.3T"),
        (870e9, "870B"),
        (2.4e15, "2,400T"),
        (999.6e9, "1.0T"),
        (995e9, "995B"),
        (9.96e12, "10T"),
        (5.2e6, "5.2M"),
        (999, "999"),
        (0, "0"),
        (2e19, "2 × 10¹⁹"),
        (float("inf"), words.MISSING),
    ],
)
def test_tokens(amount: float, said: str) -> None:
    assert words.tokens(amount) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (4.64e26, "flop", "4.64 × 10²⁶"),
        (273861278752.583, "pages", "274B"),
        (246000, "tokens_per_book", "246,000"),
        (15.387756, "epochs", "15.4"),
        (-0.0558, "exponent", "-0.0558"),
        (0.0004, "share", "4 × 10⁻⁴"),
        (None, "share", words.MISSING),
    ],
)
def test_a_claims_number_follows_its_unit_and_size(
    value: float | None, unit: str, said: str
) -> None:
    assert words.figure(value, unit) == said


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0, "0 %"),
        (1 / 16384, "under 1 %"),
        (0.03, "3 %"),
        (1 - 1 / 16384, "over 99 %"),
        (1.0, "100 %"),
    ],
)
def test_a_rare_chance_is_never_called_none(probability: float, said: str) -> None:
    assert words.chance(probability) == said


@pytest.mark.parametrize(
    ("year", "said"), [(2029.0, "Jan 2029"), (2029.04, "Jan 2029"), (2029.9999, "Dec 2029")]
)
def test_month_of_a_fractional_year(year: float, said: str) -> None:
    assert words.month(year) == said


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://arxiv.org/abs/2211.04325", "https://arxiv.org/abs/2211.04325"),
        ("http://example.org/a b|c(d)", "http://example.org/a%20b%7Cc%28d%29"),
        ("HTTPS://example.org/%C3%A9?x=1#y", "HTTPS://example.org/%C3%A9?x=1#y"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,<script>", ""),
        ("//example.org", ""),
        ("docs/scenarios.md", ""),
        ("https://", ""),
        ("http://[broken", ""),
    ],
)
def test_only_web_addresses_become_links(url: str, linked: str) -> None:
    assert words.safe_url(url) == linked


def _with_wall(
    forecast: Forecast,
    quantiles: tuple[float | None, float | None, float | None],
    by_horizon: float,
    before_start: float = 0.0,
) -> Forecast:
    wall = WallRow(TOTAL, "exhaustion", *quantiles, by_horizon, before_start)
    return replace(forecast, walls=(wall,))


@pytest.mark.parametrize(
    ("quantiles", "by_horizon", "before_start", "said"),
    [
        (
            (2027.3, 2029.04, 2032.9),
            0.97,
            0.0,
            "Demand for training text outgrows effective supply in 2029 (80 % credible interval "
            "2027–2032) under baseline; no wall before 2045 in 3 % of worlds.",
        ),
        (
            (2028.1, 2028.4, 2028.9),
            1.0,
            0.0,
            "Demand for training text outgrows effective supply in 2028 (80 % credible interval "
            "within 2028) under baseline; every world meets it before 2045.",
        ),
        (
            (2027.3, 2034.6, None),
            0.71,
            0.0,
            "Demand for training text outgrows effective supply in 2034 (80 % credible interval "
            "2027 to after 2045) under baseline; no wall before 2045 in 29 % of worlds.",
        ),
        (
            (2026.0, 2029.5, 2033.0),
            0.99,
            0.14,
            "Demand for training text outgrows effective supply in 2029 (80 % credible interval "
            "before 2026 to 2033) under baseline; already passed before 2026 in 14 %; no wall "
            "before 2045 in 1 % of worlds.",
        ),
        (
            (2026.0, 2026.0, 2031.5),
            0.9999,
            0.62,
            "Demand for training text has already outgrown effective supply before 2026 in 62 % "
            "of worlds under baseline (80 % credible interval before 2026 to 2031); no wall "
            "before 2045 in under 1 % of worlds.",
        ),
        (
            (2026.0, 2026.0, 2026.0),
            1.0,
            0.95,
            "Demand for training text has already outgrown effective supply before 2026 in 95 % "
            "of worlds under baseline (80 % credible interval wholly before 2026); every world "
            "meets it before 2045.",
        ),
        (
            (2038.2, None, None),
            0.23,
            0.0,
            "Effective supply of training text outlasts demand beyond 2045 in 77 % of worlds "
            "under baseline; wall (80 % credible interval 2038 to after 2045).",
        ),
        (
            (None, None, None),
            0.0,
            0.0,
            "Effective supply of training text outlasts demand beyond 2045 in 100 % of worlds "
            "under baseline; wall (80 % credible interval wholly after 2045).",
        ),
        (
            (2026.0, None, None),
            0.3,
            0.12,
            "Effective supply of training text outlasts demand beyond 2045 in 70 % of worlds "
            "under baseline; wall (80 % credible interval before 2026 to after 2045).",
        ),
    ],
)
def test_headline_of_every_censoring(
    forecast: Forecast,
    quantiles: tuple[float | None, float | None, float | None],
    by_horizon: float,
    before_start: float,
    said: str,
) -> None:
    assert words.headline(_with_wall(forecast, quantiles, by_horizon, before_start)) == said


def test_censoring_states_both_sides(forecast: Forecast) -> None:
    assert words.censoring(forecast.wall("books"), forecast) == (
        "before 2026 in 30 %; after 2045 in 12 %"
    )
    inside = _with_wall(forecast, (2027.0, 2028.0, 2029.0), 1.0)
    assert words.censoring(inside.wall(), inside) == "every world inside the forecast"


def test_rerun_command_quotes_what_a_shell_would_read(forecast: Forecast) -> None:
    odd = replace(forecast, scenario="my plan; rm -r x")
    assert words.rerun_command(odd) == (
        "datawall forecast --scenario 'my plan; rm -r x.yaml' --worlds 16384 --seed 7 "
        "--as-of 2026-11-21 --horizon 2045"
    )
