-- out_sources: one row per source that was ever loaded or tried. last_vintage is the newest state
-- of knowledge at the chosen date; rows counts its newest vintages, quarantined all of them; status
-- and message are those of the last attempt. Units: counts of vintages and rows.
-- Readers: `datawall sources`, reports.
CREATE OR REPLACE VIEW out_sources AS
WITH loaded AS (
    SELECT
        source,
        max(known_at) AS last_vintage,
        count(*) AS vintages,
        sum(rows) FILTER (WHERE superseded_at IS NULL) AS rows,
        sum(quarantined) AS quarantined
    FROM core_vintage
    GROUP BY source
),

tried AS (
    SELECT source, status, message, finished_at
    FROM ingest_run
    QUALIFY row_number() OVER (PARTITION BY source ORDER BY finished_at DESC, run_id) = 1
)

SELECT
    coalesce(l.source, t.source) AS source,
    l.last_vintage,
    coalesce(l.vintages, 0) AS vintages,
    CAST(coalesce(l.rows, 0) AS BIGINT) AS rows,
    CAST(coalesce(l.quarantined, 0) AS BIGINT) AS quarantined,
    coalesce(t.status, 'loaded') AS last_status,
    coalesce(t.message, '') AS message,
    t.finished_at AS last_tried
FROM loaded AS l
FULL JOIN tried AS t ON l.source = t.source;
