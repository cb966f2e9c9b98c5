-- core_vintage_state: one row per source, series and vintage known by the chosen date, with its
-- state: accepted, held (a total left the band around the last accepted vintage and nobody
-- acknowledged it) or acknowledged. accepted_number is the vintage in force once this one is known.
-- A held vintage is never a reference, so a fault that stays keeps being held. Only what is loaded
-- and acknowledged decides, in whatever order that happened.
-- Units: counts of vintages.
-- Readers: core_vintage_total, core_inventory_now, out_sources, loads, acknowledgements.
CREATE OR REPLACE VIEW core_vintage_state AS
WITH RECURSIVE band AS (
    SELECT source, fall, rise FROM guard_band
    QUALIFY row_number() OVER (PARTITION BY source ORDER BY set_at DESC) = 1
),

placed AS (
    SELECT
        v.source,
        v.series,
        v.known_at,
        v.number,
        a.source IS NOT NULL AS acknowledged,
        coalesce(b.fall, d.fall) AS fall,
        coalesce(b.rise, d.rise) AS rise
    FROM core_vintage AS v
    CROSS JOIN (SELECT fall, rise FROM band WHERE source = '*') AS d
    LEFT JOIN band AS b ON v.source = b.source
    LEFT JOIN acknowledgement AS a
        ON v.source = a.source AND v.series = a.series AND v.known_at = a.known_at
),

totals AS (
    SELECT p.source, p.series, p.known_at, p.number, p.fall, p.rise, t.metric, t.stage, t.total
    FROM placed AS p
    INNER JOIN vintage_total AS t USING (source, series, known_at)
),

-- Pairs of vintages between which a total left its band; less than a year counts as one,
-- and nothing can be said of a reference of 0.
apart AS (
    SELECT DISTINCT a.source, a.series, a.number AS reference, b.number
    FROM totals AS a
    INNER JOIN totals AS b
        ON
            a.source = b.source
            AND a.series = b.series
            AND a.metric = b.metric
            AND a.stage = b.stage
            AND a.number < b.number
    WHERE
        a.total > 0
        AND (
            b.total < a.total * pow(1 - b.fall, greatest(1, (b.known_at - a.known_at) / 365.25))
            OR b.total > a.total * pow(1 + b.rise, greatest(1, (b.known_at - a.known_at) / 365.25))
        )
),

walk AS (
    SELECT
        source,
        series,
        known_at,
        number,
        number AS accepted_number,
        CASE WHEN acknowledged THEN 'acknowledged' ELSE 'accepted' END AS state
    FROM placed
    WHERE number = 1
    UNION ALL
    SELECT
        p.source,
        p.series,
        p.known_at,
        p.number,
        CASE
            WHEN p.acknowledged OR a.source IS NULL THEN p.number ELSE w.accepted_number
        END AS accepted_number,
        CASE
            WHEN p.acknowledged THEN 'acknowledged' WHEN a.source IS NULL THEN 'accepted'
            ELSE 'held'
        END AS state
    FROM walk AS w
    INNER JOIN placed AS p
        ON w.source = p.source AND w.series = p.series AND w.number + 1 = p.number
    LEFT JOIN apart AS a
        ON
            p.source = a.source
            AND p.series = a.series
            AND p.number = a.number
            AND w.accepted_number = a.reference
)

SELECT source, series, known_at, number, accepted_number, state FROM walk;
