-- Columns of the warehouse's own tables; the copy being published is attached beside it.
SELECT table_name, column_name, data_type
FROM duckdb_columns()
WHERE database_name = current_database() AND NOT internal
