-- described: one row per corpus as the file describes it, with how many of its rows can be read and
-- how many cannot. Columns that the file lacks are the same in every row of a corpus, so only those
-- it has tell descriptions apart.
CREATE OR REPLACE TEMP TABLE described AS
SELECT
    corpus_id,
    any_value(name) AS name,
    any_value(domain) AS domain,
    any_value(parent_corpus) AS parent_corpus,
    any_value(access_class) AS access_class,
    any_value(information_origin) AS information_origin,
    count(*) - count(problem) AS figures,
    count(problem) AS rejected
FROM staged
GROUP BY {described_by}
