"""Answers as pandas data frames, for notebooks."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.errors import WarehouseUnusable
from warehouse.read import asking

if TYPE_CHECKING:
    import pandas as pd


def frame(published: Path, sql: str, known_at: date | None = None) -> pd.DataFrame:
    """Answer SQL on the published copy, as known on a date; a column keeps its type.

    Raises: QueryFailed with the database's own first lines; WarehouseUnusable without a copy.
    """
    import pandas as pd  # noqa: PLC0415  (a third of a second, which only notebooks should pay)

    with asking(published, known_at) as connection:
        raw = connection.connection.driver_connection
        if raw is None:
            raise WarehouseUnusable(f"the connection to {published} was closed; ask again")
        raw.execute(sql)
        if raw.description is None:
            return pd.DataFrame()
        with warnings.catch_warnings():
            # DuckDB's own conversion of times uses what pandas 4 will drop.
            warnings.filterwarnings("ignore", message="The inplace keyword")
            return pd.DataFrame(raw.df())
