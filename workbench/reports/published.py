"""Published tables with our own numbers beside them, and plain words on what differs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbench.audit.scorecard import Scorecard, model_titles
from workbench.core.errors import OptionError, RunError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.registry import unknown_name
from workbench.evaluation.class_averages import AVERAGES, class_averages
from workbench.evaluation.published import SUFFIX, PublishedTable, beside_published, placed_by_kappa, published_table
from workbench.evaluation.sample_sets import over_sample_sets
from workbench.evaluation.scores import OVERALL, Evaluation
from workbench.evaluation.units import IMAGE, STUDY_MAJORITY, STUDY_MEAN, labelled_sample
from workbench.reports.tables import predictions_by_model
from workbench.runs import Run, read_run

UNIT_TITLES = {IMAGE: "images", STUDY_MEAN: "studies by mean probability", STUDY_MAJORITY: "studies by majority vote"}
SCORES = ("accuracy", "precision", "recall", "f1", "cohen-kappa")
NOTHING = "-"


@dataclass(frozen=True)
class Measured:
    """One evaluated model and what it was trained as.

    Parameters
    ----------
    title
        For readers, unique among the models.
    trained
        Parameters of its training run; empty where that run is not at hand.
    """

    title: str
    trained: Mapping[str, object]
    card: Scorecard
    evaluation: Evaluation
    predictions: Predictions

    @property
    def architecture(self) -> str:
        """Its name in the zoo; empty where it is not known."""
        return str(self.trained.get("architecture", ""))

    @property
    def body_part(self) -> str:
        """What it was trained on; empty is all parts."""
        return str(self.trained.get("body_part", ""))

    def scores(self, unit: str, group: str = OVERALL) -> dict[str, str]:
        """Return every metric of a group with its interval, as text; none where the group is absent."""
        for each in self.evaluation:
            if (each.unit, each.group) == (unit, group):
                return {name: str(each.intervals[name]) for name in SCORES}
        return {}


@dataclass(frozen=True)
class PublishedSection:
    """A published table beside ours.

    Parameters
    ----------
    title
        Names paper, table, our data and our scale.
    notes
        What differs, and what is known of the printed numbers; a sentence each.
    frame
        Ours and theirs, column by column.
    """

    title: str
    notes: tuple[str, ...]
    frame: pd.DataFrame

    @property
    def shown(self) -> pd.DataFrame:
        """The frame for readers: ours and, in brackets, theirs in one cell; a dash where there is neither."""
        texts = self.frame.apply(_as_printed)
        shown = {}
        for column in texts.columns:
            printed = column + SUFFIX
            if printed in texts:
                theirs = texts[printed].map(lambda text: f"({text})" if text else "")
                shown[f"{column} (published)"] = (texts[column] + " " + theirs).str.strip().replace("", NOTHING)
            elif not column.endswith(SUFFIX):
                shown[column] = texts[column].replace("", NOTHING)
        return pd.DataFrame(shown).set_index(next(iter(shown)))


def measured_models(runs: Sequence[Run], cards: Sequence[Scorecard], split: str) -> tuple[Measured, ...]:
    """Return the models that were evaluated on a split, in the order given.

    Parameters
    ----------
    runs
        Evaluations; the training runs that they name lie beside them.
    cards
        Their scorecards.
    split
        Name of the split.

    Returns
    -------
    tuple of Measured
        Those without predictions on the split are left out.
    """
    said = predictions_by_model(runs, cards, split)
    beside = zip(runs, cards, model_titles(cards), strict=True)
    return tuple(
        Measured(title, _trained(run, card), card, card.evaluations[split], said[title])
        for run, card, title in beside
        if title in said
    )


def published_sections(
    references: Sequence[str], models: Sequence[Measured], films: Manifest, *, scale: str = ""
) -> list[PublishedSection]:
    """Set measured models beside published tables.

    Parameters
    ----------
    references
        ``PAPER:TABLE``, such as ``murad:3``.
    models
        Of one split.
    films
        The manifest that they were evaluated on.
    scale
        ``paper``, ``small``, ``smoke``: which numbers of the experiment were used.

    Returns
    -------
    list of PublishedSection
        One or two a table: studies are counted both by vote and by mean, averages both macro and weighted.

    Raises
    ------
    UnknownNameError
        No such paper or table.
    OptionError
        A reference that is not ``PAPER:TABLE``, or a table that nothing here can stand beside.
    """
    sections: list[PublishedSection] = []
    for reference in references:
        paper, colon, number = reference.partition(":")
        if not colon:
            raise OptionError(f"published table {reference!r}: wanted PAPER:TABLE, such as murad:3")
        table = published_table(paper, number)
        make = TABLES.get(reference)
        if make is None:
            raise unknown_name("published table to set models beside", reference, TABLES)
        where = f"ours on {films.name}" + (f", scale {scale}" if scale else "")
        notes: tuple[str, ...] = (_difference(table, films, scale), *(str(note) for note in table.notes))
        for counted, frame in make(table, models, films):
            sections.append(PublishedSection(f"{table}, beside {where}: {counted}", notes, frame))
            notes = ()  # said once a table
    return sections


Frames = list[tuple[str, pd.DataFrame]]
"""What was counted, and the table of it."""


def _by_architecture(table: PublishedTable, models: Sequence[Measured], _films: Manifest) -> Frames:
    """MuRAD's Table 3: a row for each architecture."""
    frames = []
    for unit in (STUDY_MEAN, STUDY_MAJORITY):
        rows = [
            {"architecture": each.architecture}
            | each.scores(unit)
            | {"parameters-million": round(each.card.parameters / 1e6, 1), "training-time": _time(each.card)}
            for each in models
        ]
        frames.append((UNIT_TITLES[unit], beside_published(pd.DataFrame(rows), table, on="architecture")))
    return frames


def _by_part_and_architecture(table: PublishedTable, models: Sequence[Measured], _films: Manifest) -> Frames:
    """MuRAD's Table 4: kappa by body part, a pair of columns for each architecture that the table has."""
    known = [each for each in models if each.architecture in table.columns]
    frames = []
    for unit in (STUDY_MEAN, STUDY_MAJORITY):
        parts = {part for each in models for part in _parts(each.evaluation)}
        rows = [
            {"body-part": part} | {each.architecture: each.scores(unit, part).get("cohen-kappa", "") for each in known}
            for part in sorted(parts)
        ]
        measured = pd.DataFrame(rows, columns=["body-part", *(each.architecture for each in known)])
        frames.append((f"Cohen's kappa, {UNIT_TITLES[unit]}", beside_published(measured, table, on="body-part")))
    return frames


def _by_model_set(table: PublishedTable, models: Sequence[Measured], _films: Manifest) -> Frames:
    """Table 1 of densenet-interpretation: model sets are told apart by the name that the training was given."""
    rows = [{"model-set": each.title} | each.scores(IMAGE) for each in models]
    return [(UNIT_TITLES[IMAGE], beside_published(pd.DataFrame(rows), table, on="model-set"))]


def _placed(table: PublishedTable, models: Sequence[Measured], films: Manifest) -> Frames:
    """Tables 3 and 4 of densenet-interpretation: our model among the leaderboard's, by kappa over sample sets."""
    frames = []
    for each in [model for model in models if not model.body_part][:1]:
        found = over_sample_sets(labelled_sample(each.predictions, films, unit=STUDY_MEAN))
        placed = placed_by_kappa(table, f"{each.title} (ours)", round(found.mean, 3))
        at = int(placed.index[placed["model"] == f"{each.title} (ours)"][0])
        near = placed.iloc[max(0, at - 4) : at + 5]
        frames.append((f"mean kappa {found}, between its neighbours", near.reset_index(drop=True)))
    return frames


def _by_part(table: PublishedTable, models: Sequence[Measured], films: Manifest) -> Frames:
    """Tables of ``asu``: one for each model, a row for each part that such a model was trained on."""
    chosen = [each for each in models if each.architecture in ASU_ARCHITECTURES[table.number]]
    frames = []
    for average in AVERAGES:
        rows = [
            {"body-part": each.body_part or "all", "ours": each.title}
            | {name: str(found) for name, found in _averages(each, films, average).items()}
            for each in chosen
        ]
        columns = ["body-part", "ours", "precision", "recall", "f1"]
        frame = beside_published(pd.DataFrame(rows, columns=columns), table, on="body-part")
        frames.append((f"{UNIT_TITLES[IMAGE]}, {average} average over both classes", frame))
    return frames


ASU_ARCHITECTURES: Mapping[str, tuple[str, ...]] = {
    "2": ("asu-vgg16", "vgg16"),
    "3": ("resnet50",),
    "4": ("densenet169",),
    "5": ("inception_v3",),
    "6": ("nasnetalarge",),
}
"""Table -> the architectures that stand for its model; timm has NASNet only in its large size."""

TABLES: Mapping[str, Callable[[PublishedTable, Sequence[Measured], Manifest], Frames]] = {
    "murad:3": _by_architecture,
    "murad:4": _by_part_and_architecture,
    "densenet-interpretation:1": _by_model_set,
    "densenet-interpretation:3": _placed,
    "densenet-interpretation:4": _placed,
    **{f"asu:{number}": _by_part for number in ASU_ARCHITECTURES},
}
"""Published table -> how models stand beside it."""


def _as_printed(column: pd.Series) -> pd.Series:
    """Return a column as text, numbers with as many decimals as the one that has most: 0.70 beside 0.72."""
    decimals = max((len(repr(value).partition(".")[2]) for value in column if isinstance(value, float)), default=0)

    def text(value: object) -> str:
        if value is None or value != value or value == "":
            return ""
        return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)

    return column.map(text)


def _averages(model: Measured, films: Manifest, average: str) -> Mapping[str, object]:
    return class_averages(labelled_sample(model.predictions, films), average)


def _trained(run: Run, card: Scorecard) -> Mapping[str, object]:
    if not card.run:
        return {}
    try:
        return read_run(run.folder.parent / card.run).parameters
    except RunError:  # the evaluation was copied here without its training
        return {}


def _parts(evaluation: Evaluation) -> set[str]:
    return {each.group for each in evaluation if each.group != OVERALL and not each.group.startswith("kind:")}


def _time(card: Scorecard) -> str:
    return "" if card.training_s is None else f"{card.training_s / 60:.1f} min"


def _difference(table: PublishedTable, films: Manifest, scale: str) -> str:
    """Say in one sentence whether the numbers can be compared at all."""
    theirs = f"Published on {table.data}, counted by {table.unit}; ours on {films.name}"
    if films.name.startswith("mura") and scale in ("", "paper"):
        return f"{theirs}: the numbers compare where these are the same films"
    return f"{theirs}: other films, so the numbers do not compare; at most their order may"
