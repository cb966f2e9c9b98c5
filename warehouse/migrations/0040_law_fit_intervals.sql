-- Published intervals of a law's coefficients: a JSON object, by symbol [low, high, probability inside].
ALTER TABLE law_fit ADD COLUMN intervals JSON DEFAULT '{}';
