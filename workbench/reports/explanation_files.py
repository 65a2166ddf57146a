"""Explanations as files that need no workbench: overlays, contact sheets, stage figures, boxes and tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.core.arrays import Box
from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, Explanation
from workbench.core.files import safe_name, write_bytes, write_json, write_text
from workbench.core.progress import Progress
from workbench.core.rows import csv_text
from workbench.imaging.films import Film
from workbench.imaging.map_boxes import THRESHOLD, MapBox, check_threshold, coco_of_boxes, map_boxes
from workbench.plots.explanation_sheet import Row, explanation_sheet
from workbench.plots.overlay_picture import SIDE, Caption, overlay_picture, png_bytes
from workbench.plots.scales import Scale, ScaleChoice, check_choice, scale_words, scales_of
from workbench.plots.sheet import KINDS, colours_of
from workbench.plots.stage_figure import stage_figure
from workbench.plots.theme import method_title
from workbench.reports.cases import save_explanations

OVERLAYS, STAGES, TABLE = "overlays", "stages", "films.csv"
"""Names in the folder."""
SHEET_FILMS = 8
"""Films of one contact sheet."""
COLUMNS = ("film", "method", "target", "probability", "peak", "left", "top", "right", "bottom", "overlay")
MINUS = " - "


@dataclass(frozen=True)
class Drawing:
    """How explanations are drawn.

    Parameters
    ----------
    scale
        Each map's own, one shared by all films of a method, or two numbers in the method's own unit.
    colormap
        A name of Matplotlib's; None takes a diverging one for maps with negative values, else a sequential one.
    threshold
        Share of a map's maximum above which its box is looked for.
    side
        Pixels along the longer side of an overlay's film, at most.
    sheets
        Contact sheets at most, of :data:`SHEET_FILMS` films each, the first ones; 0 draws none.
    kind
        Of the sheets and stage figures: ``png``, ``svg`` or ``pdf``.
    """

    scale: ScaleChoice = "own"
    colormap: str | None = None
    threshold: float = THRESHOLD
    side: int = SIDE
    sheets: int = 4
    kind: str = "png"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(f"figures cannot be written as {self.kind!r}; wanted {', '.join(KINDS)}")
        if self.colormap is not None:
            colours_of(self.colormap)  # refuses an unknown one before a network runs for nothing
        check_choice(self.scale)
        check_threshold(self.threshold)


@dataclass(frozen=True)
class ExplainedFilm:
    """What one method says of one film.

    Parameters
    ----------
    film
        Its id.
    name
        How its files are called.
    method
        The label.
    target
        In words: the class, or a difference.
    probability
        Of the class.
    marked
        Box and peak.
    overlay
        The file, from the folder.
    measures
        Numbers that go with the map.
    """

    film: str
    name: str
    method: str
    target: str
    probability: float
    marked: MapBox
    overlay: str
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def box(self) -> Box | None:
        """What the map marks, None where it has no positive value."""
        return self.marked.box


def write_explanations(
    found: Mapping[str, Explanation | Activations],
    films: Sequence[Film],
    folder: Path,
    *,
    drawing: Drawing | None = None,
    names: Mapping[str, str] | None = None,
    file_names: Mapping[str, str] | None = None,
    with_maps: bool = True,
    progress: Progress | None = None,
) -> tuple[ExplainedFilm, ...]:
    """Write what ``explain`` returned into a folder.

    For every method ``explanation-METHOD.npz`` and ``.json`` (raw maps) and ``boxes-METHOD.json`` (COCO); for every
    film and method ``overlays/FILM-METHOD.png``; for every film with activations ``stages/FILM.png``; contact sheets
    ``sheet-1.png`` and so on; and ``films.csv``, a row a film and method.

    Parameters
    ----------
    found
        By label.
    films
        Those that were explained; read once more, one at a time.
    folder
        Made where it is missing; files of the same names are replaced.
    drawing
        Scales, colours, sizes; None takes the defaults.
    names
        Film id -> how its files are called; the id where nothing is said.
    file_names
        Film id -> path for the COCO files, as the data set's own has it; the id where nothing is said.
    with_maps
        Write the raw maps too; not needed where ``explain(..., out=FOLDER)`` has done so.
    progress
        Called after every film.

    Returns
    -------
    tuple[ExplainedFilm, ...]
        The rows of the table.

    Raises
    ------
    OptionError
        A scale, colour map or threshold that does not do.
    ReaderError
        A film that could be explained is gone.
    """
    work = _Work.of(found, films, folder, drawing or Drawing(), names or {})
    for label, explanation in work.maps.items():
        document = coco_of_boxes(explanation, work.boxes[label], file_names)
        write_json(folder / f"boxes-{safe_name(label)}.json", document)
    if with_maps:
        save_explanations(found, folder)
    rows: list[ExplainedFilm] = []
    for index, case_id in enumerate(work.case_ids):
        pixels = work.films[case_id].read()
        rows += [work.write_overlay(label, index, pixels) for label in work.maps]
        work.write_stages(index, pixels)
        if progress:
            progress(index + 1, len(work.case_ids))
    work.write_sheets()
    write_text(folder / TABLE, _table(rows))
    return tuple(rows)


@dataclass(frozen=True)
class _Work:
    """What is written where."""

    maps: dict[str, Explanation]
    stages: dict[str, Activations]
    films: dict[str, Film]
    folder: Path
    drawing: Drawing
    stems: dict[str, str]
    boxes: dict[str, tuple[MapBox, ...]]
    scales: dict[str, list[Scale]]

    @classmethod
    def of(
        cls,
        found: Mapping[str, Explanation | Activations],
        films: Sequence[Film],
        folder: Path,
        drawing: Drawing,
        names: Mapping[str, str],
    ) -> "_Work":
        maps = {label: each for label, each in found.items() if isinstance(each, Explanation)}
        return cls(
            maps=maps,
            stages={label: each for label, each in found.items() if isinstance(each, Activations)},
            films={film.film_id: film for film in films},
            folder=folder,
            drawing=drawing,
            stems=_stems({film.film_id: names.get(film.film_id, film.film_id) for film in films}),
            boxes={label: map_boxes(each, threshold=drawing.threshold) for label, each in maps.items()},
            scales={label: scales_of(each, drawing.scale, colormap=drawing.colormap) for label, each in maps.items()},
        )

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The films that were explained; the same for all methods, because they were explained together."""
        return next(iter((self.maps | self.stages).values())).case_ids

    @property
    def names(self) -> tuple[str, ...]:
        """How the films are called in figures: as their files are."""
        return tuple(self.stems[case_id] for case_id in self.case_ids)

    def write_overlay(self, label: str, index: int, pixels: np.ndarray) -> ExplainedFilm:
        """Draw one map over its film and return the row of the table."""
        explanation, case_id = self.maps[label], self.case_ids[index]
        row = ExplainedFilm(
            film=case_id,
            name=self.stems[case_id],
            method=label,
            target=target_words(explanation, index),
            probability=float(explanation.probabilities[index, explanation.targets[index]]),
            marked=self.boxes[label][index],
            overlay=f"{OVERLAYS}/{self.stems[case_id]}-{safe_name(label)}.png",
            measures={name: float(values[index]) for name, values in explanation.measures.items()},
        )
        picture = overlay_picture(
            pixels,
            explanation,
            index,
            scale=self.scales[label][index],
            caption=Caption(_caption(row), scale_words(self.drawing.scale)),
            colormap=self.drawing.colormap,
            box=row.box,
            side=self.drawing.side,
        )
        write_bytes(self.folder / row.overlay, png_bytes(picture))
        return row

    def write_stages(self, index: int, pixels: np.ndarray) -> None:
        """Draw the most active maps of each stage."""
        for label, activations in self.stages.items():
            name = self.stems[self.case_ids[index]] + ("" if len(self.stages) == 1 else f"-{safe_name(label)}")
            called = replace(activations, case_ids=self.names)
            stage_figure(pixels, called, index).save(self.folder / STAGES / f"{name}.{self.drawing.kind}")

    def write_sheets(self) -> None:
        """Draw the contact sheets, on scales that were chosen over all films."""
        starts = range(0, len(self.case_ids), SHEET_FILMS)[: self.drawing.sheets] if self.maps else range(0)
        for number, start in enumerate(starts, start=1):
            stop = start + SHEET_FILMS
            sheet = explanation_sheet(
                list(self._sheet_rows(start, stop)),
                {label: replace(each, case_ids=self.names).part(start, stop) for label, each in self.maps.items()},
                scale=self.drawing.scale,
                scales={label: each[start:stop] for label, each in self.scales.items()},
                colormap=self.drawing.colormap,
                across=2 if len(self.maps) <= 2 else 1,
            )
            sheet.save(self.folder / f"sheet-{number}.{self.drawing.kind}")

    def _sheet_rows(self, start: int, stop: int) -> Iterator[Row]:
        first = next(iter(self.maps.values()))
        for index, case_id in list(enumerate(self.case_ids))[start:stop]:
            film, shares = self.films[case_id], first.probabilities[index]
            label = f"labelled {first.class_names[film.label]}\n" if film.label >= 0 else ""
            said = "\n".join(f"p({name}) = {share:.2f}" for name, share in zip(first.class_names, shares, strict=True))
            yield Row(film.read(), {}, label + said)


def target_words(explanation: Explanation, index: int) -> str:
    """Return what a map speaks for: its class, or the difference that was asked for."""
    asked = str(explanation.provenance.get("target", ""))
    if MINUS in asked and asked not in explanation.class_names:
        return asked.replace(MINUS, " − ")
    return explanation.class_names[int(explanation.targets[index])]


def _caption(row: ExplainedFilm) -> str:
    probability = "" if " − " in row.target else f" · p = {row.probability:.2f}"
    return f"{method_title(row.method)} · {row.target}{probability}"


def _stems(names: Mapping[str, str]) -> dict[str, str]:
    """Return a file's name for each film, no two alike on file systems that ignore case."""
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for film_id, name in names.items():
        stem = unnumbered = safe_name(name)
        number = 1
        while stem.lower() in taken:
            number += 1
            stem = f"{unnumbered}-{number}"
        taken.add(stem.lower())
        stems[film_id] = stem
    return stems


def _table(rows: Sequence[ExplainedFilm]) -> str:
    measures = sorted({name for row in rows for name in row.measures})
    lines: list[Sequence[Any]] = [[*COLUMNS, *measures]]
    for row in rows:
        known = (row.film, row.method, row.target, f"{row.probability:.6g}", f"{row.marked.peak:.6g}")
        lines.append([*known, *(row.box or [""] * 4), row.overlay, *(row.measures.get(name, "") for name in measures)])
    return csv_text(lines)
