"""Running a flow in this process, with a Prefect server of its own if the user has none."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

from flows import local_server, prefect_env
from flows.errors import SourceUnavailable, UsageError
from flows.output import note
from flows.workspace import Workspace, make

FLOWS = ("ingest", "forecast", "decide", "report", "weekly")
_ANSWER_LIMIT_S = 10.0


def run(name: str, workspace: Workspace, folder: Path | None, scenario: str) -> list[str]:
    """Run a flow and return its lines of result.

    Raises: UsageError for an unknown flow or a server that does not answer, SourceUnavailable for
    a folder that is not there; what the flow's steps raise otherwise.
    """
    if name not in FLOWS:
        close = difflib.get_close_matches(name, FLOWS, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"no flow is named {name!r}{hint}; there are: {', '.join(FLOWS)}")
    if folder is not None and not folder.is_dir():
        # The flow would wait for it to come back; someone at a terminal has mistyped it.
        raise SourceUnavailable(f"there is no folder {folder}; check --from DIR")
    from forecasts import scenario as scenarios

    scenarios.load(scenario)  # a mistyped name starts nothing
    make(workspace)
    note(f"starting flow {name} (Prefect's server takes some seconds)")
    ready = _server(workspace.root / ".prefect")
    call = _flow(name, str(workspace.root), None if folder is None else str(folder), scenario)
    ready()
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    # The heartbeat thread is joined at the end of every flow and sleeps in whole seconds; a run in
    # the user's own terminal has no need of it.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return call()


def _server(home: Path) -> Callable[[], None]:
    """Settle which server is used; the answer waits until it can be."""
    prefect_env.apply()
    if prefect_env.has_own_server():
        return _require_answer
    url = local_server.start(home)
    prefect_env.use(home, url)
    return lambda: local_server.wait_until_ready(url, home)


def _require_answer() -> None:
    """Refuse a server that cannot be reached, before a flow fails on it less clearly."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    if url is None:
        return  # the user's profile names no server: Prefect starts one
    try:
        httpx.get(f"{url}/health", timeout=_ANSWER_LIMIT_S)
    except httpx.HTTPError as error:
        raise UsageError(
            f"Prefect's server at {url} does not answer ({error}); start it, or unset "
            "PREFECT_API_URL to run with one of our own"
        ) from error


def _flow(name: str, root: str, folder: str | None, scenario: str) -> Callable[[], list[str]]:
    """The call of a flow; importing it here is what takes time while the server starts."""
    from flows.decide import decide
    from flows.forecast import forecast
    from flows.ingest import ingest
    from flows.report import report
    from flows.weekly import weekly

    calls: dict[str, Callable[[], list[str]]] = {
        "ingest": lambda: ingest(root, folder),
        "forecast": lambda: [stored.headline for stored in forecast(root, [scenario])],
        "decide": lambda: decide(root, scenario),
        "report": lambda: [f"report: {report(root, None)}"],
        "weekly": lambda: weekly(root, folder, scenario),
    }
    return calls[name]
