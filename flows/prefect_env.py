"""Environment that must be set before Prefect is imported.

Telemetry off (it also prints tracebacks on a fresh database), leases on disk so that a restart
frees them, and a quiet terminal: what a flow raises is told once, by the command line.
"""

from __future__ import annotations

import os
from pathlib import Path

_DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Only used where Prefect starts its server itself, because the user has a profile.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    # Errors still reach the server's own log of the run, with their tracebacks.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLI_PROMPT": "false",
}
# Any of these says that the user has settled where Prefect's server is.
_CHOICES = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE")


def apply() -> None:
    """Set what the user has not set."""
    for key, value in _DEFAULTS.items():
        os.environ.setdefault(key, value)


def has_own_server() -> bool:
    """Whether the user has a server or a profile of Prefect's; they keep it."""
    profile = Path.home() / ".prefect" / "profiles.toml"
    return any(key in os.environ for key in _CHOICES) or profile.exists()


def use(home: Path, api_url: str) -> None:
    """Keep Prefect's own files in home, and talk to the server at this address."""
    os.environ["PREFECT_HOME"] = str(home)
    os.environ["PREFECT_API_URL"] = api_url
    # A proxy for the web is none for this machine.
    for key in ("NO_PROXY", "no_proxy"):
        listed = [os.environ[key]] if os.environ.get(key) else []
        os.environ[key] = ",".join([*listed, "127.0.0.1"])
