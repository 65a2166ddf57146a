"""Whole data sets of phantoms, drawn on demand: the same patients' films, with flags that go with the label or not."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path

import numpy as np

from workbench.core.annotation import annotation_from_mask
from workbench.core.case import Case
from workbench.core.errors import ManifestError, OptionError
from workbench.core.files import sha256_of
from workbench.core.manifest import Manifest, read_manifest, write_manifest
from workbench.core.options import check_options, option, option_values
from workbench.core.progress import Progress
from workbench.core.registry import unknown_name
from workbench.core.seeding import derived_generator, derived_seed
from workbench.data.phantoms.bare_film import draw_bare_film
from workbench.data.phantoms.options import BODY_PARTS, VIEWS, PhantomOptions
from workbench.data.phantoms.phantom import finished
from workbench.imaging.pixels import write_png

DRAWING_VERSION = 4
"""Counts the changes of the drawing that change pixels, so that an older set on disk is drawn anew."""
PARTS = ("train", "valid", "test")
VARIANTS = ("confounded", "balanced")
BATCH = 12
"""Films that a worker draws between two reports of progress."""


@dataclass(frozen=True)
class PhantomSetOptions:
    """How a set is drawn.

    Every film is written in two variants, ``confounded`` and ``balanced``, that differ in their flags alone. With a
    strength R, P(flag | abnormal) = (1 + R) / 2 and P(flag | normal) = (1 - R) / 2.
    """

    name: str = option("phantom-demo", "name of the set")
    train: int = option(1200, "films to train on", low=1)
    valid: int = option(200, "films to validate on", low=1)
    test: int = option(420, "films to test on", low=1)
    height: int = option(176, "height of a film", low=64, high=2048, unit=" px")
    width: int = option(144, "width of a film", low=64, high=2048, unit=" px")
    seed: int = option(20, "seed of the whole set", low=0)
    abnormal: float = option(0.48, "share of the patients who are abnormal", low=0.0, high=1.0)
    # Mostly hardware: in the demo's minutes a small network learns metal, and next to nothing of fractures.
    fracture: float = option(0.17, "share of fractures among the abnormal", low=0.0, high=1.0)
    hardware: float = option(0.78, "share of hardware among the abnormal; the rest is degenerative", low=0.0, high=1.0)
    difficulty: float = option(0.12, "mean difficulty; patients lie between 0 and twice this", low=0.0, high=0.5)
    frame: float = option(0.25, "share of films with a frame, whatever the label", low=0.0, high=1.0)
    confounded: float = option(1.0, "strength R of flag and label in the confounded variant", low=-1.0, high=1.0)
    balanced: float = option(0.0, "strength R of flag and label in the balanced variant", low=-1.0, high=1.0)

    def __post_init__(self) -> None:
        check_options(self)
        if self.fracture + self.hardware > 1.0:
            shares = f"{self.fracture!r} + {self.hardware!r}"
            raise OptionError(f"PhantomSetOptions.fracture + hardware: {shares} is above 1; they share the abnormal")


SETS = {"phantom-demo": PhantomSetOptions()}
"""The named sets; only their options are kept, the pixels are drawn on demand."""


@dataclass(frozen=True)
class PlannedFilm:
    """One film before it is drawn: what it shows, where it goes, and in which variants it carries its flag."""

    name: str
    patient: str
    part: str
    seed: int
    options: PhantomOptions
    flagged: tuple[bool, ...]


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
        Name of one of :data:`SETS`, or the options of a set.
    root
        Folder for the films.
    manifest_path
        The manifest's CSV; header and annotations are written beside it. It is written last: while it is absent the
        set is not complete, and drawing again starts afresh with the same pixels.
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
    options = _set_options(what)
    root, manifest_path = Path(root), Path(manifest_path)
    if workers is not None and workers < 1:
        raise OptionError(f"workers: {workers!r} is below 1")
    there = _complete_on_disk(options, root, manifest_path)
    if there is not None:
        return there
    plan = planned_films(options)
    cases: dict[str, list[Case]] = {}
    done = 0
    for names, drawn in _drawn_batches(plan, root, workers or cpu_count() or 1):
        cases |= dict(zip(names, drawn, strict=True))
        done += len(names)
        if progress:
            progress(done, len(plan))
    manifest = _manifest(options, root, [case for film in plan for case in cases[film.name]])
    write_manifest(manifest, manifest_path)
    return manifest


def planned_films(options: PhantomSetOptions) -> list[PlannedFilm]:
    """Return every film of a set in order; patients never cross from train to valid or test."""
    films: list[PlannedFilm] = []
    for part in PARTS:
        count = getattr(options, part)
        of_part: list[PlannedFilm] = []
        index = 0
        while len(of_part) < count:
            of_part += _patient_films(options, part, index)
            index += 1
        films += _with_flags(options, part, of_part[:count])
    return films


def _set_options(what: str | PhantomSetOptions) -> PhantomSetOptions:
    if isinstance(what, PhantomSetOptions):
        return what
    if what not in SETS:
        raise unknown_name("phantom set", what, SETS)
    return SETS[what]


def _patient_films(options: PhantomSetOptions, part: str, index: int) -> Iterator[PlannedFilm]:
    """Yield one study of one patient: one to three views of one body part."""
    patient = f"{part}{index:04d}"
    generator = derived_generator(options.seed, "patient", patient)
    body_part = str(generator.choice(BODY_PARTS))
    shares = (options.fracture, options.hardware, max(1.0 - options.fracture - options.hardware, 0.0))
    kind = str(generator.choice(("fracture", "hardware", "degenerative"), p=np.array(shares) / sum(shares)))
    kind = kind if generator.random() < options.abnormal else "normal"
    shown = PhantomOptions(
        height=options.height,
        width=options.width,
        body_part=body_part,
        kind=kind,
        laterality=str(generator.choice(("L", "R"))),
        difficulty=float(generator.uniform(0.0, 2.0 * options.difficulty)),
    )
    views = generator.permutation(VIEWS)[: int(generator.choice((1, 2, 3), p=(0.3, 0.45, 0.25)))]
    framed = generator.random(len(VIEWS)) < options.frame
    for view, frame in zip(sorted(map(str, views)), framed):
        seed = derived_seed(options.seed, "pixels", patient)
        film = replace(shown, view=view, frame=bool(frame))
        yield PlannedFilm(f"{patient}-{view}", patient, part, seed, film, ())


def _with_flags(options: PhantomSetOptions, part: str, films: list[PlannedFilm]) -> list[PlannedFilm]:
    """Return the films with flags given out: exactly the wanted share in each class, at random within it."""
    flagged = np.zeros((len(films), len(VARIANTS)), dtype=bool)
    abnormal = np.array([film.options.label == "abnormal" for film in films])
    for column, variant in enumerate(VARIANTS):
        strength = getattr(options, variant)
        for members, share in ((abnormal, (1 + strength) / 2), (~abnormal, (1 - strength) / 2)):
            generator = derived_generator(options.seed, "flags", part, variant, share)
            order = generator.permutation(np.flatnonzero(members))
            flagged[order[: round(share * order.size)], column] = True
    return [replace(film, flagged=tuple(map(bool, row))) for film, row in zip(films, flagged, strict=True)]


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
    return [_draw_variants(film, root) for film in films]


def _draw_variants(film: PlannedFilm, root: Path) -> list[Case]:
    """Draw the anatomy once, put flags on it as each variant wants, and write the films."""
    bare = draw_bare_film(film.options, film.seed)
    case_ids = {variant: f"{film.name}-{variant}" for variant in VARIANTS}
    cases = []
    for variant, flagged in zip(VARIANTS, film.flagged, strict=True):
        flag = film.options.laterality if flagged else "none"
        phantom = finished(bare, flag, frame=film.options.frame)
        image = f"{film.part}-{variant}/{film.name}.png"
        write_png(root / image, phantom.pixels)
        annotations = (annotation_from_mask(category, mask) for category, mask in phantom.masks.items())
        cases.append(
            Case(
                case_id=case_ids[variant],
                patient_id=film.patient,
                study_id=f"{film.patient}-study1",
                image=image,
                sha256=sha256_of(root / image),
                width=film.options.width,
                height=film.options.height,
                label=phantom.label,
                split=f"{film.part}-{variant}",
                view=film.options.view,
                laterality=film.options.laterality,
                body_part=film.options.body_part,
                spacing_mm=round(phantom.spacing_mm, 4),
                tags=(f"kind:{phantom.kind}", f"flag:{flag}", f"frame:{'yes' if film.options.frame else 'no'}"),
                twins=tuple(case_id for other, case_id in case_ids.items() if other != variant),
                annotations=tuple(each for each in annotations if each is not None),
            )
        )
    return cases


def _manifest(options: PhantomSetOptions, root: Path, cases: Iterable[Case]) -> Manifest:
    return Manifest(
        name=options.name,
        class_names=("normal", "abnormal"),
        positive=("abnormal",),
        root=root,
        cases=tuple(cases),
        source="drawn by workbench.data.phantoms",
        licence="CC0-1.0",
        note="Procedural films of nobody. Each case has a twin that differs in its flag at most.",
        options=_header_options(options),
    )


def _header_options(options: PhantomSetOptions) -> dict[str, object]:
    return option_values(options) | {"drawing": DRAWING_VERSION}


def _complete_on_disk(options: PhantomSetOptions, root: Path, manifest_path: Path) -> Manifest | None:
    """Return the set if it is on disk as the options want it, with every film there; else None."""
    try:
        manifest = read_manifest(manifest_path, root)
    except ManifestError:
        return None
    expected = len(VARIANTS) * sum(getattr(options, part) for part in PARTS)
    if manifest.options != _header_options(options) or len(manifest) != expected or manifest.skipped:
        return None
    return manifest if all((root / case.image).is_file() for case in manifest) else None
