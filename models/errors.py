"""Errors of the mathematics.

DatawallError            every error a user can cause or meet; printed as one line
└── ModelError
    ├── ClaimInvalid     a value, interval or level that is no claim
    ├── FitImpossible    runs from which no law can be told
    ├── OutsideValidRange  an input beyond the range a law was fitted on or defined for
    ├── LawUnknown       a name that no law has
    ├── LawCannotAnswer  a question the law does not answer, or a law without verified constants
    └── RecordInvalid    a record that breaks the shared vocabulary
"""


class DatawallError(Exception):
    """Base of all errors whose message is written for the user: what, seen, allowed, next step."""


class ModelError(DatawallError):
    """Base of the errors of this folder."""


class ClaimInvalid(ModelError):
    """A claim whose numbers contradict each other or its unit."""


class FitImpossible(ModelError):
    """Runs that are too few, too alike or unusable, or a fit that did not converge."""


class OutsideValidRange(ModelError):
    """An input outside the range in which a formula means anything."""


class LawUnknown(ModelError):
    """A name that no law has."""


class LawCannotAnswer(ModelError):
    """A question a law does not answer, or any question to one without verified constants."""


class RecordInvalid(ModelError):
    """A record with an unknown domain, metric, stage or status, or an impossible value."""
