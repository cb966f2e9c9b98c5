"""The pages of docs/laws, made from docstrings and published fits: `make docs` writes them.

A page a file of models/laws; the comparison table and its picture in docs/laws/index.md, between
marks, since the rest of that page is written by hand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Any

import numpy as np
import vl_convert

from flows.law_charts import fits, laws, penalty_spec, ratio_spec
from models.laws import registry
from models.laws.fits import Entry, FitRow

FOLDER = Path(__file__).parents[1] / "docs" / "laws"
CHARTS = ("tokens-per-param.svg", "penalty.svg")
START, END = "<!-- comparison, written by make docs -->", "<!-- end of comparison -->"
BUDGETS = (1e22, 1e24, 1e26, 5e28)
# Pages of formulas that are no law by name.
SHARED = (
    "models.laws.law", "models.laws.chinchilla", "models.laws.data_constrained",
    "models.laws.allocation", "models.laws.entropy",
)  # fmt: skip
_LABEL = re.compile(r"^(Equation|Symbols|Units|Range|Valid|Shapes|Source):\s*")


def pages() -> dict[str, str]:
    """Every file of docs/laws by name, index.md with its hand-written part as it stands."""
    modules = dict.fromkeys([*(e.module for e in registry.ENTRIES.values()), *SHARED])
    written = {f"{_stem(module)}.md": _page(module) for module in modules}
    index = (FOLDER / "index.md").read_text("utf-8")
    before, rest = index.split(START)
    after = rest.split(END)[1]
    block = "\n".join(["", *_comparison(), "", *_list_of_pages(list(modules)), ""])
    return written | {"index.md": f"{before}{START}\n{block}{END}{after}"}


def _stem(module: str) -> str:
    return module.rpartition(".")[2].replace("_", "-")


def _page(module: str) -> str:
    doc = getdoc(import_module(module)) or ""
    title, _, rest = doc.partition("\n")
    lines = [f"# {title.rstrip('.')}", "", f"Code: `{module.replace('.', '/')}.py`.", ""]
    lines += _sections(rest.strip("\n"))
    for entry in (e for e in registry.ENTRIES.values() if e.module == module):
        lines += ["", *_entry(entry)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _sections(text: str) -> Iterator[str]:
    """A docstring as Markdown: labelled parts as they stand, paragraphs as paragraphs."""
    for part in re.split(r"\n\n", text):
        if not _LABEL.match(part):
            yield from (part, "")
            continue
        for label, body in _labelled(part):
            fence = label in {"Equation", "Symbols"}
            if fence:
                yield from (f"**{label}**", "", "```text", *body, "```", "")
            else:
                yield from (f"**{label}.** {_linked(' '.join(line.strip() for line in body))}", "")


def _labelled(part: str) -> Iterator[tuple[str, list[str]]]:
    label, body = "", list[str]()
    for line in part.splitlines():
        if found := _LABEL.match(line):
            if label:
                yield label, body
            label, body = found[1], [line[found.end() :]]
        else:
            body.append(line[10:] if line.startswith(" " * 10) else line)
    yield label, body


def _linked(text: str) -> str:
    """Preprint numbers as links."""
    return re.sub(
        r"arXiv:(\d{4}\.\d{4,5})(v\d)?", r"[arXiv:\1\2](https://arxiv.org/abs/\1\2)", text
    )


def _entry(entry: Entry) -> Iterator[str]:
    yield f"## `{entry.name}`"
    yield ""
    others = sorted(alias for alias, name in registry.ALIASES.items() if name == entry.name)
    also = f" Other names: {', '.join(f'`{alias}`' for alias in others)}." if others else ""
    yield f"{entry.title}. Status: {entry.status}.{also}"
    if entry.refusal:
        yield f"Computes nothing: {entry.refusal}."
    yield ""
    rows = registry.fits_of(entry.name, fits())
    if rows:
        yield "| fit | coefficients | range, FLOP | points | status | source |"
        yield "|---|---|---|---|---|---|"
    for row in rows:
        reach = (
            "not seen" if row.range_flop is None else f"{row.range_flop[0]:g}–{row.range_flop[1]:g}"
        )
        yield (
            f"| `{row.reference}` | {_coefficients(row)} | {reach} | {row.points or '–'} "
            f"| {row.status}: {row.basis} | [{row.source}]({_address(row.url)}) |"
        )


def _address(url: str) -> str:
    """A source's address as seen from docs/laws; own judgements cite documents of the project."""
    return f"../{url.removeprefix('docs/')}" if url.startswith("docs/") else url


def _coefficients(row: FitRow) -> str:
    return ", ".join(_coefficient(row, symbol, value) for symbol, value in row.coefficients.items())


def _coefficient(row: FitRow, symbol: str, value: Any) -> str:
    if isinstance(value, list):
        return f"{symbol} {value[0]:g} … {value[-1]:g} ({len(value)} rows)"
    error, ends = row.standard_errors.get(symbol), row.intervals.get(symbol)
    text = f"{symbol} {value:.7g}"
    text += "" if error is None else f" ± {error:g}"
    return text + ("" if ends is None else f" [{ends[0]:g}, {ends[1]:g}; {ends[2]:.0%}]")


def _comparison() -> Iterator[str]:
    budgets = " | ".join(f"t at {compute:g}" for compute in BUDGETS)
    yield f"| law | {budgets} | tokens at {BUDGETS[-1]:g} | loss there | ranges to |"
    yield "|---|" + "---|" * (len(BUDGETS) + 3)
    for entry, law in laws():
        best = [law.optimum(compute) for compute in BUDGETS]
        ratios = " | ".join(f"{float(o.tokens_per_param):.3g}" for o in best)
        loss = float(best[-1].loss_nats)
        reach = "not seen" if law.range_flop is None else f"{law.range_flop[1]:.2g}"
        yield (
            f"| [`{entry.name}`]({_stem(entry.module)}.md#{entry.name.lower()}) | {ratios} "
            f"| {float(best[-1].tokens) / 1e12:,.0f}T | {'–' if np.isnan(loss) else f'{loss:.4f}'} "
            f"| {reach} |"
        )


def _list_of_pages(modules: list[str]) -> Iterator[str]:
    yield "| page | names |"
    yield "|---|---|"
    for module in modules:
        names = [f"`{e.name}`" for e in registry.ENTRIES.values() if e.module == module]
        title = (getdoc(import_module(module)) or "").partition("\n")[0].rstrip(".")
        yield f"| [{title}]({_stem(module)}.md) | {', '.join(names) or 'shared'} |"


def specs() -> dict[str, dict[str, Any]]:
    """The pictures' specifications by file name."""
    return dict(zip(CHARTS, (ratio_spec(), penalty_spec()), strict=True))


def mark_of(spec: dict[str, Any]) -> str:
    """A comment that ties a picture to its specification, whatever fonts drew it."""
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    return f"<!-- specification {digest} -->"


def write() -> None:
    """Write every page and picture."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")
    for name, spec in specs().items():
        drawn = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        (FOLDER / name).write_text(f"{drawn}\n{mark_of(spec)}\n", "utf-8")


if __name__ == "__main__":
    write()
