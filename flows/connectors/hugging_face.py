"""Hugging Face: how many rows and bytes the large open text data sets hold.

Series:  size-OWNER--NAME, info-OWNER--NAME  one data set each (with a config: OWNER--NAME--CONFIG)
Units:   rows (documents), and bytes of the Parquet files as stored, packed and with all columns
Whole:   a data set with a config `default` is that config, of which the others are parts
         (FineWeb); else it is the sum of its configs (FineWeb2). Of a data set converted in part
         only its estimated number of rows is taken. One with failed, pending or blocked subsets has
         no total.
Vintage: the date in the file's name: the answer does not tell it
Source:  datasets-server.huggingface.co /size and /info (info is read from files, not fetched: it
         repeats the counts of size)
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path, PurePath
from typing import Any

from flows.connectors import answers
from flows.connectors.feed import Feed, Key, Schedule
from flows.errors import SourceChanged
from models.records import (
    CorpusRecord,
    Domain,
    InformationOrigin,
    InventoryRecord,
    Parsed,
    Stage,
)

name = "hugging_face"
publisher = "Hugging Face"
url = "https://huggingface.co/docs/dataset-viewer/size"
licence = "each data set's own"
schedule: Schedule = "weekly"
group = "datasets"
bulk = False

# Data sets that need no consent, under the names the catalogue gives them.
_SETS: dict[str, tuple[str, Domain, Stage]] = {
    "HuggingFaceFW/fineweb": ("fineweb", "web", "deduplicated"),
    "HuggingFaceFW/fineweb-edu": ("fineweb-edu", "web", "filtered"),
    "HuggingFaceFW/fineweb-2": ("fineweb2", "web", "filtered"),
    "HuggingFaceFW/finepdfs": ("finepdfs", "papers", "filtered"),
    "tiiuae/falcon-refinedweb": ("refinedweb-public", "web", "filtered"),
    "allenai/c4": ("c4", "web", "filtered"),
    "mlfoundations/dclm-baseline-1.0-parquet": ("dclm-baseline", "web", "filtered"),
    "open-web-math/open-web-math": ("openwebmath", "math", "filtered"),
    "HuggingFaceTB/cosmopedia": ("cosmopedia", "synthetic", "filtered"),
    "PleIAs/common_corpus": ("common-corpus", "mixed", "filtered"),
}
_WHOLE = "default"
_READ = re.compile(
    r"(size|info)\.([\w.-]{1,96}?)--([\w.-]{1,96}?)(?:--([\w.-]{1,96}?))?"
    r"(?:\.[0-9]{4}-[0-9]{2}-[0-9]{2})?\.json(?:\.gz)?"
)


def feeds() -> list[Feed]:
    """One question a data set; a token is needed for gated ones only."""
    return [_feed(dataset) for dataset in _SETS]


def _feed(dataset: str) -> Feed:
    subject = dataset.replace("/", "--")
    return Feed(
        f"size-{subject}",
        f"size.{subject}.json",
        f"https://datasets-server.huggingface.co/size?dataset={dataset.replace('/', '%2F')}",
        "json",
        dated=True,
        keys=(Key("HF_TOKEN", header="Authorization", template="Bearer {}"),),
    )


def find(folder: Path) -> list[Path]:
    """Answers in the sub-folder hugging_face, by name."""
    return answers.found_in(folder, name, _READ)


def unread(folder: Path) -> list[Path]:
    """Files of this publisher that are known and not read: none."""
    return []


def parse(name: str, content: bytes, known_at: date | None) -> Parsed:
    """The size of one data set; the file's name says of which."""
    file_name = PurePath(name).name
    match = _READ.fullmatch(file_name)
    if match is None:
        raise SourceChanged(
            f"{file_name[:100]!r} is no name of a Hugging Face answer; allowed: "
            "size.OWNER--NAME.json, info.OWNER--NAME.json, with a date before .json"
        )
    kind, owner, short, config = match.groups()
    dataset = f"{owner}/{short}"
    document = answers.document(name, content)
    _refuse(name, document)
    day = answers.day_of(name, None, known_at)
    corpus, stage = _corpus(dataset, config)
    if kind == "size":
        inventory = _size(name, document, dataset, config, corpus.corpus_id, stage, day)
    else:
        inventory = _info(name, document, config, corpus.corpus_id, stage, day)
    series = "--".join(filter(None, (f"{kind}-{owner}", short, config)))
    return Parsed(series, day, (corpus,), tuple(inventory))


def _refuse(name: str, document: dict[str, Any]) -> None:
    """Raise for an answer without a whole total: an error, failed or unfinished subsets."""
    if isinstance(document.get("error"), str):
        raise SourceChanged(f"{name} is an error: {document['error'][:160]!r}")
    for word in ("failed", "pending"):
        subsets = document.get(word)
        if isinstance(subsets, list) and subsets:
            raise SourceChanged(
                f"{name}: {len(subsets)} of its subsets are {word}; no total is known"
            )


def _corpus(dataset: str, config: str | None) -> tuple[CorpusRecord, Stage]:
    if dataset in _SETS and config is None:
        corpus, domain, stage = _SETS[dataset]
        origin: InformationOrigin = "model" if domain == "synthetic" else "human"
        return CorpusRecord(corpus, dataset, domain, "open", origin), stage
    words = re.sub(r"[^a-z0-9]+", "-", f"hf {dataset} {config or ''}".lower()).strip("-")
    return CorpusRecord(
        words, f"{dataset} {config or ''}".strip(), "mixed", "unknown", "human"
    ), "raw"


def _size(
    name: str,
    document: dict[str, Any],
    dataset: str,
    config: str | None,
    corpus: str,
    stage: Stage,
    day: date,
) -> list[InventoryRecord]:
    sized = answers.at(name, document, "size", "dataset" if config is None else "config")
    stated = answers.at(name, sized, "dataset")
    if stated != dataset or (config is not None and sized.get("config") != config):
        raise SourceChanged(f"{name} is an answer about {str(stated)[:100]!r}")
    if config is None:
        configs = answers.at(name, document, "size", "configs")
        whole = [
            entry
            for entry in (configs if isinstance(configs, list) else ())
            if isinstance(entry, dict) and entry.get("config") == _WHOLE
        ]
        sized = whole[0] if len(whole) == 1 else sized
    estimate = sized.get("estimated_num_rows")
    if estimate is not None:
        rows = answers.count(name, sized, "estimated_num_rows")
        basis = "rows, estimated by the publisher from the part it converted"
        return [answers.figure(corpus, "documents", stage, day, rows, basis, "estimate")]
    if document.get("partial") is not False:
        raise SourceChanged(f"{name} counts only a part of the data set, and gives no estimate")
    rows = answers.count(name, sized, "num_rows")
    stored = answers.count(name, sized, "num_bytes_parquet_files")
    files = "Parquet files as stored: packed, all columns"
    return [
        answers.figure(corpus, "documents", stage, day, rows, "rows, exact count"),
        answers.figure(corpus, "parquet_bytes", stage, day, stored, files, unit="bytes"),
    ]


def _info(
    name: str, document: dict[str, Any], config: str | None, corpus: str, stage: Stage, day: date
) -> list[InventoryRecord]:
    described = answers.at(name, document, "dataset_info")
    if document.get("partial") is not False:
        raise SourceChanged(f"{name} describes only a part of the data set")
    configs = [described] if config is not None else _described(name, described)
    rows = sum(
        answers.count(name, split, "num_examples")
        for each in configs
        for split in _splits(name, each)
    )
    return [
        answers.figure(corpus, "documents", stage, day, rows, "rows of all splits, exact count")
    ]


def _described(name: str, described: Any) -> list[Any]:
    if not isinstance(described, dict) or not described:
        raise SourceChanged(f"{name} describes no config")
    return [described[_WHOLE]] if _WHOLE in described else list(described.values())


def _splits(name: str, config: Any) -> list[Any]:
    splits = answers.at(name, config, "splits")
    if not isinstance(splits, dict) or not splits:
        raise SourceChanged(f"{name}: a config has no splits")
    return list(splits.values())
