"""Run card: one decision on one page of Markdown, for whoever has to approve it."""

from __future__ import annotations

from forecasts.reports import words
from forecasts.reports.markdown import Table, escape, table_markdown
from forecasts.results import Decision, GateRow


def render_card(decision: Decision) -> str:
    """Verdict, reasons, what would change it, and every gate with what it rests on."""
    lines = [f"# {escape(decision.run)}: {decision.verdict}"]
    lines.append(
        f"{words.chance(decision.probability)} chance that supply meets demand, "
        f"{words.chance(decision.required_probability)} required on "
        f"{words.day(decision.needed_on)}. {words.outlook(decision)}"
    )
    lines.append("\n".join(f"- {escape(words.sentence(reason))}" for reason in decision.reasons))
    failed = [words.gate_words(gate) for gate in decision.gates if not gate.passed]
    if failed:
        lines.append(f"## {words.change_heading(decision)}")
        lines.append("\n".join(f"- {escape(text)}" for text in failed))
    lines.append("## Gates")
    lines.append(table_markdown(_gates(decision.gates)))
    lines.append(
        f"Decision `{decision.decision_id}`, forecast `{decision.forecast_id}`, valid until "
        f"{words.day(decision.expires_at)}."
    )
    return "\n\n".join(lines) + "\n"


def _gates(gates: tuple[GateRow, ...]) -> Table:
    rows = tuple(
        (
            gate.gate,
            "passed" if gate.passed else "failed",
            words.gate_value(gate.value, gate.unit),
            words.gate_value(gate.threshold, gate.unit),
            gate.evidence,
            ", ".join(gate.rests_on),
        )
        for gate in gates
    )
    headers = ("Gate", "Outcome", "Seen", "Required", "Evidence", "Rests on")
    return Table("Gates", headers, rows, frozenset({1, 4, 5}))
