"""Fits: a file of training runs to a law, its intervals and a page about them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from flows.errors import UsageError
from flows.steps.laws import fits
from flows.steps.prepare import ensure_ready, writing
from flows.workspace import Workspace
from forecasts.reports.fit import FitReport, render_fit_html
from models.errors import FitImpossible
from models.fitting.allocation import compare
from models.fitting.bootstrap import Cloud, bootstrap
from models.fitting.chinchilla import ChinchillaFit, Point, fit_chinchilla
from models.fitting.diagnostics import Diagnostics, diagnose
from models.fitting.repetition import (
    NO_END,
    RepetitionFit,
    bootstrap_repetition,
    fit_repetition,
)
from models.fitting.runs import BadRow, Runs, name_rows, read_runs
from models.quantities import FLOP_PER_PARAM_TOKEN
from warehouse.errors import WarehouseUnusable
from warehouse.fits import StoredFit, read_parquet, save_fit
from warehouse.snapshots import write_atomically

Document = dict[str, Any]
LOSS_UNITS = {"nats": 1.0, "bits": float(np.log(2))}
# A sensitivity to outliers is shown even where none is dropped: without the highest losses of this
# share.
OUTLIER_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text by name, and the checksum of the file."""

    columns: dict[str, list[str]]
    sha256: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which file and columns hold the runs, and which rows count."""

    path: Path
    params: str
    tokens: str | None
    compute: str | None
    loss: str
    unique: str | None = None
    loss_unit: str = "nats"
    only: tuple[str, ...] = ()
    skip_bad_rows: bool = False


def read_table(path: Path) -> Table:
    """A CSV (comma, semicolon or tab) or Parquet file as columns of text.

    Raises: UsageError where it cannot be read or is no table
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or error}; give a CSV or Parquet file of runs"
        ) from error
    digest = sha256(content).hexdigest()
    if content[:4] == b"PAR1":
        try:
            return Table(read_parquet(path), digest)
        except WarehouseUnusable as error:
            raise UsageError(f"{error}; write it again") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is neither Parquet nor text in UTF-8 (byte {error.start}); save it as CSV"
        ) from error
    return Table(_csv_columns(path, text), digest)


def _csv_columns(path: Path, text: str) -> dict[str, list[str]]:
    lines = text.splitlines()
    if not lines:
        raise UsageError(f"{path} is empty; give a CSV or Parquet file of runs")
    delimiter = max(",;\t", key=lines[0].count)
    try:
        header, *rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
    except (csv.Error, ValueError) as error:
        raise UsageError(f"{path} is no CSV: {error}; save it as CSV again") from error
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{path} has two columns named {twice[0]!r}; rename one")
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise UsageError(
                f"{path}, row {number} has {len(row)} cells, its header {len(names)}: "
                "give every row one cell a column"
            )
    return {name: [row[i].strip() for row in rows] for i, name in enumerate(names)}


def _column(table: Table, path: Path, option: str, name: str) -> list[str]:
    if name not in table.columns:
        raise UsageError(
            f"{option} is {name!r}, but {path} has the columns {', '.join(table.columns)}; "
            "name one of them"
        )
    return table.columns[name]


def _chosen(table: Table, asked: Asked) -> list[int]:
    """Places of the rows that every --only COLUMN=VALUE lets through."""
    places = list(range(len(next(iter(table.columns.values()), []))))
    for condition in asked.only:
        name, equals, value = condition.partition("=")
        if not equals:
            raise UsageError(f"--only is {condition!r}; write COLUMN=VALUE")
        cells = _column(table, asked.path, "--only", name.strip())
        places = [place for place in places if cells[place] == value.strip()]
    return places


def read_asked(asked: Asked) -> tuple[Runs, list[BadRow], str]:
    """The usable runs of a file (loss in nats, or as it comes), the rows left out, its checksum.

    Raises: UsageError for a missing column; FitImpossible for unusable rows, unless they may be
    skipped
    """
    if (asked.tokens is None) == (asked.compute is None):
        raise UsageError("give --tokens-column or --compute-column, one of them")
    if asked.loss_unit not in LOSS_UNITS:
        raise UsageError(f"--loss-unit is {asked.loss_unit!r}; allowed: {', '.join(LOSS_UNITS)}")
    table = read_table(asked.path)
    wanted = {
        "--params-column": asked.params,
        "--tokens-column": asked.tokens,
        "--compute-column": asked.compute,
        "--loss-column": asked.loss,
        "--unique-column": asked.unique,
    }
    named = {option: name for option, name in wanted.items() if name is not None}
    places = _chosen(table, asked)
    cells = {
        name: [_column(table, asked.path, option, name)[place] for place in places]
        for option, name in named.items()
    }
    numbers, bad = read_runs(cells)
    bad = [replace(row, row=places[row.row - 1] + 1) for row in bad]
    if bad and not asked.skip_bad_rows:
        raise FitImpossible(
            f"{len(bad)} of {len(places)} rows of {asked.path.name} cannot be fitted "
            f"({name_rows(bad)}); correct them, or leave them out with --skip-bad-rows"
        )
    return _runs(asked, numbers, places, bad), bad, table.sha256


def _runs(
    asked: Asked, numbers: dict[str, Any], places: Sequence[int], bad: Sequence[BadRow]
) -> Runs:
    params = numbers[asked.params]
    if asked.compute is not None:
        tokens = numbers[asked.compute] / (FLOP_PER_PARAM_TOKEN * params)
    else:
        tokens = numbers[asked.tokens or ""]
    losses = numbers[asked.loss] * LOSS_UNITS[asked.loss_unit]
    unique = None if asked.unique is None else numbers[asked.unique]
    rows = np.array(places, dtype=np.intp) + 1
    good = ~np.isin(rows, [row.row for row in bad])
    return Runs(rows, params, tokens, losses, unique).keep(good)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit with everything that is said about it."""

    asked: Asked
    fit: ChinchillaFit
    every: Runs
    left_out: Runs
    bad: list[BadRow]
    sensitivity: list[tuple[int, Point]]
    cloud: Cloud | None
    diagnostics: Diagnostics
    sha256: str


def fit_file(asked: Asked, drop_highest: int, delta: float, resamples: int, seed: int) -> Fitted:
    """Fit the two-term law to a file of runs, with and without the highest losses."""
    every, bad, digest = read_asked(asked)
    kept, left_out = every.without_highest(drop_highest)
    fit = fit_chinchilla(kept, delta)
    other = 0 if drop_highest else max(1, round(OUTLIER_SHARE * len(every)))
    sensitivity = [(drop_highest, fit.point)]
    others = every.without_highest(other)[0] if other < len(every) else every
    try:
        sensitivity.append((other, fit_chinchilla(others, delta).point))
    except FitImpossible:
        # Too few runs are left without them: then there is nothing to compare with.
        sensitivity = sensitivity[:1]
    cloud = bootstrap(fit, resamples, seed) if resamples else None
    return Fitted(
        asked, fit, every, left_out, bad, sensitivity, cloud, diagnose(fit, cloud), digest
    )


def _constants(point: Point) -> Document:
    return {name: getattr(point, name) for name in ("A", "B", "E", "alpha", "beta")}


def fit_document(fitted: Fitted) -> Document:
    """The answer of `datawall fit chinchilla`."""
    fit, cloud = fitted.fit, fitted.cloud
    compute = FLOP_PER_PARAM_TOKEN * fit.runs.params * fit.runs.tokens
    return {
        **_constants(fit.point),
        "objective": fit.point.objective,
        "points": fit.point.points,
        "se": {} if cloud is None else cloud.standard_errors(),
        "ci95": {} if cloud is None else cloud.intervals(),
        "params_exponent": fit.point.params_exponent,
        "params_exponent_ci95": None if cloud is None else fitted.diagnostics.exponent_interval,
        "loss_unit": "nats",
        "delta": fit.delta,
        "starts": fit.starts,
        "agreeing_starts": fit.agreeing,
        "proven": fit.proven,
        "range_flop": [float(compute.min()), float(compute.max())],
        "resamples": 0 if cloud is None else len(cloud),
        "seed": None if cloud is None else cloud.seed,
        "converged_resamples": None if cloud is None else int(cloud.converged.sum()),
        "overflowed_resamples": None if cloud is None else cloud.overflowed,
        "dropped_rows": [int(row) for row in fitted.left_out.rows],
        "bad_rows": [asdict(row) for row in fitted.bad],
        "sensitivity": [
            {"dropped": count, **_constants(point), "objective": point.objective,
             "points": point.points}
            for count, point in fitted.sensitivity
        ],
        "warnings": list(fitted.diagnostics.warnings),
    }  # fmt: skip


def write_report(fitted: Fitted, path: Path) -> Path:
    """The page about a fit."""
    page = FitReport(
        file=fitted.asked.path.name,
        sha256=fitted.sha256,
        fit=fitted.fit,
        cloud=fitted.cloud,
        diagnostics=fitted.diagnostics,
        comparison=compare(fitted.fit.runs),
        sensitivity=fitted.sensitivity,
        left_out=fitted.left_out,
        bad=fitted.bad,
    )
    write_atomically(path, render_fit_html(page).encode())
    return path.resolve()


def store(workspace: Workspace, fitted: Fitted, name: str, now: datetime) -> str:
    """Keep a fit and its cloud in the warehouse as law `own`, fit NAME; says what happened."""
    if fitted.cloud is None:
        raise UsageError("--store keeps a fit with its cloud; give --bootstrap 2 or more")
    compute = FLOP_PER_PARAM_TOKEN * fitted.fit.runs.params * fitted.fit.runs.tokens
    kept = StoredFit(
        name=name,
        coefficients=_constants(fitted.fit.point),
        standard_errors=fitted.cloud.standard_errors(),
        intervals={k: [*v, 0.95] for k, v in fitted.cloud.intervals().items()},
        range_flop=(float(compute.min()), float(compute.max())),
        points=fitted.fit.point.points,
        draws={k: [float(x) for x in v] for k, v in fitted.cloud.draws.items()},
        file=fitted.asked.path.name,
        sha256=fitted.sha256,
    )
    ensure_ready(workspace)
    with writing(workspace) as connection:
        return save_fit(connection, kept, now)


@dataclass(frozen=True, slots=True)
class Repeated:
    """The repetition constants alone, and with every constant free."""

    alone: RepetitionFit
    alone_cloud: Cloud | None
    free: RepetitionFit | None
    free_cloud: Cloud | None
    bad: list[BadRow]


def fit_repetition_file(
    workspace: Workspace,
    asked: Asked,
    law: str,
    free: str,
    lowest: bool,
    delta: float,
    resamples: int,
    seed: int,
) -> Repeated:
    """Fit R_D* and R_N* to a file of runs, and then all constants."""
    if free not in ("none", "tied", "all"):
        raise UsageError(f"--free is {free!r}; allowed: none, tied, all")
    runs, bad, _ = read_asked(asked)
    base = _base(workspace, law)
    alone = fit_repetition(runs, base, "repetition", delta, from_base=not lowest)
    cloud = bootstrap_repetition(alone, resamples, seed) if resamples else None
    if free == "none":
        return Repeated(alone, cloud, None, None, bad)
    every = fit_repetition(runs, alone.point.theta, "tied" if free == "tied" else "all", delta)
    every_cloud = bootstrap_repetition(every, resamples, seed) if resamples else None
    return Repeated(alone, cloud, every, every_cloud, bad)


def _base(workspace: Workspace, law: str) -> Any:
    known = fits(workspace)
    row = known.get(law if ":" in law else f"{law}:published")
    needed = ("A", "B", "E", "alpha", "beta")
    if row is None or any(name not in row.coefficients for name in needed):
        usable = sorted(
            name for name, fit in known.items() if all(n in fit.coefficients for n in needed)
        )
        raise UsageError(f"--law is {law!r}; laws with A, B, E, alpha, beta: {', '.join(usable)}")
    c = row.coefficients
    stars = (c.get("r_d_star", 10.0), c.get("r_n_star", 10.0))
    return np.array([*np.log([c["A"], c["B"], c["E"]]), c["alpha"], c["beta"], *np.log(stars)])


def _repetition(fit: RepetitionFit, cloud: Cloud | None) -> Document:
    return {
        "r_d_star": fit.point.r_d_star,
        "r_n_star": fit.point.r_n_star,
        "objective": fit.point.objective,
        "points": fit.point.points,
        "ci95": {} if cloud is None else _without_end(cloud.intervals()),
        "starts": fit.starts,
        "agreeing_starts": fit.agreeing,
        "rivals": [
            {"r_d_star": p.r_d_star, "r_n_star": p.r_n_star, "objective": p.objective}
            for p in fit.others
        ],
    }


def _without_end(intervals: dict[str, list[float]]) -> dict[str, list[float | None]]:
    """Intervals with null for an end at the bound of R*: the runs set none."""
    return {
        name: [None if end > NO_END else end for end in ends] for name, ends in intervals.items()
    }


def repetition_document(fitted: Repeated) -> Document:
    """The answer of `datawall fit repetition`."""
    free = None
    if fitted.free is not None:
        point = fitted.free.point
        constants = {name: getattr(point, name) for name in ("A", "B", "E", "alpha", "beta")}
        free = constants | _repetition(fitted.free, fitted.free_cloud)
    return _repetition(fitted.alone, fitted.alone_cloud) | {
        "free": free,
        "bad_rows": [asdict(row) for row in fitted.bad],
    }
