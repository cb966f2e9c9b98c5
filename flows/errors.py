"""Errors of the side effects.

DatawallError
└── FlowError
    ├── SourceError
    │   ├── SourceUnavailable  a folder or file that is missing or cannot be read
    │   └── SourceChanged      content that is not what its publisher gave so far
    ├── LaunchRefused          a launch that its decision, approval or budget does not permit
    ├── WorkspaceUnusable      a workspace that cannot be opened, written or understood
    └── UsageError             a command or option that means nothing here

The command line maps them to exit codes; nothing here knows of one.
"""

from models.errors import DatawallError


class FlowError(DatawallError):
    """Base of the errors of this folder."""


class SourceError(FlowError):
    """A source that gave nothing usable; its last good vintage stays in force."""


class SourceUnavailable(SourceError):
    """A source's folder or file is missing, unreadable or no file."""


class SourceChanged(SourceError):
    """A source's file is truncated, empty, of another format, or lacks a column or type."""


class LaunchRefused(FlowError):
    """A launch that a gate, an approval, a budget or the kill switch forbids."""


class WorkspaceUnusable(FlowError):
    """A workspace directory that cannot be opened or written, or that another version made."""


class UsageError(FlowError):
    """A name, option or combination that the user has to change."""
