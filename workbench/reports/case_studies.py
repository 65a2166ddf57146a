"""Case studies: films named with their models, so that every figure is of the right one; all read before any is drawn.

The eight cases of the paper ``densenet-interpretation`` are of four models; which one is shown says what it means.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

from workbench.attribution import METHODS
from workbench.audit.crop_square import crop_box
from workbench.core.arrays import Box
from workbench.core.case import Case
from workbench.core.errors import ManifestError, MethodRefusedError, OptionError, RunError, WorkbenchError
from workbench.core.manifest import Manifest
from workbench.models.checkpoints import load_classifier
from workbench.models.classifier import Classifier, check_classes
from workbench.reports.cases import film_of
from workbench.runs import Run, RunStore
from workbench.runs.locations import default_store

WANTED = "wanted CASE_ID@RUN or CASE_ID@RUN: TITLE"
NO_CAM = "grad-cam"
"""Drawn instead where a head has no class activation map."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class CaseStudy:
    """One film and the model that it is shown with.

    Parameters
    ----------
    case_id
        Of the film.
    run
        Where the model comes from.
    model
        The model itself.
    title
        In place of body part and view.
    method
        Of the map.
    asked
        The method that was asked for; another one where the model's head has no such map.
    """

    case_id: str
    run: Run
    model: Classifier = field(repr=False)
    title: str = ""
    method: str = "cam"
    asked: str = "cam"

    @property
    def name(self) -> str:
        """The model's name for readers."""
        return str(self.run.parameters.get("name") or self.model.architecture)

    @property
    def note(self) -> str:
        """Which model this is, and why its map is another than the one asked for."""
        words = f"Model: {self.name} ({self.model.architecture}), run {self.run.id}"
        return words if self.method == self.asked else f"{words}. Its head has no {self.asked}: {self.method} instead"


@dataclass(frozen=True)
class CaseStudies:
    """All that a notebook of case studies draws, checked.

    Parameters
    ----------
    films
        The manifest.
    single
        One figure each.
    pair
        The same film with two models, for the square of crop and model; empty for none.
    box
        What the crop of the pair keeps; None where there is no pair.
    """

    films: Manifest
    single: tuple[CaseStudy, ...]
    pair: tuple[CaseStudy, ...] = ()
    box: Box | None = None


def read_case_studies(
    cases: Sequence[str],
    films: Manifest,
    *,
    square: Sequence[str] = (),
    box: Sequence[int] = (),
    method: str = "cam",
    cells: Mapping[str, Run] | None = None,
    store: RunStore | None = None,
) -> CaseStudies:
    """Read which films are shown with which models; every mistake is told at once, before anything is drawn.

    Parameters
    ----------
    cases
        ``CASE_ID@RUN`` or ``CASE_ID@RUN: TITLE``, any number. The run is a training run's id, unique beginning, folder,
        ``latest:train``, or one of ``cells``.
    films
        Where the cases are.
    square
        Two of them, of one film with two runs: this film is shown to both models, as it is and cropped.
    box
        Left, top, right, bottom of that crop in film pixels; none takes the inside of the frame that is found.
    method
        Of the maps; ``cam`` becomes ``grad-cam`` for a model whose head has none.
    cells
        Runs by other names: those of a sweep's cells, as ``wb.read_sweep(FOLDER).trained`` gives them.
    store
        Where the runs lie; None takes the project's.

    Returns
    -------
    CaseStudies
        With each run's model loaded once.

    Raises
    ------
    OptionError
        Nothing to show, or a text, case, film, run, model, method or box that cannot be used: all of them, in one line.
    """
    faults: list[str] = []
    reading = _Reading(films, method, cells or {}, store or default_store(), faults)
    single = reading.studies(cases)
    pair = reading.studies(square)
    if not cases and not square:
        faults.append(f"no case is given; {WANTED}, such as {films[0].case_id}@latest:train")
    kept = reading.attempt(_crop_of, square, pair, films, box) if square else None
    if box and not square:
        faults.append(f"box {list(box)}: is the crop of a square, and no square is given")
    if faults:
        told = list(dict.fromkeys(faults))
        raise OptionError((f"{len(told)} errors: " if len(told) > 1 else "") + "; ".join(told))
    return CaseStudies(films, single, _of_one_method(pair), kept)


class _Reading:
    """Reads texts, notes what is wrong with them, and goes on."""

    def __init__(
        self, films: Manifest, method: str, cells: Mapping[str, Run], store: RunStore, faults: list[str]
    ) -> None:
        self._films, self._asked, self._faults = films, method, faults
        self._cells, self._store = cells, store
        self._loaded: Callable[[str], tuple[Run, Classifier, str] | None] = cache(
            lambda reference: self.attempt(self._model, reference)
        )

    def attempt(self, function: Callable[..., Result], *given: Any) -> Result | None:
        """Return what a function returns, None after noting why it cannot."""
        try:
            return function(*given)
        except WorkbenchError as error:
            self._faults.append(str(error))
            return None

    def studies(self, texts: Sequence[str]) -> tuple[CaseStudy, ...]:
        """Return those that can be used."""
        found = [self._study(text) for text in texts]
        return tuple(each for each in found if each is not None)

    def _study(self, text: str) -> CaseStudy | None:
        head, _, title = text.partition(": ")
        case_id, _, reference = (part.strip() for part in head.rpartition("@"))
        if not (case_id and reference):
            self._faults.append(f"{text!r}: {WANTED}")
            return None
        case, loaded = self.attempt(self._case, case_id), self._loaded(reference)
        if case is None or loaded is None:
            return None
        run, model, method = loaded
        return CaseStudy(case_id, run, model, title.strip(), method, self._asked)

    def _case(self, case_id: str) -> Case:
        case = next((case for case in self._films if case.case_id == case_id), None)
        if case is None:
            raise ManifestError(f"{self._films.name} has no case {case_id!r}")
        film_of(self._films, case)
        return case

    def _model(self, reference: str) -> tuple[Run, Classifier, str]:
        run = self._cells[reference] if reference in self._cells else self._store.get(reference)
        if not (run.folder / "model.json").is_file():
            raise RunError(f"{run.id} ({run.kind}, {run.status}) has no model; wanted a training run")
        model = load_classifier(run.folder)
        check_classes(model, self._films)
        METHODS.make("activations").check(model)
        return run, model, map_method(model, self._asked)


def map_method(model: Classifier, method: str) -> str:
    """Return the method with which a model's map is drawn: grad-cam where it has no cam; else refused as it refuses."""
    try:
        METHODS.make(method).check(model)
    except MethodRefusedError:
        if method != "cam":
            raise
        return NO_CAM
    return method


def _crop_of(square: Sequence[str], pair: Sequence[CaseStudy], films: Manifest, box: Sequence[int]) -> Box | None:
    """Return what a square's crop keeps; None where one of its two is refused for another reason."""
    if len(square) != 2:
        raise OptionError(f"square: {len(square)} given; wanted one film with two runs: two of CASE_ID@RUN")
    if box and len(box) != 4:
        raise OptionError(f"box {list(box)}: wanted left, top, right, bottom")
    if len(pair) < 2:
        return None
    first, second = pair
    if first.case_id != second.case_id or first.run.id == second.run.id:
        shown = " and ".join(f"{each.case_id}@{each.run.id}" for each in pair)
        raise OptionError(f"square: {shown}; wanted one film with two runs")
    pixels = film_of(films, films.select([first.case_id])[0])
    return crop_box(first.case_id, pixels, (box[0], box[1], box[2], box[3]) if box else None)


def _of_one_method(pair: tuple[CaseStudy, ...]) -> tuple[CaseStudy, ...]:
    """Return a pair whose maps can share a scale: both of the one that both have."""
    methods = {each.method for each in pair}
    return tuple(replace(each, method=NO_CAM) for each in pair) if len(methods) > 1 else pair
