"""What an import tells its user: what was found, what was used, what disagrees, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from workbench.cli.terminal import print_table
from workbench.core.errors import Skipped
from workbench.core.manifest import Manifest
from workbench.core.skipped import skipped_path

MOST_LINES = 20
"""Of one kind; the rest is counted, and stands in a file."""


def report_import(manifest: Manifest, to: Path) -> None:
    """Print what became of a data set whose manifest was written to ``to``."""
    cases = manifest.cases
    annotated = sum(bool(case.annotations) for case in cases)
    print(f"{to}: {len(cases)} films, {annotated} annotated, {len(manifest.skipped)} skipped")
    patients = len({case.patient_id for case in cases})
    print(f"studies: {len({case.study_id for case in cases})} of {patients} patients, or what stands in for them")
    print(f"labels: {_counts(case.label or 'none' for case in cases)}")
    print(f"splits: {_counts(case.split or 'none' for case in cases)}")
    if any(case.body_part for case in cases):
        print(f"body parts: {_counts(case.body_part or 'not known' for case in cases)}")
    for fact in manifest.note.split("; "):
        print(f"note: {fact}")
    _print_some("label conflicts", _conflicts(manifest), f"all are tagged in {to}")
    _print_some("copies with another label", _contradicting_copies(manifest), f"all are tagged in {to}")
    print_skipped(manifest.skipped, to)
    root = manifest.root.resolve()
    print(f"films lie in {root}; give notebooks -p root={root}, or link it as data/{manifest.name}")


def report_attached(before: Manifest, after: Manifest, to: Path) -> None:
    """Print how many annotations of each category a manifest had, gained and has."""
    had, has = (Counter(each.category for case in cases for each in case.annotations) for cases in (before, after))
    annotated = sum(bool(case.annotations) for case in after)
    skipped = after.skipped[len(before.skipped) :]
    gained = (has - had).total()
    print(f"{to}: {gained} annotations attached, {len(skipped)} skipped; {annotated} of {len(after)} films annotated")
    print_table(
        ("category", "before", "attached", "now"),
        [(name, f"{had[name]:,}", f"{count - had[name]:,}", f"{count:,}") for name, count in sorted(has.items())],
    )
    if not gained:
        print("nothing new: what a film carries already is not attached again")
    print_skipped(skipped, to)


def print_skipped(skipped: Sequence[Skipped], to: Path) -> None:
    """Print what was left out, counted by reason where it is much, and where the whole list lies."""
    if not skipped:
        return
    if len(skipped) <= MOST_LINES:
        for each in skipped:
            print(f"  skipped {each}")
    else:
        reasons = Counter(each.reason for each in skipped)
        first = {each.reason: each.what for each in reversed(skipped)}
        rows = [(str(count), reason, first[reason]) for reason, count in reasons.most_common(MOST_LINES)]
        print_table(("skipped", "because", "the first"), rows)
        if len(reasons) > MOST_LINES:
            print(f"  ... and {len(reasons) - MOST_LINES} more reasons")
    print(f"skipped, one by one: {skipped_path(to)}")


def print_published(manifest: Manifest) -> None:
    """Print MURA's studies and images beside the published numbers."""
    from workbench.data.importers.mura_published import COLUMNS, published_differences

    rows = published_differences(manifest)
    of_studies = [row for row in rows if row.counted == "studies"]
    table = [
        (part, *_cells((row.found, row.published) for row in of_part))
        for part, of_part in groupby(of_studies, key=lambda row: row.body_part)
    ]
    by_column = [[row for row in of_studies if (row.split, row.label) == column] for column in COLUMNS]
    sums = [(sum(row.found for row in column), sum(row.published for row in column)) for column in by_column]
    names = [f"{split} {label}" for split, label in COLUMNS]
    print_table(
        ("studies", *names, "all"), [*table, ("all", *_cells(sums))], title="found, and - or + what was published"
    )
    for row in rows:
        if row.counted == "images":
            print(f"{row.split} images: {_cell(row.found, row.published)} of {row.published:,} published")


def _cells(pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Return the cells of a row and that of its sum."""
    pairs = list(pairs)
    whole = sum(found for found, _ in pairs), sum(published for _, published in pairs)
    return [_cell(found, published) for found, published in (*pairs, whole)]


def _cell(found: int, published: int) -> str:
    return f"{found:,}" if found == published else f"{found:,} ({found - published:+,})"


def _counts(words: Iterable[str]) -> str:
    return ", ".join(f"{word} {count:,}" for word, count in sorted(Counter(words).items()))


def _print_some(title: str, lines: Sequence[str], where: str) -> None:
    if lines:
        print(f"{title} ({len(lines)}; {where}):")
        for line in lines[:MOST_LINES]:
            print(f"  {line}")
        if len(lines) > MOST_LINES:
            print(f"  ... and {len(lines) - MOST_LINES} more")


def _conflicts(manifest: Manifest) -> list[str]:
    from workbench.data.importers.conflicts import conflicting

    return [
        f"{case.image} counts as {case.label}; otherwise say: {', '.join(others) or 'not recorded'}"
        for case, others in conflicting(manifest)
    ]


def _contradicting_copies(manifest: Manifest) -> list[str]:
    from workbench.data.importers.duplicates import copies

    by_id = {case.case_id: case for case in manifest}
    pairs = [(case, by_id[original]) for case, original in copies(manifest) if original in by_id]
    return [
        f"{copy.image} ({copy.label or 'no label'}) has the pixels of {first.image} ({first.label or 'no label'})"
        for copy, first in pairs
        if copy.label != first.label
    ]
