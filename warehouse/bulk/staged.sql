-- staged: one row per row of the Parquet file, columns cast to those of the warehouse, and why the
-- row cannot be read (null if it can). What a value may be is decided here for millions of rows as
-- flows/connectors/own_inventory.py decides for a few.
CREATE OR REPLACE TEMP VIEW staged AS
SELECT
    *,
    CASE
        -- Below '!' lie the empty text and whatever begins with a blank; trim takes ten times longer.
        WHEN corpus_id IS NULL OR corpus_id < '!' THEN 'corpus_id is blank or begins with a blank'
        WHEN name IS NULL OR basis IS NULL OR parent_corpus IS NULL THEN 'text is not readable'
        WHEN domain IS NULL OR domain NOT IN ({domains}) THEN 'domain is unknown'
        WHEN metric IS NULL OR metric NOT IN ({metrics}) THEN 'metric is unknown'
        WHEN stage IS NULL OR stage NOT IN ({stages}) THEN 'stage is unknown'
        WHEN status NOT IN ({statuses}) THEN 'status is unknown'
        WHEN access_class NOT IN ({access_classes}) THEN 'access_class is unknown'
        WHEN information_origin NOT IN ({information_origins}) THEN 'information_origin is unknown'
        WHEN valid_on IS NULL THEN 'valid_on is no date'
        WHEN value IS NULL OR NOT isfinite(value) OR value < 0
            THEN 'value is no finite number of at least 0'
        WHEN (low IS NULL) <> (high IS NULL) OR (low IS NULL) <> (ci_prob IS NULL)
            THEN 'low, high and ci_prob go together'
        WHEN
            low IS NOT NULL
            AND NOT (
                low >= 0 AND low <= value AND value <= high AND isfinite(high)
                AND ci_prob > 0 AND ci_prob < 1
            )
            THEN 'low, value and high are out of order, or ci_prob is no probability'
    END AS problem
FROM (
    SELECT
        {columns}
    FROM read_parquet({file}, file_row_number = TRUE)
)
