"""Training learns what can be learnt, repeats bit for bit, and goes on exactly."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="torch is an optional extra: make probe")

from models.errors import ModelError  # noqa: E402
from models.probe.order import DataOrder  # noqa: E402
from models.probe.shape import Shape  # noqa: E402
from models.probe.training import Recipe, Trainer, learning_rate, use_deterministic  # noqa: E402

SHAPE = Shape(16, 1, 16, 12)
RECIPE = Recipe(learning_rate=1e-2, weight_decay=0.1, warmup=0.1, seed=3)


def _tokens(size: int, seed: int) -> NDArray[np.int64]:
    """A chain on ten tokens: each follows its neighbour with 0.82, else one of the nine others."""
    chance = np.random.default_rng(seed)
    steps = np.where(chance.random(size) < 0.2, chance.integers(0, 10, size), 1)
    return np.cumsum(steps) % 10


def _trainer(epochs: float = 2.0, recipe: Recipe = RECIPE) -> Trainer:
    use_deterministic(1)
    return Trainer(SHAPE, recipe, DataOrder(4096, 16, 8, epochs, 1), "cpu")


def test_loss_falls_to_the_entropy_of_the_text() -> None:
    trainer, tokens = _trainer(6), _tokens(4097, 0)
    start = trainer.evaluate(_tokens(4097, 1))
    for _ in range(trainer.order.steps):
        trainer.advance(tokens)
    end = trainer.evaluate(_tokens(4097, 1))
    # Of a token given the one before; no network can do better.
    entropy = -0.82 * math.log(0.82) - 9 * 0.02 * math.log(0.02)
    assert start.nats_per_token == pytest.approx(math.log(12), abs=0.1)
    assert entropy - 3 * end.standard_error < end.nats_per_token < entropy + 0.1
    assert end.tokens == 4096


def test_equal_settings_give_equal_weights() -> None:
    tokens, trainers = _tokens(4097, 0), [_trainer(), _trainer()]
    losses = [[t.advance(tokens) for _ in range(20)] for t in trainers]
    assert losses[0] == losses[1]
    assert trainers[0].weights_sha256() == trainers[1].weights_sha256()
    other = _trainer(recipe=Recipe(1e-2, 0.1, 0.1, seed=4))
    assert other.advance(tokens) != losses[0][0]


@pytest.mark.parametrize("stop", [1, 7, 33])
def test_a_restored_training_goes_on_exactly(stop: int) -> None:
    tokens, whole = _tokens(4097, 0), _trainer()
    for _ in range(40):
        whole.advance(tokens)
    first, second = _trainer(), _trainer()
    for _ in range(stop):
        first.advance(tokens)
    buffer = io.BytesIO()
    torch.save(first.state(), buffer)
    buffer.seek(0)
    second.restore(torch.load(buffer, weights_only=True))
    for _ in range(40 - stop):
        second.advance(tokens)
    assert second.weights_sha256() == whole.weights_sha256()


def test_attention_never_looks_ahead() -> None:
    network, chance = _trainer().network, np.random.default_rng(0)
    first = torch.from_numpy(chance.integers(0, 12, (1, 16)))
    second = first.clone()
    second[0, 9:] = torch.from_numpy(chance.integers(0, 12, 7))
    with torch.no_grad():
        there, here = network(first), network(second)
    assert torch.equal(there[0, :9], here[0, :9])
    assert not torch.equal(there[0, 9:], here[0, 9:])


def test_learning_rate_rises_then_falls_to_a_tenth() -> None:
    rates = [learning_rate(RECIPE, step, 100) for step in range(100)]
    assert rates[9] == max(rates) == RECIPE.learning_rate
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert learning_rate(RECIPE, 100, 100) == pytest.approx(1e-3)


def test_a_loss_that_is_no_number_stops() -> None:
    trainer = _trainer(recipe=Recipe(1.0, 0.1, 0.0, 0))
    with torch.no_grad():
        trainer.network.embedding.weight.fill_(math.nan)
    with pytest.raises(ModelError, match="lower learning_rate"):
        trainer.advance(_tokens(4097, 0))


def test_standard_error_is_that_of_window_means() -> None:
    trainer, tokens = _trainer(), _tokens(16 * 50 + 1, 2)
    means: list[Any] = [
        trainer.evaluate(tokens[16 * i : 16 * i + 17]).nats_per_token for i in range(50)
    ]
    whole = trainer.evaluate(tokens)
    assert whole.nats_per_token == pytest.approx(np.mean(means), rel=1e-6)
    assert whole.standard_error == pytest.approx(np.std(means, ddof=1) / 50**0.5, rel=1e-4)
