"""The models of a comparison and the films they are compared on; what cannot be used is named, the rest stays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.audit.scorecard import Scorecard, load_scorecard
from workbench.core.errors import ManifestError, OptionError, ReaderError, RunError, Skipped, WorkbenchError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.dashboards.session import CaseSession
from workbench.dashboards.sources import Source, run_source
from workbench.models.classifier import Classifier
from workbench.runs.locations import find_run
from workbench.runs.run import Run

Model = Classifier | Run | str | Path
"""A wrapped network, or a run: itself, its id, unique beginning, folder, or ``latest:evaluate``."""
Models = Mapping[str, Model] | Sequence[Model]


@dataclass(frozen=True)
class ComparedModel:
    """One model of a comparison.

    Parameters
    ----------
    name
        For readers; no two are called alike.
    session
        The model, the films of the comparison, and its predictions so far.
    run
        Id of the run it comes from; empty for a wrapped network.
    card
        Of an evaluation; says whether the model learned on its own kind of films, and its training time.
    """

    name: str
    session: CaseSession
    run: str = ""
    card: Scorecard | None = None

    @property
    def training_s(self) -> float | None:
        """Training time; None where it is not known."""
        return None if self.card is None else self.card.training_s


@dataclass(frozen=True)
class ComparedModels:
    """Models that tell the same classes apart, and the films that are known to them.

    Parameters
    ----------
    models
        By name, in the order given.
    films
        Of all of them together.
    refused
        What was given but cannot be compared, and why.
    """

    models: dict[str, ComparedModel]
    films: Manifest
    refused: tuple[Skipped, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the films, in their order."""
        return tuple(dict.fromkeys(case.split for case in self.films if case.split))

    def said(self, split: str = "") -> dict[str, Predictions]:
        """Return what each model has said of the films of one split, or of all; models without a word are left out."""
        wanted = {case.case_id for case in self.films if not split or case.split == split}
        found = {}
        for name, model in self.models.items():
            known = model.session.predictions
            here = [case_id for case_id in known.case_ids if case_id in wanted] if known else []
            if known and here:
                found[name] = known.select(here)
        return found

    def waiting(self, split: str = "") -> dict[str, list[str]]:
        """Return, by model, the films of one split, or of all, that it has not classified yet."""
        films = [case.case_id for case in self.films if not split or case.split == split]
        said = {name: set(each.case_ids) for name, each in self.said(split).items()}
        missing = {name: [each for each in films if each not in said.get(name, ())] for name in self.models}
        return {name: ids for name, ids in missing.items() if ids}

    def close(self) -> None:
        """End the background work of every session."""
        for model in self.models.values():
            model.session.close()


def load_models(
    models: Models, manifest: Manifest | None = None, *, root: str | Path | None = None, split: str = ""
) -> ComparedModels:
    """Load what is to be compared.

    Parameters
    ----------
    models
        Two or more; names are the keys of a mapping, else those of the runs or networks.
    manifest
        The films; without it those of the first run, and of other runs on a manifest of the same name.
    root
        Folder of the films.
    split
        Only these films; a comma joins several.

    Returns
    -------
    ComparedModels
        At least one model; one that cannot be used is named in ``refused``.

    Raises
    ------
    OptionError
        Fewer than two models are given, or networks without a manifest.
    ModelError, RunError, ReaderError, ManifestError
        None of them can be used; the error of the first.
    """
    given = list(models.items()) if isinstance(models, Mapping) else [("", model) for model in models]
    if len(given) < 2:
        raise OptionError(f"a comparison needs at least two models; given {len(given)}")
    refused: list[tuple[str, WorkbenchError]] = []
    films = _chosen(manifest, split)
    loaded: list[tuple[str, Source, str, Scorecard | None]] = []
    for name, model in given:
        try:
            loaded.append(_loaded(name, model, films, root=root, split=split))
        except WorkbenchError as error:
            refused.append((name or _reference(model), error))
    known = _films(loaded, films)
    opened: dict[str, ComparedModel] = {}
    for name, source, run, card in loaded:
        try:
            _check_films(source, known)
            session = CaseSession(source.classifier, known, source.predictions)
        except WorkbenchError as error:
            refused.append((name, error))
            continue
        free = _free(name, run, opened)
        opened[free] = ComparedModel(free, session, run, card)
    if not opened:
        raise refused[0][1]
    return ComparedModels(opened, known, tuple(Skipped(name, str(error)) for name, error in refused))


def _chosen(manifest: Manifest | None, split: str) -> Manifest | None:
    names = [each.strip() for each in split.split(",") if each.strip()]
    return manifest.split(*names) if manifest is not None and names else manifest


def _loaded(
    name: str, model: Model, films: Manifest | None, *, root: str | Path | None, split: str
) -> tuple[str, Source, str, Scorecard | None]:
    if isinstance(model, Classifier):
        if films is None:
            raise OptionError("a network needs a manifest of the films to compare on; give manifest=")
        return name or model.architecture, Source(name or model.architecture, model, films), "", None
    run = model if isinstance(model, Run) else find_run(model)
    if run.status != "done":
        raise RunError(f"{run.id} is {run.status}{f' ({run.error})' if run.error else ''}; name a run that is done")
    source = run_source(run, films, root=root, split=split)
    card = load_scorecard(run.folder) if run.kind == "evaluate" else None
    return name or source.name, source, run.id, card


def _films(loaded: Iterable[tuple[str, Source, str, Scorecard | None]], given: Manifest | None) -> Manifest:
    """Return the films of all models together: those of the manifests that are called like the first."""
    sources = [source for _, source, _, _ in loaded]
    if not sources:
        return given or Manifest("none", (), (), Path())
    first = sources[0].manifest
    cases = {case.case_id: case for each in sources if each.manifest.name == first.name for case in each.manifest}
    return first.where(cases.values())


def _check_films(source: Source, films: Manifest) -> None:
    """Refuse a model whose films are another set, and predictions that were made for other classes."""
    if source.manifest.name != films.name:
        raise ManifestError(
            f"it was evaluated on {source.manifest.name}, the others on {films.name}; "
            "evaluate it on the same films, or give manifest="
        )
    said = source.predictions
    if said is not None and (said.class_names, said.positive) != (films.class_names, films.positive):
        raise ReaderError(f"its predictions are of {', '.join(said.class_names)}, not {', '.join(films.class_names)}")


def _free(name: str, run: str, taken: Mapping[str, ComparedModel]) -> str:
    """Return a name that no other model has: with the run's end, else with a number."""
    if name in taken and run:
        name = f"{name} ({run[-4:]})"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free


def _reference(model: Model) -> str:
    return model.architecture if isinstance(model, Classifier) else model.id if isinstance(model, Run) else str(model)
