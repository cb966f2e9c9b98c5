"""The laws that a scenario's demand draws from, as the warehouse knew them on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from flows.steps.prepare import ready
from flows.workspace import Workspace
from forecasts.errors import ScenarioInvalid
from forecasts.scenario import STATED, LawChoice
from models.errors import ModelError
from models.laws import registry
from models.laws.chinchilla import Chinchilla
from models.laws.fits import FitRow, chosen, with_cloud
from models.laws.known import Cloud, KnownLaw
from models.laws.law import Law
from warehouse.fits import read_own_clouds
from warehouse.laws import read_clouds, read_law_fits

OWN = "own:"


def laws_of(
    workspace: Workspace, as_of: date, scenario: str, choices: Sequence[LawChoice]
) -> dict[str, KnownLaw]:
    """Every law that a scenario of this name chooses from but the one it states itself.

    Raises: ScenarioInvalid for a name that is no law, or a law that computes nothing
    """
    names = [choice.law for choice in choices if choice.law != STATED]
    if not names:
        return {}
    with ready(workspace, as_of) as connection:
        fits, own = read_law_fits(connection), read_own_clouds(connection)
    try:
        return {name: _own(name, fits, own) if name.startswith(OWN) else _known(name, fits)
                for name in names}  # fmt: skip
    except ModelError as error:
        raise ScenarioInvalid(f"scenario {scenario}: demand.path.laws: {error}") from error


def _own(name: str, fits: Mapping[str, FitRow], clouds: Mapping[str, Cloud]) -> KnownLaw:
    """A fit that `datawall fit chinchilla --store` keeps."""
    row = chosen({key: fit for key, fit in fits.items() if key.startswith(OWN)}, name)

    def build(cloud: Cloud) -> Law:
        return Chinchilla.from_fit({**row.coefficients, **cloud}, row.range_flop)

    return KnownLaw(row, build, clouds.get(row.fit, {}))


def _known(name: str, fits: dict[str, FitRow]) -> KnownLaw:
    """A law of the package, with the cloud of the surface it is built from where one is kept."""
    entry = registry.entry(name)
    registry.law(name, fits)
    clouds = {f"{law}:published": cloud for law, cloud in read_clouds().items()}
    reference = next((used for used in entry.fits if used in clouds), entry.fits[0])

    def build(cloud: Cloud) -> Law:
        return registry.law(name, with_cloud(fits, reference, cloud) if cloud else fits)

    return KnownLaw(fits[entry.fits[0]], build, clouds.get(reference, {}))
