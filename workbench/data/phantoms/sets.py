"""Whole data sets of phantoms, drawn on demand by as many processes as there are processors."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path

from workbench.core.annotation import annotation_from_mask
from workbench.core.arrays import Json
from workbench.core.case import Case
from workbench.core.errors import ManifestError, OptionError, ReaderError
from workbench.core.files import read_json, sha256_of, write_json
from workbench.core.manifest import Manifest, read_manifest, write_manifest
from workbench.core.progress import Progress
from workbench.data.phantoms.bare_film import BareFilm, draw_bare_film
from workbench.data.phantoms.options import TWINS, PhantomOptions
from workbench.data.phantoms.phantom import Phantom, finished
from workbench.data.phantoms.planning import PlannedCase, PlannedFilm, planned_counts, planned_films
from workbench.data.phantoms.set_options import PhantomSetOptions, named_set
from workbench.imaging.pixels import write_png

DRAWING_VERSION = 5
"""Counts the changes of the drawing that change pixels, so that an older set on disk is drawn anew."""
STAMP = "drawn.json"
"""Beside the films: with which options they were drawn, and the digest of their manifest."""
BATCH = 12
"""Films that a worker draws between two reports of progress."""


def draw_phantom_set(
    what: str | PhantomSetOptions,
    root: str | Path,
    manifest_path: str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Draw a set of phantoms as PNG files and write its manifest.

    Parameters
    ----------
    what
        Name of a named set, or the options of a set.
    root
        Folder for the films.
    manifest_path
        The manifest's CSV; header and annotations are written beside it when all films are there. A drawing that was
        interrupted starts afresh, with the same pixels.
    workers
        Processes that draw; as many as the machine has processors when None. Pixels do not depend on it.
    progress
        Called with (films drawn, films in all).

    Returns
    -------
    Manifest
        The set; read from disk at once where it is there already with the same options.

    Raises
    ------
    UnknownNameError
        No set has this name.
    OptionError
        ``workers`` is below 1.
    """
    options = named_set(what) if isinstance(what, str) else what
    root, manifest_path = Path(root), Path(manifest_path)
    if workers is not None and workers < 1:
        raise OptionError(f"workers: {workers!r} is below 1")
    plan = planned_films(options)
    empty = empty_manifest(options, root, plan)
    there = _complete_on_disk(empty, manifest_path)
    if there is not None:
        return there
    cases: dict[str, list[Case]] = {}
    done = 0
    for names, drawn in _drawn_batches(plan, root, workers or cpu_count() or 1):
        cases |= dict(zip(names, drawn, strict=True))
        done += len(names)
        if progress:
            progress(done, len(plan))
    manifest = empty.where(case for film in plan for case in cases[film.name])
    write_manifest(manifest, manifest_path)
    write_json(root / STAMP, _stamp(manifest))
    return manifest


def _drawn_batches(
    plan: Sequence[PlannedFilm], root: Path, workers: int
) -> Iterator[tuple[list[str], list[list[Case]]]]:
    """Yield the names and cases of batches of films as they are drawn, in any order."""
    batches = [plan[start : start + BATCH] for start in range(0, len(plan), BATCH)]
    if workers == 1 or len(batches) == 1:
        for batch in batches:
            yield [film.name for film in batch], _draw_batch(batch, root)
        return
    # Started afresh, not forked: a fork of a process that runs torch's threads may hang.
    pool = ProcessPoolExecutor(min(workers, len(batches)), mp_context=get_context("spawn"))
    try:
        waiting = {pool.submit(_draw_batch, batch, root): batch for batch in batches}
        for future in as_completed(waiting):
            yield [film.name for film in waiting[future]], future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _draw_batch(films: Iterable[PlannedFilm], root: Path) -> list[list[Case]]:
    return [_draw_film(film, root) for film in films]


def _draw_film(film: PlannedFilm, root: Path) -> list[Case]:
    """Draw the anatomy as seldom as possible, put on it what each case wants, and write the films."""
    bares: dict[PhantomOptions, BareFilm] = {}
    wants_healthy = any(each.lacks == "lesion" for each in film.cases)
    cases = []
    for planned in film.cases:
        below = planned.options.without(*(name for name in TWINS if name != "lesion"))
        if below not in bares:
            bares[below] = draw_bare_film(below, film.seed, healthy=wants_healthy)
        phantom = finished(bares[below], planned.options)
        phantom = phantom.without(planned.lacks) if planned.lacks else phantom
        image = f"{planned.split}/{film.name}.png"
        write_png(root / image, phantom.pixels)
        cases.append(_case(film, planned, phantom, image, sha256_of(root / image)))
    return cases


def _case(film: PlannedFilm, planned: PlannedCase, phantom: Phantom, image: str, sha256: str) -> Case:
    shown = phantom.options
    annotations = (annotation_from_mask(category, mask) for category, mask in phantom.masks.items())
    return Case(
        case_id=planned.case_id,
        patient_id=film.patient,
        study_id=film.study,
        image=image,
        sha256=sha256,
        width=shown.width,
        height=shown.height,
        label=shown.label,
        split=planned.split,
        view=shown.view,
        laterality=shown.laterality,
        body_part=shown.body_part,
        spacing_mm=round(phantom.spacing_mm, 4),
        tags=_tags(shown, planned.lacks),
        twins=planned.twins,
        annotations=tuple(each for each in annotations if each is not None),
    )


def _tags(shown: PhantomOptions, lacks: str) -> tuple[str, ...]:
    worn = ("frame", "text", "logo", "cast", "ring", "cropped")
    exposure = "over" if shown.exposure > 0 else "under" if shown.exposure < 0 else "usual"
    tags = [f"kind:{shown.kind}", f"difficulty:{shown.difficulty:.2f}", f"flag:{shown.flag}"]
    tags += [f"{name}:{'yes' if getattr(shown, name) else 'no'}" for name in worn]
    return (*tags, f"exposure:{exposure}", *((f"without:{lacks}",) if lacks else ()))


def empty_manifest(options: PhantomSetOptions, root: Path, plan: Sequence[PlannedFilm] | None = None) -> Manifest:
    """Return the manifest of a set before a film is drawn: its header with all that it will hold, and no case."""
    return Manifest(
        name=options.name,
        class_names=("normal", "abnormal"),
        positive=("abnormal",),
        root=root,
        source="drawn by workbench.data.phantoms",
        licence="CC0-1.0",
        note="Procedural films of nobody. Twins are the same exposure with something else beside the bone, or without.",
        options=options.header() | {"drawing": DRAWING_VERSION},
        counts=planned_counts(planned_films(options) if plan is None else plan),
    )


def _complete_on_disk(wanted: Manifest, manifest_path: Path) -> Manifest | None:
    """Return the set if it is on disk as wanted, with every film; else None.

    What was drawn stands beside the films: the header may be newer than they are, since it is kept in git alone.
    """
    try:
        found, drawn = read_manifest(manifest_path, wanted.root), read_json(wanted.root / STAMP)
    except (ManifestError, ReaderError):
        return None
    if drawn != _stamp(replace(found, options=wanted.options)) or found.skipped:
        return None
    return found if all((wanted.root / case.image).is_file() for case in found) else None


def _stamp(manifest: Manifest) -> Json:
    return {"options": manifest.options, "digest": manifest.digest}
