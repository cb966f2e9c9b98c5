"""Locks, version, licence, make targets and the wheel agree with each other."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
_DATA = (".sql", ".csv", ".yaml", ".j2", ".css", ".js")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def _requirements(lock: Path) -> list[str]:
    """Requirements of a lock, each with its continuation lines."""
    joined = lock.read_text("utf-8").replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def _versions(lock: Path) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for line in _requirements(lock):
        name, version = re.match(r"([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)", line).groups()  # type: ignore[union-attr]
        found.setdefault(canonicalize_name(name), []).append(Version(version))
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_hashes(lock: Path) -> None:
    lines = _requirements(lock)
    assert lines
    pinned = re.compile(r"[\w.-]+(\[[^\]]*\])?==[^\s;]+")
    assert not [line for line in lines if not pinned.match(line)]
    assert not [line for line in lines if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", line)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_where_packages_come_from(lock: Path) -> None:
    text = lock.read_text("utf-8")
    options = r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host|--no-index)\b"
    assert not re.search(options, text, re.MULTILINE)
    assert "://" not in text


def test_every_dependency_is_locked_in_its_range(project: dict[str, Any]) -> None:
    listed = {
        "runtime.lock": project["project"]["dependencies"] + project["build-system"]["requires"],
        "dev.lock": project["project"]["optional-dependencies"]["dev"],
        "bench.lock": project["project"]["optional-dependencies"]["bench"],
    }
    for lock, requirements in listed.items():
        locked = _versions(ROOT / "requirements" / lock)
        for requirement in map(Requirement, requirements):
            versions = locked.get(canonicalize_name(requirement.name), [])
            assert versions, f"{lock} lacks {requirement.name}"
            assert all(v in requirement.specifier for v in versions), f"{lock}: {requirement}"


def test_locks_agree_with_each_other() -> None:
    runtime = _versions(ROOT / "requirements" / "runtime.lock")
    for other in ("dev", "bench"):
        locked = _versions(ROOT / "requirements" / f"{other}.lock")
        shared = runtime.keys() & locked.keys()
        assert {name: runtime[name] for name in shared} == {name: locked[name] for name in shared}


def test_version_is_the_changelog_s(
    project: dict[str, Any], document: Callable[[str], str]
) -> None:
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", document("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] == project["project"]["version"]
    assert "### Numbers" in document("CHANGELOG.md")


def test_licence_is_the_one_declared(
    project: dict[str, Any], document: Callable[[str], str]
) -> None:
    assert project["project"]["license"] == "Apache-2.0"
    text = document("LICENSE")
    assert re.search(r"Apache License\s+Version 2\.0, January 2004", text)
    assert "END OF TERMS AND CONDITIONS" in text


def test_supported_pythons_are_stated(
    project: dict[str, Any], document: Callable[[str], str]
) -> None:
    assert project["project"]["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11, 3.12 or 3.13" in document("README.md")


def _recipe(target: str, makefile: str) -> list[str]:
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", makefile, re.MULTILINE)
    assert found, f"Makefile has no target {target}"
    return [line.strip().removeprefix("@") for line in found[1].splitlines()]


def test_make_commands_in_documents_exist(texts: dict[str, str]) -> None:
    pattern = re.compile(r"(?:`|^)(?:\w+=\S+ )?make ([a-z]+)", re.MULTILINE)
    named = {
        target
        for path, text in texts.items()
        if path.endswith(".md") and not path.startswith("tests/")
        for target in pattern.findall(text)
    }
    assert {"forecast", "test", "check"} <= named
    for target in named:
        assert re.search(rf"^{target}:", texts["Makefile"], re.MULTILINE), target


def test_hooks_run_what_make_check_runs(texts: dict[str, str]) -> None:
    hooks = yaml.safe_load(texts[".pre-commit-config.yaml"])["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    entries = [hook["entry"] for hook in hooks[0]["hooks"]]
    assert entries == [
        line.replace("$(BIN)", ".venv/bin") for line in _recipe("check", texts["Makefile"])
    ]


def test_wheel_holds_code_data_and_licence(tmp_path: Path, project: dict[str, Any]) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.suffix in (*_DATA, ".py")
    }
    assert len([name for name in needed if name.endswith(_DATA)]) > 30
    assert needed <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(packages)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
