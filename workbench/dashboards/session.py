"""What the dashboards know of a model and its films: read, explained and kept, one use of the network at a time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Generic, TypeVar

import numpy as np

from workbench.attribution.explain import explain
from workbench.attribution.methods import METHODS, AbstractMethod
from workbench.audit.edits import AbstractEdit
from workbench.audit.suspicion import suspicions
from workbench.audit.what_if import WhatIf, what_if
from workbench.core.arrays import FilmMask
from workbench.core.case import Case
from workbench.core.errors import MethodRefusedError, ModelError, WorkbenchError
from workbench.core.explanation import Activations, Explanation
from workbench.core.manifest import Manifest
from workbench.core.options import options_of
from workbench.core.predictions import Predictions
from workbench.core.progress import Progress
from workbench.imaging.films import Film, film_batches
from workbench.imaging.pixels import Radiograph, read_radiograph
from workbench.models.classifier import Classifier, check_classes, predict
from workbench.models.features import pooled_features

V = TypeVar("V")

BATCH = 16
"""Films for which the network is held at a time."""
PAUSE_S = 0.2
"""Before neighbours are made, so that the film just asked for reaches the screen first."""
KEPT_FILMS, KEPT_MAPS = 24, 512
"""How many films and maps stay in memory: a film of 2048 x 2048 takes 16 MB, a map a few kB."""


class CaseSession:
    """A model and the films it is looked at with.

    Films are read when they are shown and maps made when they are asked for; both are kept. Whoever uses the network
    holds its lock, so callbacks and the prefetching thread never run it at once.

    Parameters
    ----------
    classifier
        The model.
    manifest
        The films; nothing is read before it is shown.
    predictions
        Of these films or some of them, as a run stored them.

    Raises
    ------
    ModelError
        The model tells other classes apart than the manifest.
    """

    def __init__(self, classifier: Classifier, manifest: Manifest, predictions: Predictions | None = None) -> None:
        check_classes(classifier, manifest)
        self.classifier = classifier
        self.manifest = manifest
        self.predictions = predictions
        self._cases = {case.case_id: case for case in manifest}
        self._films: _Kept[Radiograph] = _Kept(KEPT_FILMS)
        self._maps: _Kept[Explanation | Activations] = _Kept(KEPT_MAPS)
        self._network = threading.Lock()
        self._prefetcher = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._waiting: list[Future[None]] = []

    def case(self, case_id: str) -> Case:
        """Return a case by its id; an unknown one is a KeyError."""
        return self._cases[case_id]

    def film(self, case_id: str) -> Radiograph:
        """Return a film; a ReaderError where it cannot be read."""
        film = self._films.get(case_id)
        if film is None:
            film = read_radiograph(self.manifest.path(self.case(case_id)))
            self._films.keep(case_id, film)
        return film

    def study(self, case_id: str) -> tuple[Case, ...]:
        """Return the films of the same examination and split, in the manifest's order."""
        shown = self.case(case_id)
        same = (case for case in self.manifest if (case.study_id, case.split) == (shown.study_id, shown.split))
        return tuple(same)

    def methods(self) -> dict[str, str]:
        """Return each method of maps, and why the model refuses it; an empty text where it does not."""
        return {name: self._refusal(name) for name in METHODS if name != "activations"}

    def layers(self) -> tuple[str, ...]:
        """Return the layers that a method with the option ``layer`` can be asked for; empty text is its own choice."""
        return ("", *map(str, self.classifier.layers.taps))

    def explanation(
        self, case_id: str, method: str = "grad-cam", *, target: str = "predicted", layer: str = ""
    ) -> Explanation:
        """Return the map of one film.

        Parameters
        ----------
        case_id
            Of the film.
        method
            Name of a method of maps.
        target
            ``predicted``, ``expected`` or a class name.
        layer
            For methods that have the option; others do without.

        Returns
        -------
        Explanation
            Of this one case; ``probabilities[0]`` is what the model says of it.

        Raises
        ------
        WorkbenchError
            The film cannot be read, or the method refuses the model.
        """
        found = self._explained(case_id, method, target, layer)
        if not isinstance(found, Explanation):
            raise MethodRefusedError(f"{method} gives no map of a class; use grad-cam")
        return found

    def activations(self, case_id: str) -> Activations:
        """Return the most active maps of each stage; a MethodRefusedError where the model has no stages."""
        found = self._explained(case_id, "activations", "predicted", "")
        assert isinstance(found, Activations)  # noqa: S101 - what this method gives
        return found

    def what_if(
        self,
        case_id: str,
        edit: AbstractEdit,
        region: FilmMask | None,
        *,
        target: str,
        method: str = "grad-cam",
        layer: str = "",
    ) -> WhatIf:
        """Edit a film and look again; see :func:`workbench.audit.what_if.what_if`."""
        case, pixels = self.case(case_id), self.film(case_id).pixels
        with self._network:
            chosen = self._method(method, layer)
            return what_if(self.classifier, case, pixels, edit, region, target=target, method=chosen)

    def predict(self, case_ids: Sequence[str], *, progress: Progress | None = None) -> Predictions:
        """Classify films and add them to :attr:`predictions`, batch by batch, so that others get their turn.

        Parameters
        ----------
        case_ids
            One at least; those that cannot be read are left out.
        progress
            Called after every batch; what it raises ends the work, and what was done is kept.

        Returns
        -------
        Predictions
            All so far.

        Raises
        ------
        ModelError
            No film could be read.
        """
        unread = ModelError("there is no film to classify; give one case id at least")
        for start in range(0, len(case_ids), BATCH):
            part = self.manifest.select(case_ids[start : start + BATCH])
            try:
                with self._network:
                    found, _ = predict(self.classifier, part)
            except ModelError as error:  # no film of this batch can be read; those of the next one may be
                unread = error
            else:
                self.predictions = found if self.predictions is None else self.predictions.joined(found)
            if progress:
                progress(start + len(part), len(case_ids))
        if self.predictions is None:
            raise unread
        return self.predictions

    def suspicions(
        self, case_ids: Sequence[str], *, category: str = "flag", method: str = "grad-cam"
    ) -> dict[str, float]:
        """Measure films that carry a thing; see :func:`workbench.audit.suspicion.suspicions`."""
        with self._network:
            return suspicions(self.classifier, self.manifest.select(case_ids), category=category, method=method)

    def features(self, case_ids: Sequence[str]) -> dict[str, np.ndarray]:
        """Return what a linear head would see of films, (d) by case id; films that cannot be read are left out."""
        with self._network:
            found, films, _ = pooled_features(self.classifier, self.manifest.select(case_ids))
        return {case.case_id: found[row] for row, case in enumerate(films)}

    def forward_times_ms(self, case_id: str, *, repeats: int = 7) -> tuple[float, ...]:
        """Return how long the network takes for one prepared film, time after time.

        Parameters
        ----------
        case_id
            Of the film; reading and preparing it is not counted.
        repeats
            Passes that count; one more warms up before them.

        Returns
        -------
        tuple[float, ...]
            Milliseconds, until the logits lie in the computer's own memory.

        Raises
        ------
        ReaderError
            The film cannot be read.
        """
        self.film(case_id)  # says why it cannot be read
        images = next(film_batches([self._readable(case_id)], self.classifier.recipe, batch_size=1)).images
        times = []
        with self._network:
            for _ in range(repeats + 1):
                start = time.perf_counter()
                self.classifier.logits(images).cpu()
                times.append(1000 * (time.perf_counter() - start))
        return tuple(times[1:])

    def prefetch(self, case_ids: Sequence[str], method: str, *, target: str = "predicted", layer: str = "") -> None:
        """Make maps of films that will be looked at next, in the background; what waited before is dropped."""
        for waiting in self._waiting:
            waiting.cancel()
        pause = self._prefetcher.submit(time.sleep, PAUSE_S)
        made = (self._prefetcher.submit(self._fetch, each, method, target, layer) for each in case_ids)
        self._waiting = [pause, *made]

    def close(self) -> None:
        """End the background work."""
        self._prefetcher.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, case_id: str, method: str, target: str, layer: str) -> None:
        with suppress(WorkbenchError):  # it is said when the film is shown
            self._explained(case_id, method, target, layer)

    def _explained(self, case_id: str, method: str, target: str, layer: str) -> Explanation | Activations:
        key = (case_id, method, target, layer)
        kept = self._maps.get(key)
        if kept is None:
            with self._network:
                kept = self._maps.get(key)  # another thread may have made it while this one waited
                if kept is None:
                    chosen, film = self._method(method, layer), self._readable(case_id)
                    kept = next(iter(explain(self.classifier, [film], [chosen], target=target).values()))
                    self._maps.keep(key, kept)
        return kept

    def _readable(self, case_id: str) -> Film:
        label = self.manifest.class_index(self.case(case_id))
        return Film(case_id, lambda: self.film(case_id).pixels, label)

    def _method(self, name: str, layer: str) -> AbstractMethod:
        has_layer = any(each.name == "layer" for each in options_of(METHODS.get(name)))
        return METHODS.make(name, layer=layer) if has_layer and layer else METHODS.make(name)

    def _refusal(self, name: str) -> str:
        try:
            METHODS.make(name).check(self.classifier)
        except WorkbenchError as error:
            return str(error)
        return ""


class _Kept(Generic[V]):
    """The values used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Any, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> V | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: Any, value: V) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
