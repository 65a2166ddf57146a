"""Training, validation and test films by whole patients, the same on every machine."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.seeding import derived_seed
from workbench.data.importers.duplicates import leading_patients

SHARES: Mapping[str, float] = MappingProxyType({"train": 0.5, "valid": 0.2, "test": 0.3})
"""Which part of the films each split is to hold, where nobody says."""

SPLIT_WORDS: Mapping[str, str] = MappingProxyType(
    {"train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid", "test": "test"}
)
"""What data sets call the splits."""


def split_groups(groups: Iterable[str], *, seed: int = 0, shares: Mapping[str, float] = SHARES) -> dict[str, str]:
    """Give every group to one split, so that the splits hold about their shares of the films.

    Groups are taken in the order of a seed derived from ``(seed, group)`` and each goes to the split that lacks most
    films; so no split holds more than its share by as much as the largest group. The order of ``groups`` does not
    matter, but one more group may move others: write the splits down, as a manifest does.

    Parameters
    ----------
    groups
        The group of each film; a group occurs as often as it has films.
    seed
        Another seed gives another split.
    shares
        Share of each split in (0, 1]; they sum to 1.

    Returns
    -------
    dict
        The split of each group.

    Raises
    ------
    OptionError
        The shares are not positive or do not sum to 1.
    """
    if not (all(share > 0 for share in shares.values()) and abs(sum(shares.values()) - 1) < 1e-9):  # NaN fails too
        raise OptionError(f"shares {dict(shares)} of the splits; wanted positive numbers that sum to 1")
    sizes = Counter(groups)
    lacking = {split: share * sizes.total() for split, share in shares.items()}
    chosen: dict[str, str] = {}
    for group in sorted(sizes, key=lambda each: (derived_seed(seed, each), each)):
        chosen[group] = max(lacking, key=lacking.__getitem__)
        lacking[chosen[group]] -= sizes[group]
    return chosen


def split_cases(cases: Iterable[Case], *, seed: int = 0, shares: Mapping[str, float] = SHARES) -> tuple[Case, ...]:
    """Return the cases with a split each; a patient's films, and copies with their patients, stay together.

    Parameters
    ----------
    cases
        Their present splits are forgotten.
    seed
        Another seed gives another split.
    shares
        As for :func:`split_groups`.

    Returns
    -------
    tuple of Case
        In the order given.
    """
    cases = tuple(cases)
    leader = leading_patients(cases)
    chosen = split_groups((leader[case.patient_id] for case in cases), seed=seed, shares=shares)
    return tuple(replace(case, split=chosen[leader[case.patient_id]]) for case in cases)


def known_split(name: str) -> str:
    """Return the workbench's word for a split; a name that is not one of :data:`SPLIT_WORDS` stays as it is."""
    return SPLIT_WORDS.get(name.lower(), name)
