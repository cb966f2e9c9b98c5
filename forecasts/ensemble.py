"""Several demand laws in one scenario: which law each world follows, and with which coefficients.

Two draws of their own names decide: `law:choice` picks the law, `law:NAME` the resample of its
bootstrap cloud. Neither depends on any other input, nor does any input depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasts.draws import Draws
from forecasts.errors import ScenarioInvalid
from forecasts.results import InputRow
from forecasts.scenario import STATED, LawChoice
from models.claims import Array
from models.errors import ModelError
from models.laws.known import KnownLaw
from models.laws.law import Law
from models.records import OriginRecord

CHOICE = "law:choice"
Laws = Mapping[str, KnownLaw]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """A law of the ensemble: its share, its tokens at the reference compute, its resamples by them.

    known: None for the law that the scenario states itself. order: resamples by the tokens they
    ask at the reference compute, so that a high draw is a hungry fit; empty where none are drawn
    """

    name: str
    share: float
    known: KnownLaw | None
    tokens: float
    order: Places
    ordered_tokens: Array

    def law(self, known: KnownLaw, draws: Draws, where: Places) -> Law:
        """The law with the coefficients of the worlds at these places."""
        if self.order.size == 0:
            return known.build({})
        return known.drawn(self.order[self.ranks(draws)[where]])

    def ranks(self, draws: Draws) -> Places:
        """Rank of each world's resample, shape (world,)."""
        u = draws.uniform(f"law:{self.name}")
        return np.minimum((u * self.order.size).astype(np.int64), self.order.size - 1)


class Ensemble:
    """Laws with weights; a world follows one of them.

    Equation: law of a world = the first l with u < w_1 + … + w_l, u its draw of `law:choice`, w the
              weights over their sum, in the scenario's order
    """

    def __init__(
        self,
        choices: Sequence[LawChoice],
        laws: Laws,
        reference_flop: float,
        stated_tokens: float,
    ) -> None:
        """Settle shares and order resamples.

        stated_tokens: what the scenario's own law asks at the reference compute
        Raises: ScenarioInvalid for a law that is not known, allocates nothing or has no resamples
        """
        whole = sum(choice.weight for choice in choices)
        self.reference_flop = reference_flop
        self.members = [
            _Member(STATED, c.weight / whole, None, stated_tokens, _NO_ORDER, _NO_TOKENS)
            if c.law == STATED
            else _member(c, c.weight / whole, laws, reference_flop)
            for c in choices
        ]

    def choose(self, draws: Draws) -> Places:
        """Index of each world's law, shape (world,)."""
        ends = np.cumsum([member.share for member in self.members])
        # The last end is 1 but for rounding, and every draw lies below 1.
        return np.searchsorted(ends[:-1], draws.uniform(CHOICE), side="right")

    def tokens(
        self, draws: Draws, chosen: Places, compute_flop: Array, stated: Callable[[Places], Array]
    ) -> Array:
        """Optimal tokens of each world's law, shapes (date, world).

        stated: what the scenario's own law asks in the worlds at these places
        """
        found = np.empty(compute_flop.shape)
        for i, member in enumerate(self.members):
            where = np.flatnonzero(chosen == i)
            if where.size == 0:
                continue
            if member.known is None:
                found[:, where] = stated(where)
            else:
                law = member.law(member.known, draws, where)
                found[:, where] = law.optimal_tokens(compute_flop[:, where])
        return found

    def inputs(self, draws: Draws, chosen: Places) -> dict[str, Array]:
        """The choice and the resamples as inputs: tokens asked at the reference compute, (world,).

        Where a law is the only one, its choice is no input.
        """
        found: dict[str, Array] = {}
        if len(self.members) > 1:
            found[CHOICE] = np.array([member.tokens for member in self.members])[chosen]
        for member in self.members:
            if member.order.size:
                found[f"law:{member.name}"] = member.ordered_tokens[member.ranks(draws)]
        return found

    def rows(self, origins: Mapping[str, OriginRecord]) -> Iterator[InputRow]:
        """The register's rows: the choice, then every law with its source."""
        yield self._choice_row()
        for member in self.members:
            if member.known is not None:
                yield self._law_row(member, member.known, origins)

    def _choice_row(self) -> InputRow:
        members = sorted(self.members, key=lambda member: member.tokens)
        ends = np.cumsum([member.share for member in members])
        low, middle, high = (
            members[min(int(np.searchsorted(ends, level)), len(members) - 1)].tokens
            for level in (0.05, 0.5, 0.95)
        )
        shares = ", ".join(f"{member.name} {member.share:.3g}" for member in self.members)
        return InputRow(
            name=CHOICE, used_by="demand", shape="choice", unit="tokens",
            value=None, low=None, high=None, ci_prob=None,
            drawn_p05=low, drawn_p50=middle, drawn_p95=high, status="judgement",
            basis=f"share of worlds by law: {shares}; tokens at {self.reference_flop:g} FLOP",
            valid_on=None, known_at=None, origin_id="",
            publisher="this scenario", title="demand laws and their weights", url="",
        )  # fmt: skip

    def _law_row(
        self, member: _Member, known: KnownLaw, origins: Mapping[str, OriginRecord]
    ) -> InputRow:
        row = known.row
        origin = origins.get(row.origin_id)
        ends = [member.tokens] * 3
        how = "its fitted coefficients"
        if member.order.size:
            ends = np.quantile(member.ordered_tokens, (0.05, 0.5, 0.95)).tolist()
            how = f"coefficients drawn from {member.order.size} resamples"
        return InputRow(
            name=f"law:{member.name}", used_by="demand",
            shape="empirical" if member.order.size else "fixed", unit="tokens",
            value=member.tokens, low=None, high=None, ci_prob=None,
            drawn_p05=ends[0], drawn_p50=ends[1], drawn_p95=ends[2], status=row.status,
            basis=f"{how}; tokens at {self.reference_flop:g} FLOP. {row.basis}",
            valid_on=None, known_at=row.known_at, origin_id=row.origin_id,
            publisher=row.source.partition(", ")[0] if origin is None else origin.publisher,
            title=row.source if origin is None else origin.title,
            url=row.url if origin is None else origin.url,
        )  # fmt: skip

    def fingerprint(self) -> list[object]:
        """All that determines what the laws ask, for the forecast's hash."""
        return [
            [m.name, m.share, {} if m.known is None else dict(m.known.row.coefficients),
             m.ordered_tokens.tolist()]
            for m in self.members
        ]  # fmt: skip


_NO_ORDER: Places = np.empty(0, dtype=np.int64)
_NO_TOKENS: Array = np.empty(0)


def _member(choice: LawChoice, share: float, laws: Laws, reference_flop: float) -> _Member:
    if choice.law not in laws:
        raise ScenarioInvalid(f"law {choice.law} was not read; its fit is needed to draw from it")
    known = laws[choice.law]
    tokens = float(_asked(choice.law, known.build({}), reference_flop))
    if not choice.draws:
        return _Member(choice.law, share, known, tokens, _NO_ORDER, _NO_TOKENS)
    if known.resamples == 0:
        raise ScenarioInvalid(
            f"law {choice.law} keeps no resampled fits to draw from; leave draws out, or fit your "
            "own runs: datawall fit chinchilla --store NAME, and name own:NAME"
        )
    each = _asked(choice.law, known.drawn(np.arange(known.resamples)), reference_flop)
    order = np.argsort(each, kind="stable")
    return _Member(choice.law, share, known, tokens, order, each[order])


def _asked(name: str, law: Law, compute_flop: float) -> Array:
    """Tokens a law asks of one budget; refused in the law's own words where it has no answer."""
    try:
        return np.asarray(law.optimal_tokens(compute_flop))
    except ModelError as error:
        raise ScenarioInvalid(f"demand law {name}: {error}") from error
