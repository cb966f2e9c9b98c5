"""The launch ledger: what may start, what was started, what it may cost, and who said so.

Several processes write it at once, which DuckDB does not allow, so it is a database of its own:
SQLite in the workspace, or PostgreSQL. Its events are the truth; every other table shows the newest
state that an event recorded.
"""
