-- Coefficients of one stored fit.
SELECT coefficients FROM law_fit WHERE law = :law AND fit = :fit AND known_at = :known_at;
