"""How labels are spread over body parts and splits."""

from collections import Counter
from collections.abc import Iterator

from workbench.core.manifest import Manifest
from workbench.data.checking.findings import Balance, Finding

SMALL_GROUP = 10
"""Films of one class, body part and split below which a share of them says little."""


def label_balance(manifest: Manifest) -> tuple[Balance, ...]:
    """Count films by body part, split and class."""
    counts = Counter((case.body_part, case.split, case.label) for case in manifest)
    places = sorted({(body_part, split) for body_part, split, _label in counts})
    return tuple(
        Balance(*place, tuple(counts[*place, name] for name in manifest.class_names), counts[*place, None])
        for place in places
    )


def balance_findings(manifest: Manifest, balance: tuple[Balance, ...]) -> Iterator[Finding]:
    """Yield classes that a split lacks, small groups, and films without a split or label."""
    missing = _missing_classes(manifest, balance)
    for split, names in missing.items():
        if names:
            yield Finding("warning", "class-missing", (), f"{_place('', split)}: no film is {' or '.join(names)}")
    for each in balance:
        counted = zip(manifest.class_names, each.counts, strict=True)
        wanted = {name: count for name, count in counted if name not in missing.get(each.split, ())}
        small = [f"{count} {name}" for name, count in wanted.items() if count < SMALL_GROUP]
        if small and any(each.counts):
            words = (
                f"{_place(each.body_part, each.split)}: {', '.join(small)}; fewer than {SMALL_GROUP} films say little"
            )
            yield Finding("warning", "small-group", (), words)
    for kind, what, absent in (
        ("no-split", "split", [case.case_id for case in manifest if not case.split]),
        ("no-label", "label", [case.case_id for case in manifest if case.label is None]),
    ):
        if 0 < len(absent) < len(manifest):
            words = f"{len(absent)} of {len(manifest)} films without a {what}"
            yield Finding("information", kind, tuple(absent), words)


def _missing_classes(manifest: Manifest, balance: tuple[Balance, ...]) -> dict[str, list[str]]:
    """Return for each split with labels the classes that it lacks although another split has them."""
    totals: dict[str, list[int]] = {}
    for each in balance:
        seen = totals.setdefault(each.split, [0] * len(manifest.class_names))
        totals[each.split] = [one + other for one, other in zip(seen, each.counts, strict=True)]
    known = [any(counts) for counts in zip(*totals.values(), strict=True)]
    return {
        split: [
            name for name, count, there in zip(manifest.class_names, counts, known, strict=True) if there and not count
        ]
        for split, counts in totals.items()
        if any(counts)
    }


def _place(body_part: str, split: str) -> str:
    return ", ".join(part for part in (body_part, split or "no split") if part)
