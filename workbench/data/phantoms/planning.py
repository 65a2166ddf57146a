"""Planning a set of phantoms: who is radiographed, what each film shows, and what is put on it; no pixel is drawn."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.core.seeding import derived_generator, derived_seed
from workbench.data.phantoms.options import BODY_PARTS, KINDS, VIEWS, PhantomOptions
from workbench.data.phantoms.set_options import PARTS, PROPORTIONS, Confounder, PhantomSetOptions

OF_THE_PATIENT = ("cast", "ring")
"""Confounders that a patient wears: on every film of a study or on none."""


@dataclass(frozen=True)
class PlannedCase:
    """One film as one split has it.

    Parameters
    ----------
    options
        What is on it.
    lacks
        What of that is taken off again, in a counterfactual; else empty.
    twins
        Case ids of the other editions and counterfactuals of the same film.
    """

    case_id: str
    split: str
    options: PhantomOptions
    lacks: str = ""
    twins: tuple[str, ...] = ()

    @property
    def shown(self) -> PhantomOptions:
        """What is on the film that is written."""
        return self.options.without(self.lacks) if self.lacks else self.options


@dataclass(frozen=True)
class PlannedFilm:
    """One exposure of one patient before it is drawn, with the cases that come of it."""

    name: str
    patient: str
    study: str
    part: str
    seed: int
    options: PhantomOptions
    cases: tuple[PlannedCase, ...] = ()


def planned_films(options: PhantomSetOptions) -> list[PlannedFilm]:
    """Return every film of a set in order; patients never cross from one part to another."""
    return [film for part in PARTS if _splits_of(options, part) for film in _planned_part(options, part)]


def planned_counts(plan: Sequence[PlannedFilm]) -> dict[str, dict[str, int]]:
    """Return how many films, studies and patients, and films of each kind and body part, each split holds."""
    cases = [(film, case) for film in plan for case in film.cases]
    counts: dict[str, Counter[str]] = {"films": Counter(case.split for _, case in cases)}
    for what, of in (("studies", "study"), ("patients", "patient")):
        counts[what] = Counter(split for split, _ in {(case.split, getattr(film, of)) for film, case in cases})
    for field, names in (("kind", KINDS), ("body_part", BODY_PARTS)):
        for name in names:
            counts[name] = Counter(case.split for _, case in cases if getattr(case.shown, field) == name)
    return {what: {split: each[split] for split in counts["films"]} for what, each in counts.items()}


def _splits_of(options: PhantomSetOptions, part: str) -> list[str]:
    return [split for split in options.splits if split.partition("-")[0] == part]


def _planned_part(options: PhantomSetOptions, part: str) -> list[PlannedFilm]:
    wanted = getattr(options, part)
    films: list[PlannedFilm] = []
    index = 0
    while len(films) < wanted:
        films += _patient_films(options, part, index)
        index += 1
    films = films[:wanted]
    editions = {split: _confounded(options, split, films) for split in _splits_of(options, part)}
    return [
        replace(film, cases=_cases(options, film, {split: shown[place] for split, shown in editions.items()}))
        for place, film in enumerate(films)
    ]


def _patient_films(options: PhantomSetOptions, part: str, index: int) -> Iterator[PlannedFilm]:
    """Yield the studies of one patient, one to three views each."""
    patient = f"{part}{index:04d}"
    seed = derived_seed(options.seed, "pixels", patient)
    generator = derived_generator(options.seed, "patient", patient)
    shown = _first_study(options, part, generator)
    for study in range(3):
        if study:
            if generator.random() >= options.further:
                return
            again = generator.random() < 0.5  # the same limb looked at again, else another complaint
            shown = replace(shown if again else _first_study(options, part, generator), study=study)
        views = generator.permutation(VIEWS)[: int(generator.choice((1, 2, 3), p=(0.3, 0.45, 0.25)))]
        name = f"{patient}-study{study + 1}"
        for view in sorted(map(str, views)):
            yield PlannedFilm(f"{name}-{view}", patient, name, part, seed, replace(shown, view=view))


def _first_study(options: PhantomSetOptions, part: str, generator: np.random.Generator) -> PhantomOptions:
    """Return what is examined and found: a body part, and a kind of abnormality or none."""
    weights = np.array([PROPORTIONS[options.body_parts][name] for name in BODY_PARTS], dtype=float)
    shares = np.array(list(options.kinds.values()))
    body_part = str(generator.choice(BODY_PARTS, p=weights / weights.sum()))
    kind = str(generator.choice(list(options.kinds), p=shares / shares.sum()))
    return PhantomOptions(
        height=options.height,
        width=options.width,
        body_part=body_part,
        kind=kind if generator.random() < options.abnormal else "normal",
        laterality=str(generator.choice(("L", "R"))),
        difficulty=float(generator.uniform(0.0, 2.0 * options.difficulty)),
        glyphs="test" if part == "test" else "train",
    )


def _confounded(options: PhantomSetOptions, split: str, films: Sequence[PlannedFilm]) -> list[PhantomOptions]:
    """Return what the films of a part show in one split, with its confounders given out."""
    put_on: list[dict[str, Any]] = [{} for _ in films]
    for confounder in options.confounders:
        levels = _given_out(confounder, split, films, options.seed)
        for film, level, fields in zip(films, levels, put_on, strict=True):
            fields.update(_fields_of(confounder.name, level, film.options.laterality))
    return [replace(film.options, **fields) for film, fields in zip(films, put_on, strict=True)]


def _given_out(confounder: Confounder, split: str, films: Sequence[PlannedFilm], seed: int) -> list[float]:
    """Return for each film 1 where the confounder is there, 0 where not, and -1 for its contrary.

    In each class it is there on exactly the share wanted, rounded to whole films (or studies, for what is worn). The
    order in which they get it is the same in every split of a part, so that editions differ no more than their
    strengths do.
    """
    unit: Callable[[PlannedFilm], str] = (
        (lambda film: film.study) if confounder.name in OF_THE_PATIENT else (lambda film: film.name)
    )
    levels: dict[str, float] = {}
    for label in ("abnormal", "normal"):
        members = list(dict.fromkeys(unit(film) for film in films if film.options.label == label))
        generator = derived_generator(seed, confounder.name, split.partition("-")[0], label)
        order = [members[place] for place in generator.permutation(len(members))]
        with_it, against = (round(share * len(order)) for share in confounder.shares_in(split, label))
        levels |= dict.fromkeys(order[:with_it], 1.0)
        levels |= dict.fromkeys(order[max(len(order) - against, with_it) :], -1.0)
    return [levels.get(unit(film), 0.0) for film in films]


def _fields_of(name: str, level: float, laterality: str) -> dict[str, Any]:
    """Return the options that a confounder sets on a film."""
    if name == "flag":
        return {"flag": laterality if level > 0 else "none"}
    return {name: level if name == "exposure" else level > 0}


def _cases(
    options: PhantomSetOptions, film: PlannedFilm, editions: dict[str, PhantomOptions]
) -> tuple[PlannedCase, ...]:
    """Return the cases of one film: an edition a split, and the counterfactuals of each, all linked."""
    cases = []
    for split, shown in editions.items():
        case_id = "-".join(filter(None, (film.name, split.partition("-")[2])))
        cases.append(PlannedCase(case_id, split, shown))
        for lacks in options.twins:
            if lacks in shown.removable:
                suffix = f"without-{lacks}"
                cases.append(PlannedCase(f"{case_id}-{suffix}", f"{split}-{suffix}", shown, lacks))
    ids = [case.case_id for case in cases]
    return tuple(replace(case, twins=tuple(each for each in ids if each != case.case_id)) for case in cases)
