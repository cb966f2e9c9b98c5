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

-- Vintages of which a total left the band around the one before, without anybody's word for it.
-- Less than a year counts as one, and nothing can be said of a reference of 0.
broken AS (
    SELECT DISTINCT b.source, b.series, b.number
    FROM totals AS a
    INNER JOIN totals AS b
        ON
            a.source = b.source
            AND a.series = b.series
            AND a.metric = b.metric
            AND a.stage = b.stage
            AND a.number + 1 = b.number
    INNER JOIN placed AS p
        ON b.source = p.source AND b.series = p.series AND b.number = p.number
    WHERE
        NOT p.acknowledged
        AND a.total > 0
        AND b.total NOT BETWEEN
        a.total * pow(1 - b.fall, greatest(1, (b.known_at - a.known_at) / 365.25))
        AND a.total * pow(1 + b.rise, greatest(1, (b.known_at - a.known_at) / 365.25))
),

-- Later vintages that are still outside the band around the last one before the break.
apart AS (
    SELECT DISTINCT h.source, h.series, h.number AS held_from, b.number
    FROM broken AS h
    INNER JOIN totals AS a
        ON h.source = a.source AND h.series = a.series AND h.number = a.number + 1
    INNER JOIN totals AS b
        ON
            a.source = b.source
            AND a.series = b.series
            AND a.metric = b.metric
            AND a.stage = b.stage
            AND a.number < b.number
    WHERE
        a.total > 0
        AND b.total NOT BETWEEN
        a.total * pow(1 - b.fall, greatest(1, (b.known_at - a.known_at) / 365.25))
        AND a.total * pow(1 + b.rise, greatest(1, (b.known_at - a.known_at) / 365.25))
),

-- If the vintage before a break is in force: where the hold begins, and where it ends if it does.
spell AS (
    SELECT
        h.source,
        h.series,
        h.number AS held_from,
        coalesce(min(p.number) FILTER (WHERE p.acknowledged OR a.source IS NULL), 1e9) AS resumed
    FROM broken AS h
    INNER JOIN placed AS p
        ON h.source = p.source AND h.series = p.series AND h.number <= p.number
    LEFT JOIN apart AS a
        ON
            h.source = a.source
            AND h.series = a.series
            AND h.number = a.held_from
            AND p.number = a.number
    GROUP BY h.source, h.series, h.number
),

following AS (
    SELECT s.source, s.series, s.held_from, s.resumed, min(n.held_from) AS next_from
    FROM spell AS s
    LEFT JOIN spell AS n
        ON s.source = n.source AND s.series = n.series AND s.resumed < n.held_from
    GROUP BY s.source, s.series, s.held_from, s.resumed
),

-- A break inside a hold begins none of its own; few series have any, so few steps are walked.
walk AS (
    SELECT * FROM following
    QUALIFY held_from = min(held_from) OVER (PARTITION BY source, series)
    UNION ALL
    SELECT f.*
    FROM walk AS w
    INNER JOIN following AS f
        ON w.source = f.source AND w.series = f.series AND w.next_from = f.held_from
)

SELECT
    p.source,
    p.series,
    p.known_at,
    p.number,
    coalesce(w.held_from - 1, p.number) AS accepted_number,
    CASE
        WHEN w.source IS NOT NULL THEN 'held'
        WHEN p.acknowledged THEN 'acknowledged'
        ELSE 'accepted'
    END AS state
FROM placed AS p
LEFT JOIN walk AS w
    ON
        p.source = w.source
        AND p.series = w.series
        AND p.number >= w.held_from
        AND p.number < w.resumed;
