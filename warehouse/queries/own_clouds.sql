-- Draws of every stored fit, of the newest of a name at the connection's known_at.
SELECT c.fit, c.coefficient, c.draws
FROM law_cloud AS c
INNER JOIN out_law_fits AS f ON c.law = f.law AND c.fit = f.fit AND c.known_at = f.known_at
ORDER BY c.fit, c.coefficient;
