"""Which cases to look at: by a stated rule, one film a patient, spread over body parts."""

from collections.abc import Iterable
from itertools import zip_longest

from workbench.core.case import Case
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.registry import unknown_name

RULES = ("abnormal", "normal", "any", "wrong", "false-negative", "false-positive")


def choose_cases(
    manifest: Manifest,
    *,
    rule: str = "abnormal",
    count: int = 8,
    category: str = "",
    predictions: Predictions | None = None,
) -> Manifest:
    """Return cases worth a look.

    Parameters
    ----------
    manifest
        Where to choose from.
    rule
        ``abnormal`` and ``normal`` by label, ``any``; ``wrong``, ``false-negative`` and ``false-positive`` by
        predictions at 0.5, the most confident errors first.
    count
        How many at most.
    category
        Only films on which such a thing is annotated; empty for all.
    predictions
        Needed by the last three rules.

    Returns
    -------
    Manifest
        At most one film a patient, body parts in turn.

    Raises
    ------
    UnknownNameError
        No such rule.
    ManifestError
        No case fits, or predictions are needed.
    """
    if rule not in RULES:
        raise unknown_name("rule of choice", rule, RULES)
    fitting = [case for case in _fitting(manifest, rule, predictions) if not category or case.has(category)]
    of_patient = {case.patient_id: case for case in reversed(fitting)}
    single = [case for case in fitting if of_patient[case.patient_id] is case]
    if not single:
        having = f" with a {category!r}" if category else ""
        raise ManifestError(f"{manifest.name}: no case fits the rule {rule!r}{having} among {len(manifest)} films")
    return manifest.where(_in_turn(single)[:count])


def _fitting(manifest: Manifest, rule: str, predictions: Predictions | None) -> Iterable[Case]:
    if rule == "any":
        return manifest.cases
    if rule in ("abnormal", "normal"):
        labelled = [case for case in manifest if case.label is not None]
        return [case for case in labelled if (case.label in manifest.positive) == (rule == "abnormal")]
    if predictions is None:
        raise ManifestError(f"the rule {rule!r} needs predictions; use abnormal, normal or any without them")
    said = dict(zip(predictions.case_ids, zip(predictions.abnormal, predictions.truth, strict=True), strict=True))
    wanted = {"false-negative": (1,), "false-positive": (0,), "wrong": (0, 1)}[rule]
    errors = [
        case
        for case in manifest
        if case.case_id in said
        and said[case.case_id][1] in wanted
        and (said[case.case_id][0] > 0.5) != said[case.case_id][1]
    ]
    return sorted(errors, key=lambda case: -abs(said[case.case_id][0] - 0.5))


def _in_turn(cases: list[Case]) -> list[Case]:
    """Return the cases with their body parts taking turns."""
    by_part: dict[str, list[Case]] = {}
    for case in cases:
        by_part.setdefault(case.body_part, []).append(case)
    return [case for turn in zip_longest(*by_part.values()) for case in turn if case is not None]
