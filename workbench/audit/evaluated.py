"""Which evaluations a comparison is of."""

from collections.abc import Sequence

from workbench.audit.scorecard import Scorecard, load_scorecard
from workbench.core.errors import ReaderError, RunError
from workbench.core.manifest import Manifest
from workbench.runs import Run, RunStore
from workbench.runs.locations import default_store

KIND = "evaluate"


def evaluated_runs(
    references: Sequence[str], films: Manifest, *, store: RunStore | None = None
) -> tuple[tuple[Run, ...], tuple[Scorecard, ...]]:
    """Return the evaluations named, or the newest one of each model on these films.

    Parameters
    ----------
    references
        Run ids, unique beginnings or folders; none takes the newest finished evaluation of each training run on the
        manifest of this name.
    films
        The manifest.
    store
        Where the runs lie; None takes the project's.

    Returns
    -------
    tuple[tuple[Run, ...], tuple[Scorecard, ...]]
        Runs and their scorecards, in the order given or, by default, oldest model first.

    Raises
    ------
    RunError
        A reference fits no run, or there is no evaluation on these films.
    ReaderError
        A named run has no scorecard.
    """
    store = store or default_store()
    if references:
        runs = tuple(store.get(each) for each in references)
        return runs, tuple(load_scorecard(run.folder) for run in runs)
    newest: dict[str, tuple[Run, Scorecard]] = {}
    for run in store.list():  # oldest first, so that the newest stays
        card = _card(run, films)
        if card is not None:
            newest[card.run or card.model] = (run, card)
    if not newest:
        raise RunError(f"no finished evaluation on {films.name} in {store.root}; run the notebook 40_evaluate first")
    found = sorted(newest.values(), key=lambda each: (each[1].run, each[0].id))
    return tuple(run for run, _ in found), tuple(card for _, card in found)


def _card(run: Run, films: Manifest) -> Scorecard | None:
    """Return the scorecard of a finished evaluation on these films, else None."""
    if run.kind != KIND or run.status != "done":
        return None
    try:
        card = load_scorecard(run.folder)
    except ReaderError:  # of another version, or damaged: one run must not hide the others
        return None
    return card if films.name in {each.name for each in card.evaluations.values()} else None
