"""Laws whose form is published and whose constants were not seen: listed, never computed.

Equation: kim           L(N) = 1/N^1.02 + 3.43 on 200M tokens; asymptote of ensembles 3.34
          clark         log L = a·log N + b·log Ê + c·log N·log Ê + d
          ludziejewski  L = a·Ê^δ·N^-(α+γ·ln Ê) + b·Ê^ω·D^-(β+ζ·ln Ê) + c
          abnar         L = a·N^-α + b·D^-β + c·(1−S)^-λ + d·(1−S)^-δ·N^-γ + e
          practical     L = E + (L_0 − E)·h/(1 + h), h = a·N^-α + b·T^-β + c·N^γ/D^δ
          chang         D·Q instead of D, Q from diversity and syntheticity
          minicpm       L = E + A·N^-α + B·D^-β with t far above Chinchilla's
Symbols:  Ê saturated number of experts, S sparsity, T tokens seen, D unique tokens
Units:    nats per token
Range:    stated with each entry's reason
Source:   Kim et al. 2025, arXiv:2509.14786; Clark et al. 2022, arXiv:2202.01169; Ludziejewski et
          al. 2025, arXiv:2502.05172; Abnar et al. 2025, arXiv:2501.12370; arXiv:2605.09189; Chang
          et al. 2024, arXiv:2410.03083; MiniCPM 2024, arXiv:2404.06395
"""

from models.laws.fits import Entry

_REASONS = {
    "kim": (
        "Infinite compute (Kim 2025)",
        "the unit of N behind L(N) = 1/N^1.02 + 3.43 was not seen, and the fit holds for 200M "
        "tokens only",
    ),
    "clark": (
        "Routed experts (Clark 2022)",
        "the smallest expert count of its saturated Ê was not seen, and the coefficients only in a "
        "secondary text; it was trained at one token count",
    ),
    "ludziejewski": (
        "Joint mixture of experts (Ludziejewski 2025)",
        "the signs of its nine coefficients were seen only in a secondary text",
    ),
    "abnar": ("Sparsity (Abnar 2025)", "its coefficients were not seen"),
    "practical": (
        "Saturating loss with overfitting (2026)",
        "its coefficients were not seen; only the form is in the abstract",
    ),
    "chang": ("Diversity and syntheticity (Chang 2024)", "its constants were not seen"),
    "minicpm": (
        "MiniCPM (2024)",
        "its exponents and the ratio of 192 tokens per parameter are quoted everywhere and were "
        "seen nowhere",
    ),
}

ENTRIES = tuple(
    Entry(name, title, __name__, refusal=reason) for name, (title, reason) in _REASONS.items()
)
