-- core_growth: one row per corpus, metric and stage with five whole years or more at the chosen
-- date, all above 0: its yearly ratio by the regression of Theil and Sen, and a 90 % interval.
-- Equation: ln y = a + b·t, b the median of (ln y_j − ln y_i) / (t_j − t_i) over i < j; ratio = e^b;
-- the interval takes the slopes of ranks (n ± z·s)/2, z the 95 % quantile of the normal, n slopes,
-- s² = (m(m − 1)(2m + 5) − Σ k(k − 1)(2k + 5)) / 18 of m years, k of each group of equal amounts.
-- Of a series the ten newest years count: older ones say how a collection was started. With fewer
-- than five the interval has no end. Figures of a running total that lie closer than a year share
-- their errors, and the interval, which takes residuals as independent, would be too narrow.
-- Units: ratio, low, high per year; first_year, last_year fractional.
-- Source: Theil 1950; Sen 1968, https://doi.org/10.1080/01621459.1968.10480934
-- Readers: out_claims.
CREATE OR REPLACE VIEW core_growth AS
WITH yearly AS (
    SELECT
        corpus_id, metric, stage, year + 0.5 AS t, value, known_at, origin_id
    FROM out_new_by_year
    WHERE whole
    UNION ALL
    SELECT
        corpus_id, metric, stage,
        year + (dayofyear(valid_on) - 1) / dayofyear(make_date(year, 12, 31)) AS t,
        value, known_at, origin_id
    FROM out_stock_by_year
),

placed AS (
    SELECT
        *,
        row_number() OVER (series ORDER BY t DESC) AS place,
        count(*) OVER series AS years,
        count(DISTINCT t) OVER series AS different,
        min(value) OVER series AS least
    FROM yearly
    WINDOW series AS (PARTITION BY corpus_id, metric, stage)
),

used AS (
    SELECT corpus_id, metric, stage, t, ln(value) AS y, value, known_at, origin_id
    FROM placed
    WHERE years >= 5 AND years = different AND least > 0 AND place <= 10
),

tied AS (
    SELECT corpus_id, metric, stage, sum(k * (k - 1) * (2 * k + 5)) AS ties
    FROM (
        SELECT corpus_id, metric, stage, count(*) AS k
        FROM used
        GROUP BY corpus_id, metric, stage, value
    )
    GROUP BY corpus_id, metric, stage
),

described AS (
    SELECT
        u.corpus_id,
        u.metric,
        u.stage,
        count(*) AS m,
        sqrt((m * (m - 1) * (2 * m + 5) - any_value(k.ties)) / 18) AS s,
        min(u.t) AS first_year,
        max(u.t) AS last_year,
        max(u.known_at) AS known_at,
        arg_max(u.origin_id, u.t) AS origin_id
    FROM used AS u
    INNER JOIN tied AS k USING (corpus_id, metric, stage)
    GROUP BY u.corpus_id, u.metric, u.stage
),

sloped AS (
    SELECT
        a.corpus_id,
        a.metric,
        a.stage,
        count(*) AS n,
        median((b.y - a.y) / (b.t - a.t)) AS slope,
        list_sort(list((b.y - a.y) / (b.t - a.t))) AS slopes
    FROM used AS a
    INNER JOIN used AS b
        ON
            a.corpus_id = b.corpus_id
            AND a.metric = b.metric
            AND a.stage = b.stage
            AND a.t < b.t
    GROUP BY a.corpus_id, a.metric, a.stage
)

SELECT
    corpus_id,
    metric,
    stage,
    exp(slope) AS ratio,
    exp(slopes[greatest(CAST(round_even((n - 1.6448536269514722 * s) / 2, 0) AS BIGINT), 1)])
        AS low,
    exp(slopes[least(CAST(round_even((n + 1.6448536269514722 * s) / 2, 0) AS BIGINT) + 1, n)])
        AS high,
    m AS years,
    first_year,
    last_year,
    known_at,
    origin_id
FROM sloped
INNER JOIN described USING (corpus_id, metric, stage);
