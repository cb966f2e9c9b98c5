"""What a finished probe states, as result.json holds it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from forecasts.reading import Section
from models.records import Domain

NAME = "result.json"


class ProbeResult(Section):
    """One measured training run. Losses in nats per token of the tokenizer named."""

    run: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="name of the run")
    study: str = Field(
        pattern=r"^[a-z0-9-]{0,64}$", description="name that runs fitted together share, or empty"
    )
    decision_id: str = Field(max_length=64, description="decision that launched it, or empty")
    launch_key: str = Field(max_length=200, description="key of its launch, or empty")
    domain: Domain = Field(description="domain of the text")
    tokenizer: str = Field(max_length=40, description="what a token is")
    params: int = Field(gt=0, description="trainable parameters")
    block_params: int = Field(gt=0, description="those outside the embedding")
    width: int = Field(gt=0, description="width of the network")
    depth: int = Field(gt=0, description="layers")
    context: int = Field(gt=0, description="tokens seen at once")
    batch: int = Field(gt=0, description="windows a step")
    learning_rate: float = Field(gt=0, description="highest learning rate")
    weight_decay: float = Field(ge=0, description="weight decay")
    seed: int = Field(ge=0, description="seed of weights and order")
    unique_tokens: int = Field(gt=0, description="different tokens read")
    tokens: int = Field(gt=0, description="tokens read, repeats included")
    epochs: float = Field(gt=0, description="tokens over unique tokens")
    steps: int = Field(gt=0, description="optimiser steps")
    compute_flop: float = Field(gt=0, description="training FLOP, matrix products only")
    loss_nats: float = Field(description="loss on held-out text")
    loss_se: float = Field(ge=0, description="its standard error over held-out windows")
    bits_per_byte: float = Field(description="the same per byte of text, in bits")
    training_loss_nats: float = Field(description="mean loss of the last tenth of the steps")
    held_out_tokens: int = Field(gt=0, description="held-out tokens predicted")
    device: str = Field(max_length=200, description="GPU model, or cpu")
    torch: str = Field(max_length=60, description="version of torch")
    seconds: float = Field(ge=0, description="metered time, all attempts")
    price_per_hour_usd: float = Field(ge=0, description="price it was metered at")
    cost_usd: float = Field(ge=0, description="seconds times price")
    tokens_per_s: float = Field(ge=0, description="training speed of the last attempt")
    memory_bytes: int = Field(ge=0, description="most memory used")
    matmul_flop_per_s: float | None = Field(description="the GPU's measured ceiling, or null")
    model_flop_utilisation: float | None = Field(description="share of that ceiling, or null")
    attempts: int = Field(gt=0, description="processes it took")
    settings_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="checksum of its settings")
    corpus_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="checksum of its tokens")
    weights_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="checksum of its weights")
    curve_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="checksum of its loss curve")
    finished_at: datetime = Field(description="when it ended, UTC")
