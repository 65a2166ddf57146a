"""Films of which several witnesses (a table, a folder's name, drawings) say different labels."""

from collections.abc import Iterable, Mapping

from workbench.core.case import Case

CONFLICT = "label-conflict"
"""Tags a film whose witnesses disagree."""
DISAGREES = "disagrees:"
"""Begins the tag that names a witness who says another label than the case carries."""


def conflict_tags(label: object, witnesses: Mapping[str, object]) -> tuple[str, ...]:
    """Return the tags of a case with this label, none where every witness says it too."""
    others = tuple(f"{DISAGREES}{witness}" for witness, said in witnesses.items() if said != label)
    return (CONFLICT, *others) if others else ()


def conflicting(cases: Iterable[Case]) -> list[tuple[Case, tuple[str, ...]]]:
    """Return the cases in conflict, each with the witnesses who say otherwise."""
    return [
        (case, tuple(tag.removeprefix(DISAGREES) for tag in case.tags if tag.startswith(DISAGREES)))
        for case in cases
        if CONFLICT in case.tags
    ]
