"""A probe run: text in, loss curve, checkpoints and one measured result out.

A run that is stopped or killed goes on from its last checkpoint when it is started again in the
same folder, and ends with the same weights as one that was left alone (bit for bit on a CPU).
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from flows.errors import LaunchRefused, WorkspaceUnusable
from flows.probing import checkpoint
from flows.probing.corpus import Corpus, read_corpus
from flows.probing.curve import Curve
from flows.probing.device import choose_device, device_name, matmul_ceiling, peak_memory_bytes
from flows.probing.manifest import ProbeSettings
from flows.probing.result import NAME, ProbeResult
from models.probe.training import Evaluation, Recipe, Trainer, use_deterministic
from warehouse.snapshots import sha256, write_atomically

# Compiling and filling caches are no part of a speed.
STEPS_BEFORE_TIMING = 10


class Interrupted(LaunchRefused):
    """A run told to stop; its checkpoint is written, and it goes on when started again."""


class Meter:
    """Time paid for, over all attempts, and what it costs."""

    def __init__(self, before_s: float, price_per_hour_usd: float) -> None:
        self._before_s, self._price = before_s, price_per_hour_usd
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of all attempts."""
        return self._before_s + time.monotonic() - self._start

    @property
    def cost_usd(self) -> float:
        """Seconds times price."""
        return self.seconds / 3600 * self._price


def run_probe(
    settings: ProbeSettings,
    out: Path,
    say: Callable[[str], None],
    *,
    decision_id: str = "",
    launch_key: str = "",
) -> ProbeResult:
    """Train one probe in a folder, or return what a finished one left there.

    Raises: Interrupted after SIGTERM or SIGINT; LaunchRefused for a folder in use or of another
    run, and when the budget is spent; SourceError for unusable text
    """
    with checkpoint.alone(out):
        done = read_result(out)
        if done is not None:
            _require_own(out, done.settings_sha256, settings)
            return done
        device = choose_device(settings.device)
        use_deterministic(settings.threads, strict=device == "cpu")
        corpus = read_corpus(settings)
        run = _Run(settings, corpus, out, device, say)
        with _stopping() as told:
            run.train(told)
        result = run.result(decision_id, launch_key)
        write_atomically(out / NAME, result.model_dump_json(indent=2).encode() + b"\n")
        return result


def read_result(out: Path) -> ProbeResult | None:
    """The result a folder holds, None if its run has not ended.

    Raises: WorkspaceUnusable for a file that is no result
    """
    path = out / NAME
    if not path.exists():
        return None
    try:
        return ProbeResult.model_validate_json(path.read_bytes())
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise WorkspaceUnusable(
            f"{path} is no probe's result ({first}); run the probe again"
        ) from error


def _require_own(out: Path, seen_sha256: str, settings: ProbeSettings) -> None:
    if seen_sha256 != settings.sha256():
        raise LaunchRefused(
            f"{out} holds a run with other settings; choose another --out, or delete it"
        )


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT came; the step that runs is finished first."""
    came: list[int] = []
    wanted = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in wanted}
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Run:
    """One attempt at a run: its network, where it stands, and what it writes."""

    def __init__(
        self, settings: ProbeSettings, corpus: Corpus, out: Path, device: str,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.settings, self.corpus, self.out, self.device, self.say = (
            settings, corpus, out, device, say,
        )  # fmt: skip
        recipe = Recipe(
            settings.learning_rate, settings.weight_decay, settings.warmup, settings.seed
        )
        self.trainer = Trainer(settings.shape(), recipe, settings.order(), device)
        self.curve = Curve(out / "loss.jsonl")
        self.attempts = 1
        self._go_on()
        self.meter = Meter(self.curve.resume(self.trainer.step), settings.price_per_hour_usd)
        self._timed_from = (self.trainer.step, time.monotonic())

    def _go_on(self) -> None:
        """Restore the folder's checkpoint. Every attempt is counted before it trains."""
        state = checkpoint.load(self.out, self.device)
        if state is None:
            self._save()
            return
        _require_own(self.out, state["settings_sha256"], self.settings)
        if state["corpus_sha256"] != self.corpus.sha256:
            raise LaunchRefused(
                f"the text has changed since the checkpoint in {self.out}; restore it, or choose "
                "another --out"
            )
        self.attempts = int(state["attempts"]) + 1
        self.trainer.restore(state)
        self._save()
        self.say(f"{self.settings.run}: goes on after step {self.trainer.step}")

    def _save(self) -> None:
        own = {
            "settings_sha256": self.settings.sha256(),
            "corpus_sha256": self.corpus.sha256,
            "attempts": self.attempts,
        }
        checkpoint.save(self.out, self.trainer.state() | own)

    def train(self, told_to_stop: Callable[[], bool]) -> None:
        """Advance to the last step. Raises: Interrupted, LaunchRefused, both after a checkpoint"""
        steps, settings = self.trainer.order.steps, self.settings
        first = self.trainer.step
        while self.trainer.step < steps:
            loss = self.trainer.advance(self.corpus.training)
            step = self.trainer.step
            if step == first + STEPS_BEFORE_TIMING:
                self._timed_from = (step, time.monotonic())
            if step % settings.log_every == 0 or step == steps:
                self._write("training", loss)
            if settings.evaluate_every and step % settings.evaluate_every == 0 and step < steps:
                held_out = self.trainer.evaluate(self.corpus.held_out)
                self._write("held_out", held_out.nats_per_token)
                self.say(
                    f"{settings.run}: step {step} of {steps}, held-out loss "
                    f"{held_out.nats_per_token:.4f} nats"
                )
            self._stop_if(told_to_stop())
            if step % settings.checkpoint_every == 0 or step == steps:
                self._save()

    def _stop_if(self, told: bool) -> None:
        budget, run = self.settings.budget_usd, self.settings.run
        spent = budget is not None and self.meter.cost_usd >= budget
        if not (told or spent) or self.trainer.step == self.trainer.order.steps:
            return
        self._save()
        place = f"step {self.trainer.step} of {self.trainer.order.steps}"
        if told:
            raise Interrupted(f"{run} was told to stop at {place}; start it again to go on")
        raise LaunchRefused(
            f"{run} has spent its budget of {budget:g} USD at {place}; raise budget_usd and start "
            "it again to go on"
        )

    def _write(self, kind: str, loss: float) -> None:
        order, step = self.trainer.order, self.trainer.step
        tokens = step * order.batch * order.context
        self.curve.append(
            step=step, tokens=tokens, epochs=round(tokens / (order.windows * order.context), 4),
            kind=kind, loss_nats=loss, seconds=round(self.meter.seconds, 3),
        )  # fmt: skip

    def _speed(self) -> float:
        step, since = self._timed_from
        if self.device == "cuda":
            torch.cuda.synchronize()
        read = (self.trainer.step - step) * self.trainer.order.batch * self.trainer.order.context
        return read / max(time.monotonic() - since, 1e-9)

    def result(self, decision_id: str, launch_key: str) -> ProbeResult:
        """Measure the trained network on the held-out text."""
        speed = self._speed()
        held_out = self.trainer.evaluate(self.corpus.held_out)
        self._write("held_out", held_out.nats_per_token)
        seconds, cost = self.meter.seconds, self.meter.cost_usd
        return ProbeResult(
            **_asked(self.settings, self.trainer),
            **_measured(held_out, self.corpus),
            **_machine(self.device, speed, self.trainer.shape.flop_per_token),
            decision_id=decision_id,
            launch_key=launch_key,
            training_loss_nats=self._last_losses(),
            seconds=float(f"{seconds:.6g}"),
            price_per_hour_usd=self.settings.price_per_hour_usd,
            cost_usd=float(f"{cost:.6g}"),
            attempts=self.attempts,
            weights_sha256=self.trainer.weights_sha256(),
            curve_sha256=sha256(self.curve.path.read_bytes()),
            finished_at=datetime.now(UTC),
        )

    def _last_losses(self) -> float:
        rows = [row for row in self.curve.rows() if row["kind"] == "training"]
        last = [row["loss_nats"] for row in rows if row["step"] > 0.9 * self.trainer.order.steps]
        return math.fsum(last) / len(last)


def _asked(settings: ProbeSettings, trainer: Trainer) -> dict[str, Any]:
    shape, order = trainer.shape, trainer.order
    kept = ("run", "study", "domain", "tokenizer", "batch", "context", "learning_rate",
            "weight_decay", "seed")  # fmt: skip
    return {name: getattr(settings, name) for name in kept} | {
        "params": shape.params,
        "block_params": shape.block_params,
        "width": shape.width,
        "depth": shape.depth,
        "unique_tokens": order.unique_read,
        "tokens": order.tokens,
        "epochs": order.tokens / order.unique_read,
        "steps": order.steps,
        "compute_flop": shape.flop_per_token * order.tokens,
        "settings_sha256": settings.sha256(),
    }


def _measured(held_out: Evaluation, corpus: Corpus) -> dict[str, Any]:
    return {
        "loss_nats": held_out.nats_per_token,
        "loss_se": held_out.standard_error,
        "bits_per_byte": held_out.nats_per_token / math.log(2) / corpus.held_out_bytes_per_token,
        "held_out_tokens": held_out.tokens,
        "corpus_sha256": corpus.sha256,
    }


def _machine(device: str, tokens_per_s: float, flop_per_token: float) -> dict[str, Any]:
    """What the machine did; utilisation is a share of its own measured ceiling, GPU only."""
    memory = peak_memory_bytes(device)
    ceiling = matmul_ceiling(device) if device == "cuda" else None
    used = None if ceiling is None else tokens_per_s * flop_per_token / ceiling
    return {
        "device": device_name(device),
        "torch": torch.__version__,
        "tokens_per_s": tokens_per_s,
        "memory_bytes": memory,
        "matmul_flop_per_s": ceiling,
        "model_flop_utilisation": used,
    }
