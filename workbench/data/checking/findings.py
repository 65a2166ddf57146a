"""What a check of a manifest found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.core.errors import OptionError

SEVERITIES = ("error", "warning", "information")
"""What makes results wrong, what may, and what is good to know."""
_MOST_NAMED = 4


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Parameters
    ----------
    severity
        One of :data:`SEVERITIES`.
    kind
        Such as ``patient-across-splits``.
    cases
        The case ids concerned; empty where it concerns the whole set.
    words
        One line without a full stop.
    """

    severity: str
    kind: str
    cases: tuple[str, ...]
    words: str

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise OptionError(f"severity {self.severity!r} is not one of {', '.join(SEVERITIES)}")


@dataclass(frozen=True)
class Balance:
    """How many films of each class one body part has in one split; ``body_part`` or ``split`` may be empty."""

    body_part: str
    split: str
    counts: tuple[int, ...]
    """In the order of the manifest's class names."""
    unlabelled: int = 0


@dataclass(frozen=True)
class ManifestCheck:
    """Everything a check found.

    Parameters
    ----------
    name
        Of the manifest.
    class_names
        Of the manifest.
    films
        How many cases there are.
    read
        How many of them could be read to the last row.
    twins
        How many of them are linked to a twin.
    findings
        Errors first, then warnings, then information.
    balance
        By body part, then split.
    """

    name: str
    class_names: tuple[str, ...]
    films: int
    read: int
    twins: int
    findings: tuple[Finding, ...]
    balance: tuple[Balance, ...]

    def count(self, severity: str) -> int:
        """Return how many findings are of one severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def kinds(self) -> dict[str, int]:
        """How often each kind was found, in the order of the findings."""
        return dict(Counter(finding.kind for finding in self.findings))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a finding: severity, kind, cases (joined by ``;``), words."""
        import pandas as pd

        rows = [[each.severity, each.kind, ";".join(each.cases), each.words] for each in self.findings]
        return pd.DataFrame(rows, columns=["severity", "kind", "cases", "words"])


def named(names: Sequence[str]) -> str:
    """Return a list of names that stays short: the first few, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
