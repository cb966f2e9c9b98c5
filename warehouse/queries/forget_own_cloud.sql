-- Before a fit of the same name and day takes its place.
DELETE FROM law_cloud WHERE law = :law AND fit = :fit AND known_at = :known_at;
