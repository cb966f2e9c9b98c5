"""Fitting laws to training runs: robust, converged, with honest intervals.

runs.py        the runs that are fitted, and what is wrong with the others
huber.py       the loss of a residual
newton.py      damped Newton steps on many problems at once
surface.py     L = E + A·N^-α + B·D^-β as an objective with gradient and Hessian
projection.py  variable projection: E, A, B by least squares for given exponents; starts of a fit
chinchilla.py  the fit: many starts, agreement between them
bootstrap.py   the same fit on resampled runs, as one cloud of coefficients
allocation.py  approaches 1 and 2, for comparison
repetition.py  R_D* and R_N* of the data-constrained law, alone or with all constants
diagnostics.py residuals, leverage, identifiability, width of intervals
"""
