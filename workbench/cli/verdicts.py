"""``workbench import verdicts FILE --run RUN``: what a report's reader downloaded goes to the run's reviews."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.core.errors import RunError, Skipped, WorkbenchError

if TYPE_CHECKING:
    from workbench.runs.run import Run

KEEPERS = ("train", "adopt", "evaluate")
"""Runs that the case explorer opens, so that verdicts kept with them are seen again."""
MOST_LINES = 20
"""Skipped verdicts shown one by one; the rest is counted."""


def import_verdicts(
    file: Annotated[Path, typer.Argument(help="verdicts-NAME.jsonl, downloaded from a report.")],
    run: Annotated[str, typer.Option("--run", help="Run: id, unique beginning, folder, or latest:evaluate.")],
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Folder of the runs; the project's runs/ by default.")
    ] = None,
) -> None:
    """Merge a reader's verdicts on a report into the reviews of a run; a second time nothing is added."""
    from workbench.runs.locations import default_store
    from workbench.runs.reviews import ReviewBook, read_reviews
    from workbench.runs.run import REVIEWS_FOLDER
    from workbench.runs.store import RunStore

    found = (RunStore(runs) if runs else default_store()).get(run)
    if found.kind not in KEEPERS:
        raise RunError(
            f"{found.id} is of the kind {found.kind!r}, with which no dashboard shows verdicts; "
            f"name a run of the kind {' or '.join(KEEPERS)}, such as latest:evaluate"
        )
    book = ReviewBook(found.folder / REVIEWS_FOLDER)
    new, skipped = book.merge(file, case_ids=_case_ids(found), weights_sha256=_weights_sha256(found))
    reviews, unreadable = read_reviews(file)
    known = len(reviews) + len(unreadable) - new - len(skipped)
    readers = ", ".join(f"{name} {count}" for name, count in sorted(Counter(each.reviewer for each in reviews).items()))
    print(f"{file}: {new} new verdicts, {known} were there already, {len(skipped)} skipped (by reader: {readers})")
    _print_skipped(skipped)
    print(f"kept in {book.folder}; `workbench lab` shows them in the case explorer of {found.id}")


def _case_ids(run: "Run") -> tuple[str, ...]:
    """Return the ids of the run's films; none, and a word about it, where they cannot be read."""
    from workbench.core.manifest import read_manifest

    try:
        path = run.parameters.get("manifest")
        if not path:
            raise RunError(f"{run.id} names no manifest")
        return tuple(case.case_id for case in read_manifest(path, run.parameters.get("root") or None))
    except WorkbenchError as error:
        print(f"note: verdicts are taken without a look at the run's films ({error})")
        return ()


def _weights_sha256(run: "Run") -> str:
    """Return which weights the run is about; empty, and a word about it, where they cannot be told."""
    from workbench.audit.scorecard import load_scorecard
    from workbench.core.files import read_json

    try:
        folder = run.folder if run.kind != "evaluate" else run.folder.parent / load_scorecard(run.folder).run
        return str(read_json(folder / "model.json")["provenance"]["weights_sha256"])
    except (WorkbenchError, LookupError, TypeError) as error:
        print(f"note: verdicts are taken whatever model they were given on ({error})")
        return ""


def _print_skipped(skipped: tuple[Skipped, ...]) -> None:
    for each in skipped[:MOST_LINES]:
        print(f"  skipped {each}")
    if len(skipped) > MOST_LINES:
        print(f"  ... and {len(skipped) - MOST_LINES} more")
