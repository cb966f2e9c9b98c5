"""Errors of the warehouse.

DatawallError
└── WarehouseError
    ├── WarehouseLocked     another process is writing
    ├── WarehouseUnusable   the folder or file cannot be opened, read or written
    ├── VintageConflict     two different artefacts claim to be the same vintage of a series
    ├── CheckFailed         a data check found offending rows, or a fact was changed in place
    ├── QueryFailed         a user's SQL was refused by the database
    ├── LedgerUnusable      the launch ledger cannot be opened, read or written
    ├── NotPermitted        a launch that budget, approval, switch or limits forbid
    └── NotFound            no such forecast, run, decision or view
"""

from __future__ import annotations

from models.errors import DatawallError


class WarehouseError(DatawallError):
    """Base of the errors of this folder."""


class WarehouseLocked(WarehouseError):
    """Another process holds the warehouse for writing."""


class WarehouseUnusable(WarehouseError):
    """The warehouse cannot be opened, read or written."""


class VintageConflict(WarehouseError):
    """Two different artefacts claim the same vintage of one series."""


class CheckFailed(WarehouseError):
    """Data that breaks a check; nothing was committed."""


class QueryFailed(WarehouseError):
    """The database refused a query."""


class NotFound(WarehouseError):
    """Nothing in the warehouse has this name."""


class LedgerUnusable(WarehouseError):
    """The launch ledger cannot be opened, read or written now."""


class NotPermitted(WarehouseError):
    """A launch, approval or cancellation that the ledger's rules forbid; nothing was changed."""
