"""The published schema of a planner's own inventory: one row a figure, in any of four formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from models.records import DOMAINS, METRICS, STAGES, STATUSES, AccessClass, InformationOrigin


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it holds, and what stands where it is missing or blank."""

    name: str
    type: Literal["text", "date", "number"]
    required: bool
    meaning: str
    default: str = ""
    allowed: tuple[str, ...] = ()


OWN_COLUMNS = (
    Column("corpus_id", "text", True, "key of the corpus; the same in every file about it"),
    Column("domain", "text", True, "domain the corpus belongs to", allowed=DOMAINS),
    Column("metric", "text", True, "what is counted", allowed=METRICS),
    Column("stage", "text", True, "how far it is processed", allowed=STAGES),
    Column("valid_on", "date", True, "day the figure is about, as YYYY-MM-DD"),
    Column("value", "number", True, "the figure, at least 0"),
    Column("unit", "text", False, "unit of the figure", "the metric"),
    Column("low", "number", False, "lower end of its interval; with high and ci_prob or blank"),
    Column("high", "number", False, "upper end of its interval"),
    Column("ci_prob", "number", False, "probability that the interval holds the truth, 0–1"),
    Column("name", "text", False, "name of the corpus", "corpus_id"),
    Column("parent_corpus", "text", False, "corpus that contains it; they are never summed"),
    Column(
        "access_class", "text", False, "who may use it", "unknown", allowed=get_args(AccessClass)
    ),
    Column(
        "information_origin", "text", False, "whose information it is", "human",
        allowed=get_args(InformationOrigin),
    ),
    Column("status", "text", False, "how sure the figure is", "estimate", allowed=STATUSES),
    Column("basis", "text", False, "how it was counted: tokenizer, tool, caveat"),
)  # fmt: skip
REQUIRED = tuple(column.name for column in OWN_COLUMNS if column.required)
NAMES = tuple(column.name for column in OWN_COLUMNS)

_EXAMPLE = """\
figures:
  - corpus_id: our-support-tickets
    name: Support tickets
    domain: private
    metric: tokens
    stage: deduplicated
    valid_on: 2026-06-30
    value: 4.2e9
    low: 4.0e9
    high: 4.4e9
    ci_prob: 0.9
    access_class: restricted
    status: estimate
    basis: o200k_base on a sample of 1 %
  - corpus_id: our-support-tickets
    domain: private
    metric: documents
    stage: raw
    valid_on: 2026-06-30
    value: 18500000
    name: Support tickets
    access_class: restricted
"""


def template() -> str:
    """A complete, commented file that `datawall ingest` accepts unchanged."""
    lines = [
        "# Your own inventory: one entry a figure. Save it as own_inventory.2026-06-30.yaml: the",
        "# date is the vintage: known from that day on. A later file with the same",
        "# label (own_inventory.LABEL.DATE.yaml) replaces it. Then:",
        "#   datawall ingest own_inventory --from FOLDER",
        "# The same columns work as .csv, .xlsx (first sheet) and .parquet.",
        "#",
    ]
    for column in OWN_COLUMNS:
        need = "required" if column.required else f"default: {column.default or 'none'}"
        lines.append(f"# {column.name} ({column.type}, {need}): {column.meaning}")
        if column.allowed:
            lines.append(f"#   one of {', '.join(column.allowed)}")
    return "\n".join(lines) + "\n" + _EXAMPLE
