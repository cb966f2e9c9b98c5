"""Reading what people write: a YAML file strictly, and one sentence about what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from forecasts.errors import ScenarioInvalid
from models.records import DOMAINS

# The strict loader reads about 60 kB a second; a scenario has 2 kB, a hundred runs 60 kB.
MAX_BYTES = 200_000
MAX_NODES = 100_000
MAX_SHOWN = 60
# Parts of an error's location that stand for no key: members of a union, and the key of a mapping.
NAMED, WRITTEN = "claim-name", "in-place"
_FORMS = ("none", "flat", "law", "harmful", "compute", "dataset_growth", "verified", "traces",
          "preference", "self_play", "filtering")  # fmt: skip
_UNWRITTEN = {NAMED, WRITTEN, "[key]", *_FORMS}


class Section(BaseModel):
    """Base of all parts of a file: no unknown keys, no infinities, no change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _not_a_word(value: Any) -> Any:
    # YAML reads yes, no, on and off as truth values, which would count as 1 and 0.
    if isinstance(value, bool):
        raise ValueError(f"a number is needed, found {'yes' if value else 'no'}")
    return value


def _calendar_day(value: Any) -> Any:
    # A bare number would count as seconds since 1970.
    if isinstance(value, datetime) or not isinstance(value, date | str | None):
        raise ValueError(f"a day such as 2027-07-01 is needed, found {shown(value)}")
    if isinstance(value, str):
        return date.fromisoformat(value)
    return value


Number = Annotated[float, BeforeValidator(_not_a_word)]
Whole = Annotated[int, BeforeValidator(_not_a_word)]
Day = Annotated[date, BeforeValidator(_calendar_day)]


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, and aliases that grow without bound."""

    def construct_document(self, node: yaml.Node) -> Any:
        if _weight(node, {}) > MAX_NODES:
            raise yaml.constructor.ConstructorError(
                None, None, f"aliases expand it to more than {MAX_NODES} entries", node.start_mark
            )
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {shown(key)} is no word", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _weight(node: yaml.Node, known: dict[int, int | None]) -> int:
    """Entries of a node with every alias written out; an alias inside itself has no end."""
    if id(node) in known:
        weight = known[id(node)]
        if weight is None:
            raise yaml.constructor.ConstructorError(
                None, None, "an alias lies inside what it stands for", node.start_mark
            )
        return weight
    known[id(node)] = None
    children: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        children = node.value
    elif isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
    weight = 1 + sum(_weight(child, known) for child in children)
    known[id(node)] = weight
    return weight


def read_text(path: Path, what: str) -> str:
    """Text of a small UTF-8 file.

    Raises: ScenarioInvalid when it is missing, no file, too large or no text
    """
    try:
        if path.exists() and not path.is_file():
            raise ScenarioInvalid(f"cannot read {what} file {path}: it is not a file")
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioInvalid(f"{path}: larger than {MAX_BYTES} bytes, not a {what}")
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioInvalid(f"cannot read {what} file {path}: it is not UTF-8 text") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioInvalid(f"cannot read {what} file {path}: {reason}") from error


def read_yaml(text: str, where: str) -> dict[str, Any]:
    """Parse one YAML mapping strictly, or say in one sentence what is wrong and where."""
    try:
        document = yaml.load(text, _StrictLoader)  # noqa: S506  (a SafeLoader)
    except RecursionError as error:
        raise ScenarioInvalid(f"{where}: not valid YAML: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ScenarioInvalid(f"{where}{line}: not valid YAML: {problem}") from error
    if not isinstance(document, dict):
        raise ScenarioInvalid(f"{where}: expected a mapping of keys, found {shown(document)}")
    return document


def shown(value: Any) -> str:
    """A value as a message shows it: short, whatever somebody wrote."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def close_to(word: str, allowed: Sequence[str]) -> str:
    """Hint at the allowed word that is most like one that is not; empty if none is."""
    # The comparison is quadratic in length, and no allowed word is long.
    close = difflib.get_close_matches(word[:200], allowed, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _keys_at(loc: Sequence[int | str], root: type[BaseModel]) -> list[str]:
    """Keys that are allowed beside the last part of an error's location."""
    sections: list[type[BaseModel]] = [root]
    for part in loc[:-1]:
        found: list[type[BaseModel]] = []
        for section in sections:
            if isinstance(part, str) and part in section.model_fields:
                found += _models_in(section.model_fields[part].annotation)
        sections = found or sections
    return sorted({key for section in sections for key in section.model_fields})


def explain(error: ValidationError, where: str, root: type[BaseModel]) -> str:
    """Most telling problem of a validation error as one sentence: what, where, allowed."""
    problems = error.errors(include_url=False)
    # A misspelt key also leaves the right one missing; the misspelling is what to mend.
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    loc, kind = problem["loc"], problem["type"]
    place = ".".join(shown(p).strip("'") for p in loc if p not in _UNWRITTEN) or "top level"
    if kind == "extra_forbidden":
        allowed = _keys_at(loc, root)
        hint = close_to(str(loc[-1]), allowed) or f"; allowed: {', '.join(allowed)}"
        return f"{where}: unknown key {place!r}{hint}"
    if kind == "missing":
        return f"{where}: {place} is missing"
    return f"{where}: {place}: {_sentence(kind, problem)}"


_EXPECTED = {
    "estimate": "the name of a claim, or an estimate with unit, value and source",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "tuple_type": "a list",
    "string_type": "text",
}

_LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}


def _sentence(kind: str, problem: Any) -> str:
    found, context = problem["input"], problem.get("ctx", {})
    if kind == "literal_error" and problem["loc"][-1] == "[key]":
        hint = close_to(str(found), DOMAINS) or f"; allowed: {', '.join(DOMAINS)}"
        return f"unknown domain{hint}"
    if kind.startswith("union_tag"):
        seen = f"form is {context['tag']!r}" if "tag" in context else "form is missing"
        return f"{seen}; allowed: {context.get('expected_tags', 'see the base scenario')}"
    if found is None:
        return "null removes an entry, and there is none to remove here; give a value"
    if kind == "model_type" and WRITTEN in problem["loc"]:
        kind = "estimate"
    message = str(problem["msg"])
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    expected = message[0].lower() + message[1:]
    if kind in _EXPECTED:
        expected = f"give {_EXPECTED[kind]}"
    elif kind in _LIMITS:
        key, words = _LIMITS[kind]
        expected = f"it must be {words} {context[key]:g}"
    return f"{expected}, found {shown(found)}"
