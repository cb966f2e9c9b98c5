-- Views that a version of this code made; a view that somebody else made has another prefix.
SELECT view_name FROM duckdb_views()
WHERE
    database_name = current_database()
    AND NOT internal
    AND (starts_with(view_name, 'core_') OR starts_with(view_name, 'out_'))
ORDER BY view_name
