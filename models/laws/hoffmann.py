"""The three approaches of the Chinchilla paper.

Equation: approaches 1 and 2: tables of model size and optimal tokens (Tables 3 and A3), read
          between rows as ln D linear in ln C. Approach 3: L = E + A·N^-α + B·D^-β (see Chinchilla)
Symbols:  N parameters, D tokens, C = 6·N·D FLOP, N* ~ C^a, D* ~ C^b
Range:    6e18 to 1.3e22 FLOP, the runs as the replication digitised them; the tables go on to
          1.3e28 FLOP and more by extrapolation
Source:   Hoffmann et al. 2022, arXiv:2203.15556. Table 2 (exponents), Table 3, Table A3, eq. 10;
          unrounded approach 3 from the notebook of Besiroglu et al. 2024, arXiv:2404.10102

The approaches span 216T to 1426T tokens for the same 10T parameters: a factor of 6.6 from method
alone. Approach 3 contradicts itself three ways: printed to two digits its t is 92.6 at 5.76e23
FLOP, unrounded 58.9, and neither gives the exponents of Table 2 (a = 0.46; the coefficients give
0.452 and 0.457) nor the tokens of Table A3 (94.1T at 1T parameters; the coefficients give 193T and
109T). Its 80 % interval of a, 0.001 wide, would need over 600,000 runs. Never allocate by approach
3. "20 tokens per parameter" is a reading of the approach-1 table (20.0 at 400M, 21.6 at 10T), not a
constant. Table A3 prints 1.26e24 FLOP for 175B under approach 3; its own N and D need 1.26e25.
"""

from models.laws.allocation import TableAllocation
from models.laws.chinchilla import Chinchilla
from models.laws.fits import Entry, from_one

_TABLES = (
    ("hoffmann_approach1", 1, "envelope of training curves", "table_3"),
    ("hoffmann_approach2", 2, "isoFLOP parabolas", "table_a3"),
    ("hoffmann_tableA3_approach3", 3, "as tabulated", "table_a3"),
)
_PARAMETRIC = "hoffmann_approach3"

ENTRIES = (
    *(
        Entry(
            name, f"Hoffmann 2022, approach {number}: {method}", __name__,
            (f"{name}:{fit}", f"hoffmann_approach{number}:table_2"),
            from_one(f"{name}:{fit}", TableAllocation.from_fit),
        )
        for name, number, method, fit in _TABLES
    ),
    Entry(
        _PARAMETRIC, "Hoffmann 2022, approach 3: parametric fit, unrounded", __name__,
        (f"{_PARAMETRIC}:unrounded", f"{_PARAMETRIC}:rounded", f"{_PARAMETRIC}:table_2"),
        from_one(f"{_PARAMETRIC}:unrounded", Chinchilla.from_fit),
    ),
)  # fmt: skip
