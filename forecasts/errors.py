"""Errors of scenarios, forecasts and decisions.

DatawallError
└── ForecastError
    ├── ScenarioInvalid   a scenario that is misspelt, incomplete or refers to an unknown claim
    └── PlanInvalid       a planned-run file that breaks its schema
"""

from __future__ import annotations

from models.errors import DatawallError


class ForecastError(DatawallError):
    """Base of the errors of this folder."""


class ScenarioInvalid(ForecastError):
    """A scenario that cannot be run as written."""


class PlanInvalid(ForecastError):
    """A planned-run file that cannot be used as written."""
