"""Answers of scaling laws, from the fits of the published warehouse copy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from flows.errors import UsageError
from flows.output import finite
from flows.steps.prepare import ready
from flows.workspace import Workspace
from models.errors import LawCannotAnswer, LawUnknown, OutsideValidRange
from models.laws import registry
from models.laws.chinchilla import Chinchilla
from models.laws.entropy import bits_per_token, learnable_bits
from models.laws.fits import FitRow, chosen, with_cloud
from models.laws.inference import inference_optimum
from models.laws.law import Array, Demand, Law, Number, Optimum, Penalty, range_words
from models.laws.sparsity import drawn_exponents
from models.quantities import FLOP_PER_PARAM_TOKEN
from warehouse.fits import read_own_clouds
from warehouse.laws import read_clouds, read_law_fits

SPARSITY = "sparsity_factor:judgement"
# Laws that are fits of one's own: law:fit, as in out_law_fits.
OWN = "own:"
# Draws of the sparsity exponent where the law itself has none.
_DRAWS = 4000
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A law as asked: its name, the law, its cloud of resampled fits if one is kept, all fits."""

    name: str
    law: Law
    drawn: Law | None
    fits: dict[str, FitRow]


def fits(workspace: Workspace) -> dict[str, FitRow]:
    """Every fit of the published copy, which is made first if it is missing."""
    with ready(workspace) as connection:
        return read_law_fits(connection)


@contextmanager
def asking(workspace: Workspace, name: str) -> Iterator[Asked]:
    """A law by name; what it refuses is said under that name."""
    if name.startswith(OWN):
        asked = _own(workspace, name)
    else:
        registry.entry(name)
        known = fits(workspace)
        asked = Asked(name, registry.law(name, known), _drawn(name, known), known)
    try:
        yield asked
    except (LawCannotAnswer, OutsideValidRange) as error:
        raise type(error)(f"law {name}: {error}") from error


def _own(workspace: Workspace, name: str) -> Asked:
    """A fit that `datawall fit --store` keeps, with its cloud."""
    with ready(workspace) as connection:
        known, clouds = read_law_fits(connection), read_own_clouds(connection)
    if name not in known:
        kept = ", ".join(sorted(n for n in known if n.startswith(OWN))) or "none yet"
        raise LawUnknown(f"no fit is kept as {name}; kept are {kept}: datawall fit … --store NAME")
    row = known[name]
    drawn = {**row.coefficients, **clouds[row.fit]}
    return Asked(
        name,
        Chinchilla.from_fit(row.coefficients, row.range_flop),
        Chinchilla.from_fit(drawn, row.range_flop),
        known,
    )


def _drawn(name: str, known: dict[str, FitRow]) -> Law | None:
    """The law in draws, where its surface's fit has a cloud; None where none is kept."""
    used = registry.entry(name).fits
    clouds = {f"{law}:published": cloud for law, cloud in read_clouds().items()}
    for reference in (reference for reference in used if reference in clouds):
        return registry.law(name, with_cloud(known, reference, clouds[reference]))
    return None


def _ci80(answers: Mapping[str, Array] | None) -> dict[str, list[float]] | None:
    """80 % intervals over the draws; null where a law has none."""
    if answers is None:
        return None
    ends = {key: np.quantile(np.asarray(value), (0.1, 0.9)) for key, value in answers.items()}
    return {key: [float(low), float(high)] for key, (low, high) in ends.items()}


def _number(value: float | Array) -> float | None:
    """A scalar answer as JSON holds it: infinity and not-a-number are null."""
    number: float | None = finite(float(np.asarray(value)))
    return number


def _marks(asked: Asked, compute_flop: float, strict: bool) -> Document:
    """Whether an answer extrapolates its law; refused if strict.

    Raises: OutsideValidRange with the range, if strict
    """
    outside = not math.isfinite(compute_flop) or bool(asked.law.outside_range(compute_flop))
    known = asked.law.range_flop
    if outside and strict:
        raise OutsideValidRange(
            f"compute is {compute_flop:g} FLOP and the law was fitted on {range_words(known)}; "
            "leave --strict away to extrapolate"
        )
    return {
        "law": asked.name,
        "extrapolated": outside,
        "range_flop": None if known is None else list(known),
    }


def loss(
    workspace: Workspace,
    name: str,
    params: float,
    tokens: float,
    unique: float | None,
    strict: bool,
) -> Document:
    """Loss of one model, in nats and bits, with what is left to learn of each token."""
    with asking(workspace, name) as asked:
        supply = math.inf if unique is None else unique
        nats = asked.law.loss(params, tokens, supply)
        compute = FLOP_PER_PARAM_TOKEN * params * tokens
        floor = asked.law.irreducible_nats
        return {
            "loss_nats": _number(nats),
            "loss_bits": _number(bits_per_token(nats)),
            "irreducible_nats": _number(floor),
            "learnable_bits_per_token": _number(learnable_bits(nats, floor)),
            "params": _number(params),
            "tokens": _number(tokens),
            "unique": unique,
            "epochs": _number(max(tokens / supply, 1.0)),
            "compute_flop": _number(compute),
            "ci80": _ci80(
                None
                if asked.drawn is None
                else {"loss_nats": asked.drawn.loss(params, tokens, supply)}
            ),
            **_marks(asked, compute, strict),
        }


def optimum(
    workspace: Workspace,
    name: str,
    compute: float | None,
    unique: float | None,
    target: float | None,
    served: float | None,
    strict: bool,
) -> Document:
    """Best model of a budget, or the least budget that reaches a loss and its best model."""
    if (compute is None) == (target is None):
        raise UsageError("give either --compute or --loss, not both and not neither")
    if served is not None and unique is not None:
        raise UsageError("--inference-tokens takes fresh tokens only; leave --unique away")
    with asking(workspace, name) as asked:
        spent = float(asked.law.compute_for_loss(target)) if target is not None else compute or 0.0
        supply = math.inf if unique is None else unique
        best = asked.law.optimum(spent, supply)
        document = {**_best(best), "compute_flop": spent, "unique": unique}
        if served is not None:
            document |= _served(asked, best, served) | {"ci80": None}
        else:
            drawn = None if asked.drawn is None else asked.drawn.optimum(spent, supply)
            document["ci80"] = _ci80(_parts(drawn, _OPTIMUM))
        return document | _marks(asked, spent, strict)


_OPTIMUM = ("params", "tokens", "tokens_per_param", "epochs", "loss_nats")
_DEMAND = ("tokens", "active_params", "total_params", "tokens_per_param")
_PENALTY = {
    "compute_equivalent_flop": "compute_equivalent_flop",
    "compute_equivalent_ratio": "ratio",
    "loss_gap_nats": "loss_gap_nats",
}


def _parts(answer: object, keys: Sequence[str]) -> dict[str, Array] | None:
    return None if answer is None else {key: getattr(answer, key) for key in keys}


def _best(best: Optimum) -> Document:
    return {
        "params": _number(best.params),
        "tokens": _number(best.tokens),
        "tokens_per_param": _number(best.tokens_per_param),
        "epochs": _number(best.epochs),
        "loss_nats": _number(best.loss_nats),
        "clamped": bool(best.clamped),
    }


def _served(asked: Asked, best: Optimum, served: float) -> Document:
    """The same loss at the least compute of training and use."""
    if not isinstance(asked.law, Chinchilla):
        raise LawCannotAnswer(
            "--inference-tokens needs a loss surface for fresh tokens; ask sardana or besiroglu"
        )
    cheapest = inference_optimum(asked.law, best.loss_nats, served)
    return {
        "params": _number(cheapest.params),
        "tokens": _number(cheapest.tokens),
        "tokens_per_param": _number(cheapest.tokens / cheapest.params),
        "inference_tokens": served,
        "training_and_use_flop": _number(cheapest.total_flop),
        "saved": _number(cheapest.saved),
    }


def penalty(
    workspace: Workspace,
    name: str,
    params: float | None,
    tokens: float | None,
    overtraining: float | None,
    compute: float | None,
    unique: float | None,
    strict: bool,
) -> Document:
    """Cost of a model, of overtraining, or of a limit on unique tokens."""
    if overtraining is not None:
        if params is not None or tokens is not None or unique is not None:
            raise UsageError("--overtraining goes with --compute alone")
        return _overtraining(workspace, name, overtraining, compute, strict)
    with asking(workspace, name) as asked:
        supply = math.inf if unique is None else unique
        if params is not None and tokens is not None and compute is None:
            size, read = params, tokens
            spent = FLOP_PER_PARAM_TOKEN * size * read
            found, drawn = _both(asked, lambda law: law.penalty_of_model(size, read, supply))
        elif compute is not None and unique is not None and params is None and tokens is None:
            spent = compute
            found, drawn = _both(asked, lambda law: law.penalty_of_limit(spent, supply))
        else:
            raise UsageError(
                "give --params and --tokens (with --unique if tokens repeat), or --overtraining, "
                "or --compute and --unique"
            )
        return _cost(found, drawn) | {"compute_flop": spent, **_marks(asked, spent, strict)}


def _both(asked: Asked, ask: Callable[[Law], Penalty]) -> tuple[Penalty, Penalty | None]:
    """The answer of a law, and of its cloud if there is one."""
    return ask(asked.law), None if asked.drawn is None else ask(asked.drawn)


def _cost(found: Penalty, drawn: Penalty | None) -> Document:
    spread = None if drawn is None else {k: getattr(drawn, part) for k, part in _PENALTY.items()}
    return {
        **{key: _number(getattr(found, part)) for key, part in _PENALTY.items()},
        "compute_penalty": _number(1 / found.ratio),
        "ci80": _ci80(spread),
    }


# Any budget gives the same ratio: the laws with a loss have a power of compute in it.
_ANY_BUDGET = 1e22


def _overtraining(
    workspace: Workspace, name: str, k: float, compute: float | None, strict: bool
) -> Document:
    """Cost of k times the best tokens per parameter; without a budget, only the ratio is known."""
    with asking(workspace, name) as asked:
        spent = _ANY_BUDGET if compute is None else compute
        document = _cost(*_both(asked, lambda law: law.penalty_of_overtraining(k, spent)))
        document |= {"compute_flop": compute, "overtraining": k, "law": name}
        if compute is not None:
            return document | _marks(asked, compute, strict)
        for unknown in ("compute_equivalent_flop", "loss_gap_nats"):
            document[unknown] = None
            if document["ci80"] is not None:
                del document["ci80"][unknown]
        return document


def demand(
    workspace: Workspace,
    name: str,
    compute: float,
    sparsity: float,
    overtraining: float,
    unique: float | None,
    strict: bool,
) -> Document:
    """Tokens and parameters a run of this compute asks for."""
    with asking(workspace, name) as asked:
        row = chosen(asked.fits, SPARSITY)
        exponent = float(row.coefficients["w"])
        supply = math.inf if unique is None else unique

        def ask(law: Law, w: Number) -> Demand:
            return law.demand(
                compute,
                sparsity=sparsity,
                sparsity_exponent=w,
                overtraining=overtraining,
                unique=supply,
            )

        wanted = ask(asked.law, exponent)
        drawn = None
        if asked.drawn is not None or sparsity > 0:
            spread = asked.law if asked.drawn is None else asked.drawn
            draws = ask(spread, exponent).tokens.size
            error = row.standard_errors["w"]
            drawn = ask(spread, drawn_exponents(row.coefficients, error, max(draws, _DRAWS)))
        return {
            "tokens": _number(wanted.tokens),
            "active_params": _number(wanted.active_params),
            "total_params": _number(wanted.total_params),
            "tokens_per_param": _number(wanted.tokens_per_param),
            "epochs": _number(wanted.epochs),
            "unique": unique,
            "sparsity": sparsity,
            "sparsity_exponent": exponent,
            "overtraining": overtraining,
            "compute_flop": compute,
            "ci80": _ci80(_parts(drawn, _DEMAND)),
            **_marks(asked, compute, strict),
        }
