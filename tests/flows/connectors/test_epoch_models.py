import csv
import gzip
import io
import time
from datetime import date
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.connectors import epoch_models
from flows.connectors.epoch_models import parse
from flows.connectors.registry import CONNECTORS
from flows.errors import SourceChanged
from models.records import Parsed, TrainingRunRecord

SAMPLES = Path(__file__).parents[2] / "data/epoch"
OLD_ALL = "All ML Systems - full view - 2023-12-14.csv"
NEW_ALL = "all_ml_systems.2024-10-16.csv"
OLD_NOTABLE = "notable_ai_models.2024-07-16.csv"
NEW_NOTABLE = "notable_ai_models_24_02_2025.csv"
HEADER = [
    "Model",
    "Parameters",
    "Training dataset size (datapoints)",
    "Training compute (FLOP)",
    "Publication date",
    "Organization",
    "Notes",
]


def read(name: str) -> Parsed:
    return parse(name, (SAMPLES / name).read_bytes(), None)


def model(parsed: Parsed, name: str) -> TrainingRunRecord:
    (found,) = (run for run in parsed.training_runs if run.model == name)
    return found


def made(*rows: list[str], header: list[str] = HEADER) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def row(name: str = "A", params: str = "1", day: str = "2024-01-01", org: str = "X") -> list[str]:
    return [name, params, "2", "3", day, org, ""]


def test_finds_own_files_from_the_folder_or_its_parent(samples: Path, tmp_path: Path) -> None:
    expected = [OLD_ALL, NEW_ALL, OLD_NOTABLE, NEW_NOTABLE]
    assert [path.name for path in epoch_models.find(samples)] == expected
    assert [path.name for path in epoch_models.find(samples / "epoch")] == expected
    assert epoch_models.unread(samples) == []
    for name in ("notable_ai_models.csv.gz", "notable_ai_models.xlsx", "models.csv"):
        (tmp_path / name).write_text("")
    assert [path.name for path in epoch_models.find(tmp_path)] == ["notable_ai_models.csv.gz"]


@pytest.mark.parametrize(
    ("name", "series", "vintage", "rows", "rejected"),
    [
        (OLD_ALL, "all", date(2023, 12, 14), 6, 1),
        (NEW_ALL, "all", date(2024, 10, 16), 6, 0),
        (OLD_NOTABLE, "notable", date(2024, 7, 16), 6, 0),
        (NEW_NOTABLE, "notable", date(2025, 2, 24), 6, 0),
    ],
)
def test_series_and_vintage_come_from_the_name(
    name: str, series: str, vintage: date, rows: int, rejected: int
) -> None:
    parsed = read(name)
    assert (parsed.series, parsed.vintage) == (series, vintage)
    assert (parsed.rows, len(parsed.rejected)) == (rows, rejected)
    packed = gzip.compress((SAMPLES / name).read_bytes())
    assert parse(f"{name}.gz", packed, None) == parsed


def test_a_row_is_read_in_full() -> None:
    assert model(read(NEW_ALL), "FunSearch") == TrainingRunRecord(
        model="FunSearch",
        published_on=date(2023, 12, 14),
        organization="Google DeepMind",
        domain="Language,Search",
        params=15e9,
        tokens=0.0,
        compute_flop=3.87e23,
        epochs=None,
        confidence="Speculative",
        notability="SOTA improvement,Historical significance",
        accessibility="Open weights (unrestricted)",
        base_model="PaLM 2",
        ordinal=0,
    )


def test_byte_order_mark_and_missing_line_end_are_the_publisher_s() -> None:
    content = (SAMPLES / OLD_ALL).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert not content.endswith(b"\n")
    assert model(read(OLD_ALL), "Theseus").params == 40.0


def test_name_column_is_system_and_later_model() -> None:
    assert b"System," in (SAMPLES / OLD_NOTABLE).read_bytes()[:10]
    assert b"Model," in (SAMPLES / NEW_NOTABLE).read_bytes()[:10]
    for name in (OLD_NOTABLE, NEW_NOTABLE):
        assert model(read(name), "LLaMA-65B").params == 65.2e9


def test_names_lose_the_spaces_and_breaks_around_them() -> None:
    names = {run.model for run in read(NEW_ALL).training_runs}
    assert {"phi-3-medium 14B", "Command R"} <= names


def test_a_row_without_a_name_is_rejected() -> None:
    (rejected,) = read(OLD_ALL).rejected
    assert rejected.line == 3
    assert "name is blank" in rejected.reason
    assert "Unverified,,2023-12-13" in rejected.raw


def test_a_missing_publication_date_is_kept_as_unstated() -> None:
    assert model(read(OLD_ALL), "Cohere Command").published_on is None


def test_absent_columns_are_unstated() -> None:
    assert {run.accessibility for run in read(OLD_ALL).training_runs} == {""}
    (run,) = parse("notable_ai_models.csv", made(row()), None).training_runs
    assert (run.epochs, run.domain, run.base_model) == (None, "", "")


def test_dataset_size_is_read_under_each_of_its_names() -> None:
    # The 2024-10-16 list also has a column "Training dataset size", which holds model names.
    assert model(read(NEW_ALL), "LLaMA-65B").tokens == 1.34e12
    for variant in ("(total)", "(gradients)"):
        header = [column.replace("(datapoints)", variant) for column in HEADER]
        content = made(row(), header=header)
        assert parse("notable_ai_models.csv", content, None).training_runs[0].tokens == 2.0


@pytest.mark.parametrize(
    ("cell", "params"),
    [
        ("40.00", 40.0),
        ("2.1e+25", 2.1e25),
        ("98000000000.0", 98e9),
        ("1,234,567.5", 1234567.5),
        ("7E9", 7e9),
        (" 5 ", 5.0),
        ("0", 0.0),
        ("", None),
        ("NaN", None),
    ],
)
def test_numbers_in_all_their_forms(cell: str, params: float | None) -> None:
    (run,) = parse("notable_ai_models.csv", made(row(params=cell)), None).training_runs
    assert run.params == params


@pytest.mark.parametrize("cell", ["-1", "7B", "1e999", "inf", "nan", "1,23", "0x10", "1_000", "٣"])
def test_an_impossible_number_rejects_its_row(cell: str) -> None:
    parsed = parse("notable_ai_models.csv", made(row("A", cell), row("B")), None)
    assert [run.model for run in parsed.training_runs] == ["B"]
    assert [rejected.line for rejected in parsed.rejected] == [2]
    assert "Parameters is" in parsed.rejected[0].reason


@pytest.mark.parametrize("day", ["2024", "20240516", "2024-02-30", "16/05/2024"])
def test_an_impossible_date_rejects_its_row(day: str) -> None:
    parsed = parse("notable_ai_models.csv", made(row("A", day=day), row("B")), None)
    assert "Publication date is" in parsed.rejected[0].reason


def test_vintage_without_a_date_in_the_name_is_the_newest_model_s() -> None:
    content = made(row("A", day="2024-03-01"), row("B", day="2024-05-16"), row("C", day=""))
    assert parse("all_ml_systems.csv", content, None).vintage == date(2024, 5, 16)
    known = date(2024, 6, 1)
    assert parse("all_ml_systems.2024-05-26.csv", content, known).vintage == known
    with pytest.raises(SourceChanged, match="no publication date"):
        parse("all_ml_systems.csv", made(row(day="")), None)
    with pytest.raises(SourceChanged, match="2024-13-45, which is no date"):
        parse("all_ml_systems.2024-13-45.csv", content, None)


def test_a_slip_in_a_publication_date_is_no_vintage() -> None:
    rows = [row(f"M{day}", day=f"2024-01-{day:02}") for day in range(1, 31)] * 2
    content = made(*rows, row("Slip", day="2029-09-13"))
    with pytest.raises(SourceChanged, match=r"2029-09-13.*2024-01-30.*--known-at"):
        parse("all_ml_systems.csv", content, None)
    assert parse("all_ml_systems.csv", content, date(2024, 2, 29)).rows == 61


def test_namesakes_are_numbered_whatever_the_row_order() -> None:
    rows = [row("A", "9"), row("B"), row("A", "1"), row("A", "9", "2023-01-01"), row("A", "")]
    expected = parse("notable_ai_models.csv", made(*rows), None).training_runs
    assert [(run.model, run.ordinal) for run in expected] == [
        ("A", 0),
        ("A", 1),
        ("A", 2),
        ("A", 3),
        ("B", 0),
    ]
    for order in permutations(rows):
        assert parse("notable_ai_models.csv", made(*order), None).training_runs == expected


def test_a_renamed_essential_column_is_a_changed_source() -> None:
    for column in HEADER[:5]:
        header = [f"New {name}" if name == column else name for name in HEADER]
        with pytest.raises(SourceChanged, match=r"columns missing: .*columns seen"):
            parse("notable_ai_models.csv", made(row(), header=header), None)


def test_a_last_cell_that_is_read_needs_its_line_end() -> None:
    content = made(row()[:5], header=HEADER[:5])
    assert parse("notable_ai_models.csv", content, None).rows == 1
    with pytest.raises(SourceChanged, match="truncated"):
        parse("notable_ai_models.csv", content.rstrip(), None)


def test_a_foreign_name_is_refused() -> None:
    with pytest.raises(SourceChanged, match="no name of an Epoch AI list"):
        parse("models.csv", made(row()), None)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_truncated_file_never_gives_a_false_record(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([OLD_ALL, NEW_ALL, OLD_NOTABLE, NEW_NOTABLE]))
    content = (SAMPLES / name).read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    try:
        parsed = parse(name, content[:cut], None)
    except SourceChanged:
        return
    assert set(parsed.training_runs) <= set(read(name).training_runs)


@given(st.integers(0, 15_000), st.binary(max_size=200))
@settings(deadline=None)
def test_random_bytes_parse_or_change(place: int, noise: bytes) -> None:
    content = (SAMPLES / NEW_NOTABLE).read_bytes()
    for text in (noise, content[:place] + noise + content[place:]):
        try:
            parsed = parse(NEW_NOTABLE, text, None)
        except SourceChanged:
            continue
        assert parsed.rows


ROWS = {
    "all_ml_systems.2023-12-14.csv.gz": (1117, 1),
    "all_ml_systems.2024-02-29.csv.gz": (1187, 0),
    "all_ml_systems.2024-05-26.csv.gz": (1527, 3),
    "all_ml_systems.2024-10-16.csv.gz": (1755, 0),
    "notable_ai_models.2024-07-16.csv.gz": (825, 0),
    "notable_ai_models.2025-02-24.csv.gz": (895, 0),
}


def whole(shared: Path, name: str) -> Parsed:
    return parse(name, (shared / "epoch" / name).read_bytes(), None)


def test_whole_files_lose_no_row(shared: Path) -> None:
    assert [path.name for path in epoch_models.find(shared)] == sorted(ROWS)
    for name, (rows, rejected) in ROWS.items():
        parsed = whole(shared, name)
        assert (parsed.rows + len(parsed.rejected), len(parsed.rejected)) == (rows, rejected)
        assert len({(run.model, run.ordinal) for run in parsed.training_runs}) == parsed.rows


def test_values_of_a_model_are_revised_between_vintages(shared: Path) -> None:
    lists = [whole(shared, name) for name in sorted(ROWS)]
    runs = [run for parsed in lists for run in parsed.training_runs]
    gemini = [r.compute_flop for r in runs if r.model in ("Gemini Ultra", "Gemini 1.0 Ultra")]
    assert {float(f"{flop:.3g}") for flop in gemini if flop} == {9e25, 8e25, 5e25}
    llama = {run.tokens for run in runs if run.model == "LLaMA-65B"}
    assert llama == {1.05e12, 1.34e12, 1.4e12}


def test_the_list_of_february_2024_holds_a_date_of_2029(shared: Path) -> None:
    name = "all_ml_systems.2024-02-29.csv.gz"
    parsed = whole(shared, name)
    assert max(r.published_on for r in parsed.training_runs if r.published_on).year == 2029
    with pytest.raises(SourceChanged, match="2029-09-13"):
        parse("All ML Systems - full view.csv.gz", (shared / "epoch" / name).read_bytes(), None)


def test_all_files_together_take_under_two_seconds(shared: Path) -> None:
    start = time.process_time()
    for source in CONNECTORS.values():
        for path in source.find(shared):
            source.parse(path.name, path.read_bytes(), None)
    assert time.process_time() - start < 2
