-- out_sources: one row per source that was ever loaded or tried. last_vintage is the newest state
-- of knowledge at the chosen date; rows counts its newest vintages, quarantined all of them; status
-- and message are those of the last attempt. last_change is the newest vintage whose totals moved,
-- change and changed the largest such move. state: held while a newest vintage is, else
-- acknowledged while one in force had to be, else accepted.
-- Units: counts of vintages and rows; change is a ratio.
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
),

moved AS (
    SELECT source, known_at, change, concat_ws(' ', series, metric, stage) AS changed
    FROM core_vintage_total
    WHERE change <> 0
    QUALIFY row_number() OVER (
        PARTITION BY source ORDER BY known_at DESC, abs(ln(greatest(1 + change, 1e-9))) DESC, changed
    ) = 1
),

newest AS (
    SELECT source, state FROM core_vintage_state
    QUALIFY row_number() OVER (PARTITION BY source, series ORDER BY number DESC) = 1
),

standing AS (
    SELECT
        source,
        CASE
            WHEN bool_or(state = 'held') THEN 'held'
            WHEN bool_or(state = 'acknowledged') THEN 'acknowledged'
            ELSE 'accepted'
        END AS state
    FROM newest
    GROUP BY source
)

SELECT
    coalesce(l.source, t.source) AS source,
    l.last_vintage,
    coalesce(l.vintages, 0) AS vintages,
    CAST(coalesce(l.rows, 0) AS BIGINT) AS rows,
    CAST(coalesce(l.quarantined, 0) AS BIGINT) AS quarantined,
    coalesce(t.status, 'loaded') AS last_status,
    coalesce(t.message, '') AS message,
    t.finished_at AS last_tried,
    m.known_at AS last_change,
    m.change,
    coalesce(m.changed, '') AS changed,
    coalesce(s.state, 'accepted') AS state
FROM loaded AS l
FULL JOIN tried AS t ON l.source = t.source
LEFT JOIN moved AS m ON l.source = m.source
LEFT JOIN standing AS s ON l.source = s.source;
