-- Clouds of fits of one's own: the draws of one coefficient over resamples, in the order of the
-- resamples, so that the n-th draws of all coefficients belong together.
CREATE TABLE law_cloud (
    law VARCHAR NOT NULL,
    fit VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    coefficient VARCHAR NOT NULL,
    draws DOUBLE[] NOT NULL,
    PRIMARY KEY (law, fit, known_at, coefficient)
);
