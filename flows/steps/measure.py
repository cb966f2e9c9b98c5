"""Measure: files of a corpus to amounts, ratios and shares with intervals; stored if asked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from flows.errors import SourceChanged, SourceError, UsageError
from flows.measuring.files import CorpusFile, find, parts
from flows.measuring.language import languages, packed_sizes
from flows.measuring.measure import Options, PartResult
from flows.measuring.pool import bar, measured
from flows.measuring.tokens import TOKENIZERS
from flows.steps.prepare import ready, writing
from flows.workspace import Workspace
from models.errors import OutsideValidRange
from models.measure.estimate import Estimate
from models.measure.measurement import Measurement
from models.records import (
    DOMAINS,
    METRICS,
    CorpusRecord,
    Domain,
    InformationOrigin,
    InventoryRecord,
    MeasuredFactorRecord,
    Parsed,
)
from warehouse import snapshots
from warehouse.errors import VintageConflict
from warehouse.load import Artefact, LoadResult, file_origin, load
from warehouse.measured import PUBLISHER, SOURCE, owners

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class Result:
    """What a measurement found, ready to print or store."""

    corpus: str
    domain: str
    measured_on: date
    options: Options
    files: tuple[tuple[CorpusFile, str], ...]
    estimates: tuple[Estimate, ...]
    languages: tuple[Estimate, ...]
    unreadable: tuple[tuple[str, int, str], ...]

    def document(self) -> dict[str, Any]:
        """The result as one JSON document, the same for the same files and options."""
        return {
            "corpus": self.corpus,
            "domain": self.domain,
            "measured_on": self.measured_on.isoformat(),
            "tokenizer": self.options.tokenizer,
            "sample_share": self.options.sample_share,
            "estimates": [_row(estimate) for estimate in self.estimates],
            "languages": [
                {"language": e.name} | {k: v for k, v in _row(e).items() if k != "name"}
                for e in self.languages
            ],
            "unreadable": [
                {"reason": reason, "documents": count, "first": first}
                for reason, count, first in self.unreadable
            ],
            "files": [
                {"path": file.path, "bytes": file.size, "sha256": digest}
                for file, digest in self.files
            ],
        }


def _row(estimate: Estimate) -> dict[str, Any]:
    return {
        "name": estimate.name,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "ci_prob": estimate.ci_prob,
        "unit": estimate.unit,
        "basis": estimate.basis,
    }


def check(workspace: Workspace, corpus: str, domain: str, options: Options, store: bool) -> None:
    """Refuse what would be refused after hours of reading.

    Raises: UsageError
    """
    if not _NAME.fullmatch(corpus):
        raise UsageError(
            f"corpus name {corpus!r} is not allowed; use small letters, digits and hyphens, at "
            "most 64, such as my-corpus"
        )
    if domain not in DOMAINS:
        raise UsageError(f"domain {domain!r} is unknown; allowed: {', '.join(DOMAINS)}")
    if options.tokenizer not in TOKENIZERS:
        raise UsageError(
            f"tokenizer {options.tokenizer!r} is unknown; allowed: {', '.join(TOKENIZERS)}"
        )
    if options.split not in ("file", "line"):
        raise UsageError(f"--split is {options.split!r}; allowed: file, line")
    if not 0 < options.sample_share <= 1:
        raise UsageError(
            f"--sample is {options.sample_share:g}; give a share above 0 and up to 1, such as 0.1"
        )
    if store:
        with ready(workspace) as connection:
            others = [source for source in owners(connection, corpus) if source != SOURCE]
        if others:
            raise UsageError(
                f"corpus {corpus} is already stated by {others[0]}; give another --corpus, so that "
                "its figures stay what they are"
            )


def measure(
    places: Sequence[str], corpus: str, domain: str, options: Options, workers: int, today: date
) -> Result:
    """Read all files and estimate; stores nothing.

    Raises: SourceError when nothing could be read, UsageError for files nobody reads
    """
    files = find(places)
    total = Measurement(sample_share=options.sample_share)
    digests: dict[str, str] = {}
    with bar(sum(file.size for file in files), f"measuring {corpus}") as progress:
        for result in measured(parts(files, options.split), options, workers, progress):
            if isinstance(result, PartResult):
                total.merge(result.measurement)
                if result.sha256:
                    digests[result.part.file.path] = result.sha256
            else:
                digests[result[0]] = result[1]
    unreadable = tuple(
        (reason, count, total.examples[reason])
        for reason, count in sorted(total.unreadable.items())
    )
    if not total.documents:
        reasons = "; ".join(f"{n} × {reason}, first {first}" for reason, n, first in unreadable)
        raise SourceChanged(
            f"no document could be read in {len(files)} file(s): {reasons or 'they hold none'}"
        )
    try:
        estimates = total.estimates(options.tokenizer)
    except OutsideValidRange as error:
        raise UsageError(str(error)) from error
    estimates.append(total.compressed_share(packed_sizes(total.texts.texts)))
    return Result(
        corpus,
        domain,
        today,
        options,
        tuple((file, digests.get(file.path, "")) for file in files),
        tuple(estimates),
        tuple(total.language_shares(languages(total.texts.texts))),
        unreadable,
    )


def default_workers() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def store(workspace: Workspace, result: Result, now: datetime) -> LoadResult:
    """Keep a result as claims known today; the same result again changes nothing.

    Raises: SourceError where the corpus was measured today already with another result
    """
    content = json.dumps(result.document(), indent=1, ensure_ascii=False).encode(
        "utf-8", "backslashreplace"
    )
    digest, relative = snapshots.keep(workspace.snapshots, content)
    parsed = records(result)
    origin = file_origin(
        SOURCE, PUBLISHER, f"{len(result.files)} file(s), listed in the snapshot", "",
        parsed, digest, len(content),
    )  # fmt: skip
    try:
        with writing(workspace) as connection:
            return load(connection, SOURCE, [Artefact(parsed, origin, relative)], now)
    except VintageConflict as error:
        raise SourceError(
            f"corpus {result.corpus} was measured today already with another result, which stays; "
            "claims are dated by day: give this one another --corpus name"
        ) from error


def records(result: Result) -> Parsed:
    """Amounts as inventory, ratios and shares as measured factors."""
    made: InformationOrigin = "model" if result.domain == "synthetic" else "human"
    corpus = CorpusRecord(
        result.corpus, result.corpus, cast("Domain", result.domain), "unknown", made
    )
    day = result.measured_on
    inventory = [
        InventoryRecord(
            result.corpus, e.name, "raw", day, e.value, e.unit,  # type: ignore[arg-type]
            e.low, e.high, e.ci_prob, "measured", e.basis,
        )
        for e in result.estimates
        if e.name in METRICS
    ]  # fmt: skip
    factors = [e for e in result.estimates if e.name not in METRICS]
    named = [(e.name, e) for e in factors]
    named += [(f"language_share_{e.name}", e) for e in result.languages]
    return Parsed(
        series=result.corpus,
        vintage=day,
        corpora=(corpus,),
        inventory=tuple(inventory),
        factors=tuple(
            MeasuredFactorRecord(
                result.corpus, name, e.shape, e.value, e.unit, day, e.basis, e.low, e.high,
                e.ci_prob,
            )
            for name, e in named
        ),
    )  # fmt: skip
