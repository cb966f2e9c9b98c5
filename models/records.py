"""The shared vocabulary: typed rows that move between connectors, warehouse and forecasts.

A record says what one source states. Every number in it has a unit, and an origin that leads to
the publication or the bytes it was read from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from models.errors import RecordInvalid

Domain = Literal[
    "web",
    "crawled_web",
    "books",
    "papers",
    "code",
    "encyclopedic",
    "qa",
    "legal",
    "news",
    "social",
    "math",
    "patents",
    "transcripts",
    "multimodal",
    "private",
    "synthetic",
    "mixed",
]
Stage = Literal["raw", "deduplicated", "filtered", "unique"]
Metric = Literal[
    "tokens",
    "words",
    "bytes",
    "characters",
    "pages",
    "urls",
    "digests",
    "documents",
    "volumes",
    "changed_volumes",
    "works",
    "new_works",
    "editions",
    "repositories",
    "revisions",
    "parquet_bytes",
    "domains",
    "hosts",
    "tlds",
    "new_urls",
    "new_digests",
]
# How far a figure can be trusted: read in the publication, computed from published figures, quoted
# by somebody else, an author's estimate, this project's stated judgement, not checked at all, or
# measured by this project on the user's own files.
Status = Literal[
    "published", "derived", "secondary", "estimate", "judgement", "unverified", "measured"
]
InformationOrigin = Literal["human", "sensor", "verifier", "preference", "model"]
AccessClass = Literal["open", "mixed", "licensed", "restricted", "unknown"]
OriginKind = Literal["publication", "feed", "file", "judgement"]

DOMAINS: tuple[str, ...] = get_args(Domain)
STAGES: tuple[str, ...] = get_args(Stage)
METRICS: tuple[str, ...] = get_args(Metric)
STATUSES: tuple[str, ...] = get_args(Status)


def require(value: str, allowed: tuple[str, ...], what: str, where: str) -> None:
    """Raise `RecordInvalid` unless value is one of the allowed words."""
    if value not in allowed:
        raise RecordInvalid(f"{where}: {what} {value!r} is unknown; allowed: {', '.join(allowed)}")


@dataclass(frozen=True, slots=True)
class OriginRecord:
    """One cited publication, or one retrieved artefact (then with checksum and snapshot)."""

    origin_id: str
    kind: OriginKind
    publisher: str
    title: str
    url: str
    licence: str = ""
    published_on: date | None = None
    sha256: str = ""
    size_bytes: int | None = None

    def __post_init__(self) -> None:
        require(self.kind, get_args(OriginKind), "kind", f"origin {self.origin_id}")


@dataclass(frozen=True, slots=True)
class CorpusRecord:
    """One corpus. `parent_corpus` is overlap lineage: a corpus and its parent are never summed."""

    corpus_id: str
    name: str
    domain: Domain
    access_class: AccessClass
    information_origin: InformationOrigin
    parent_corpus: str = ""
    covers_from: date | None = None
    covers_to: date | None = None

    def __post_init__(self) -> None:
        where = f"corpus {self.corpus_id}"
        require(self.domain, DOMAINS, "domain", where)
        require(self.access_class, get_args(AccessClass), "access class", where)
        require(self.information_origin, get_args(InformationOrigin), "information origin", where)


@dataclass(frozen=True, slots=True)
class InventoryRecord:
    """How much of a corpus there is, at one stage, about one date, as one source states it.

    Interval [low, high] holds with probability ci_prob; all three are None where the source gives
    none. `known_at` is None in a connector's record: it then is the vintage of the artefact.
    """

    corpus_id: str
    metric: Metric
    stage: Stage
    valid_on: date
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    ci_prob: float | None = None
    status: Status = "published"
    basis: str = ""
    known_at: date | None = None
    origin_id: str = ""

    def __post_init__(self) -> None:
        where = f"inventory of {self.corpus_id}"
        require(self.metric, METRICS, "metric", where)
        require(self.stage, STAGES, "stage", where)
        require(self.status, STATUSES, "status", where)
        if not math.isfinite(self.value) or self.value < 0:
            raise RecordInvalid(
                f"{where}: {self.metric} is {self.value}; a finite number ≥ 0 is needed"
            )


@dataclass(frozen=True, slots=True)
class MeasuredFactorRecord:
    """A ratio or share measured on one corpus; scenarios name it `measured:CORPUS.NAME`.

    Interval [low, high] holds with probability ci_prob; all three are None where it was counted.
    """

    corpus_id: str
    name: str
    shape: str
    value: float
    unit: str
    valid_on: date
    basis: str
    low: float | None = None
    high: float | None = None
    ci_prob: float | None = None
    status: Status = "measured"

    def __post_init__(self) -> None:
        where = f"{self.name} of {self.corpus_id}"
        require(self.status, STATUSES, "status", where)
        if not math.isfinite(self.value) or self.value < 0:
            raise RecordInvalid(f"{where} is {self.value}; a finite number ≥ 0 is needed")


@dataclass(frozen=True, slots=True)
class TrainingRunRecord:
    """A model trained in the past, as one vintage of a list describes it. Blank: unstated."""

    model: str
    published_on: date | None
    organization: str
    domain: str
    params: float | None
    tokens: float | None
    compute_flop: float | None
    epochs: float | None
    confidence: str
    notability: str
    accessibility: str
    base_model: str
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row a connector could not read: where, why, and its text, for the quarantine."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a connector read from one artefact.

    series: which of the source's publications this is (e.g. monthly, cumulative, notable).
    vintage: the date at which this state of knowledge was published, read from the artefact.
    A series' artefact is complete: a record of an earlier vintage absent here was withdrawn.
    parquet: the artefact is a Parquet file of own columns (models.own_inventory), whose figures are
    too many to pass through here; the warehouse reads them from the kept file.
    """

    series: str
    vintage: date
    corpora: tuple[CorpusRecord, ...] = ()
    inventory: tuple[InventoryRecord, ...] = ()
    training_runs: tuple[TrainingRunRecord, ...] = ()
    rejected: tuple[RejectedRow, ...] = field(default=())
    factors: tuple[MeasuredFactorRecord, ...] = ()
    parquet: bool = False

    @property
    def rows(self) -> int:
        """Number of records, rejected rows not counted."""
        return (
            len(self.inventory)
            + len(self.training_runs)
            + (len(self.corpora) if not self.inventory and not self.training_runs else 0)
        )
