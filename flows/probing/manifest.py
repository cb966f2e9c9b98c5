"""What a probe is asked to do: a file of its own, or words after the launched command.

A probe file is YAML or JSON with the keys of `ProbeSettings`. A launched job instead gets the
launch manifest, which names the run, its size and its budget, and its settings as `key=value` words
of the payload, so that whoever approves the manifest approves them too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from flows.errors import LaunchRefused, UsageError
from forecasts.errors import ScenarioInvalid
from forecasts.reading import Number, Section, Whole, explain, read_text, read_yaml
from models.probe.order import DataOrder
from models.probe.shape import Shape, shape_for
from models.probe.tokens import Tokenizer, vocabulary
from models.records import Domain

# What a launched job may be larger or smaller than the approved manifest says.
TOLERANCE = 0.2


class ProbeSettings(Section):
    """One probe run, complete: equal settings on equal text give equal weights on a CPU."""

    run: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="unique name")
    study: str = Field(
        default="", pattern=r"^[a-z0-9-]{0,64}$", description="name that runs fitted together share"
    )
    corpus: tuple[str, ...] = Field(
        min_length=1, description=".txt and .jsonl files, or folders of them"
    )
    domain: Domain = Field(default="mixed", description="domain of the text")
    tokenizer: Tokenizer = Field(default="byte", description="byte, cl100k_base or o200k_base")
    unique_tokens: Whole | None = Field(default=None, gt=0, description="different tokens read")
    tokens: Whole | None = Field(default=None, gt=0, description="tokens read, repeats included")
    epochs: Number | None = Field(default=None, gt=0, description="tokens over unique_tokens")
    params: Number | None = Field(default=None, gt=0, description="trainable parameters wanted")
    width: Whole | None = Field(default=None, gt=0, description="instead of params, with depth")
    depth: Whole | None = Field(default=None, gt=0, description="layers, with width")
    context: Whole = Field(default=256, ge=2, le=65_536, description="tokens seen at once")
    batch: Whole = Field(default=16, ge=1, description="windows of `context` tokens a step")
    learning_rate: Number = Field(default=1e-3, gt=0, le=1, description="highest rate")
    weight_decay: Number = Field(default=0.1, ge=0, le=10, description="of AdamW, on matrices")
    warmup: Number = Field(default=0.05, ge=0, lt=1, description="share of steps that rise")
    seed: Whole = Field(default=0, ge=0, description="of weights and of the order in each epoch")
    data_seed: Whole = Field(default=0, ge=0, description="of the choice of documents")
    held_out_share: Number = Field(
        default=0.05, gt=0, lt=1, description="share of documents never trained on"
    )
    held_out_tokens: Whole = Field(
        default=1_000_000, gt=1, description="most held-out tokens the loss is measured on"
    )
    log_every: Whole = Field(default=10, ge=1, description="steps between rows of the loss curve")
    evaluate_every: Whole = Field(
        default=0, ge=0, description="steps between held-out losses; 0: only at the end"
    )
    checkpoint_every: Whole = Field(default=200, ge=1, description="steps between checkpoints")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where it trains")
    threads: Whole = Field(default=1, ge=1, le=256, description="CPU threads")
    price_per_hour_usd: Number = Field(default=0.0, ge=0, description="of the machine")
    budget_usd: Number | None = Field(default=None, gt=0, description="most the run may cost")

    @model_validator(mode="after")
    def _sized(self) -> ProbeSettings:
        given = [self.unique_tokens, self.tokens, self.epochs]
        if sum(number is not None for number in given) != 2:
            raise ValueError("give two of unique_tokens, tokens, epochs")
        if (self.width is None) != (self.depth is None):
            raise ValueError("width and depth are given together")
        if (self.params is None) == (self.width is None):
            raise ValueError("give params, or width and depth")
        if self.budget_usd is not None and self.price_per_hour_usd == 0:
            raise ValueError("budget_usd needs price_per_hour_usd, or nothing would ever be spent")
        return self

    def shape(self) -> Shape:
        """The network. Raises: OutsideValidRange for a size that cannot be had"""
        size = vocabulary(self.tokenizer)
        if self.width is not None and self.depth is not None:
            return Shape(self.width, self.depth, self.context, size)
        return shape_for(self.params or 0, self.context, size)

    def order(self) -> DataOrder:
        """What is read when. Raises: OutsideValidRange for a run without a single step"""
        unique, tokens, epochs = self.unique_tokens, self.tokens, self.epochs
        if unique is None:
            unique = round((tokens or 0) / (epochs or 1))
        if epochs is None:
            epochs = (tokens or 0) / unique
        return DataOrder(unique, self.context, self.batch, epochs, self.seed)

    def sha256(self) -> str:
        """Checksum of what decides the numbers; where it runs and what it costs do not."""
        aside = {
            "corpus", "log_every", "evaluate_every", "checkpoint_every", "device",
            "price_per_hour_usd", "budget_usd",
        }  # fmt: skip
        text = json.dumps(self.model_dump(mode="json", exclude=aside), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_settings(path: Path | None, words: Sequence[str]) -> tuple[ProbeSettings, dict[str, Any]]:
    """Settings of a probe, and the launch manifest they were approved under (empty without one).

    path: a probe file or a launch manifest; words: `key=value`, stronger than a probe file
    Raises: UsageError for what cannot be read; LaunchRefused for a job that is not the approved one
    """
    where = "the probe's settings" if path is None else str(path)
    document = {} if path is None else _mapping(path)
    approved = document if "payload" in document and "decision_id" in document else {}
    given: dict[str, Any] = {} if approved else dict(document)
    given |= words_of(words)
    if approved:
        _require_same(given, "run", approved.get("run"))
        given |= {"run": approved.get("run")}
        if approved.get("budget_usd") is not None and given.get("price_per_hour_usd"):
            given["budget_usd"] = approved["budget_usd"]
    try:
        settings = ProbeSettings.model_validate(given)
    except ValidationError as error:
        raise UsageError(explain(error, where, ProbeSettings)) from error
    if approved:
        _require_approved(settings, approved)
    return settings, approved


def _mapping(path: Path) -> dict[str, Any]:
    try:
        return read_yaml(read_text(path, "probe"), str(path))
    except ScenarioInvalid as error:
        raise UsageError(str(error)) from error


def words_of(words: Sequence[str]) -> dict[str, Any]:
    """Settings written as key=value; corpus is a list with commas.

    Raises: UsageError for a word that is no setting
    """
    return dict(_word(word) for word in words)


def _word(word: str) -> tuple[str, Any]:
    key, equals, text = word.partition("=")
    if not equals:
        raise UsageError(f"{word!r} is no setting; write key=value, such as epochs=4")
    if key == "corpus":
        return key, [part for part in text.split(",") if part]
    try:
        return key, yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{word!r}: the value cannot be read; quote it") from error


def _require_same(given: Mapping[str, Any], key: str, approved: Any) -> None:
    if key in given and given[key] != approved:
        raise LaunchRefused(
            f"the command says {key}={given[key]}, the approved manifest {approved}; plan and "
            "approve the run again"
        )


def _require_approved(settings: ProbeSettings, approved: Mapping[str, Any]) -> None:
    """Refuse a job of another size than the manifest that was approved."""
    real = {"params": settings.shape().params, "tokens": settings.order().tokens}
    for key, value in real.items():
        wanted = approved.get(key)
        if not isinstance(wanted, int | float) or abs(value / wanted - 1) > TOLERANCE:
            raise LaunchRefused(
                f"the command would train with {key} {value:,}, the approved manifest says "
                f"{wanted}; at most {TOLERANCE:.0%} apart is allowed: plan and approve it again"
            )
