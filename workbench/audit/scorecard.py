"""What is known of one model: how well it does on its own kind of films and on others, and what covering changes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.audit.cover import CoverEffect
from workbench.core.errors import ReaderError, Skipped
from workbench.core.files import read_json, write_json
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.progress import Progress
from workbench.evaluation.differences import metric_difference
from workbench.evaluation.evaluate import evaluate
from workbench.evaluation.intervals import Interval
from workbench.evaluation.scores import Evaluation
from workbench.models.classifier import Classifier, predict

FILE_NAME = "scorecard.json"
NOT_KNOWN = "-"
METRICS = {"accuracy": "accuracy", "cohen-kappa": "Cohen's kappa", "auroc": "AUROC"}
"""What a table of models shows, by film, and how it calls it."""


@dataclass(frozen=True)
class ScoredFilms:
    """A model's predictions on some films, and what they are worth.

    Parameters
    ----------
    name
        Of the split.
    skipped
        Films that could not be read: found = predicted + skipped.
    """

    name: str
    films: Manifest
    predictions: Predictions
    evaluation: Evaluation
    skipped: tuple[Skipped, ...] = ()

    def save(self, folder: Path) -> None:
        """Write predictions and evaluation into a folder, named by the split."""
        self.predictions.save(folder / f"predictions-{self.name}.csv")
        write_json(folder / f"evaluation-{self.name}.json", self.evaluation.to_json())

    def fall_to(self, other: "ScoredFilms", metric: str = "auroc") -> Interval:
        """Return by how much a metric falls from these films to others, patients resampled jointly."""
        return metric_difference(self.predictions, self.films, other.predictions, other.films, metric=metric)


def score_films(
    classifier: Classifier, manifest: Manifest, split: str, *, batch_size: int = 32, progress: Progress | None = None
) -> ScoredFilms:
    """Classify the films of one split and evaluate what was said of them.

    Parameters
    ----------
    classifier
        The model.
    manifest
        Has labels and patients.
    split
        Name of the split; a comma joins several.
    batch_size
        Films a pass.
    progress
        Called after each batch.

    Returns
    -------
    ScoredFilms
        With image-level and study-level metrics.

    Raises
    ------
    ManifestError
        No such split.
    """
    films = manifest.split(*(name.strip() for name in split.split(",")))
    predictions, skipped = predict(classifier, films, batch_size=batch_size, progress=progress)
    return ScoredFilms(
        split.replace(",", "+").replace(" ", ""), films, predictions, evaluate(predictions, films), skipped
    )


@dataclass(frozen=True)
class Scorecard:
    """One model in numbers.

    Parameters
    ----------
    model
        Its name for readers.
    run
        The training run's id, empty for a wrapped network.
    evaluations
        By split; the first is the model's own kind of films.
    fall
        AUROC on the first split minus that on the second; None with one split.
    cover
        What covering a thing changes; None where nothing is annotated.
    parameters
        Number of weights.
    training_s
        Training time, None where it is not known.
    """

    model: str
    run: str
    evaluations: Mapping[str, Evaluation]
    fall: Interval | None = None
    cover: CoverEffect | None = None
    parameters: int = 0
    training_s: float | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether it learned on its own kind of films."""
        return next(iter(self.evaluations.values())).learned

    def save(self, folder: Path) -> None:
        """Write ``scorecard.json`` into a folder."""
        content = {
            "model": self.model,
            "run": self.run,
            "evaluations": {name: each.to_json() for name, each in self.evaluations.items()},
            "fall": vars(self.fall) if self.fall else None,
            "cover": self.cover.to_json() if self.cover else None,
            "parameters": self.parameters,
            "training_s": self.training_s,
            "about": self.about,
        }
        write_json(folder / FILE_NAME, content)


def load_scorecard(folder: Path) -> Scorecard:
    """Read what :meth:`Scorecard.save` wrote; a ReaderError where it is absent or damaged."""
    content = read_json(folder / FILE_NAME)
    try:
        evaluations = {name: Evaluation.from_json(each) for name, each in content.pop("evaluations").items()}
        fall, cover = content.pop("fall"), content.pop("cover")
        return Scorecard(
            evaluations=evaluations,
            fall=Interval(**fall) if fall else None,
            cover=CoverEffect.from_json(cover) if cover else None,
            **content,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ReaderError(f"{folder / FILE_NAME}: not a scorecard ({type(error).__name__}: {error})") from error


def model_titles(cards: Sequence[Scorecard]) -> list[str]:
    """Return the models' names, with the run's end where two are called alike."""
    names = [card.model for card in cards]
    return [
        name if names.count(name) == 1 else f"{name} ({card.run[-4:]})" for name, card in zip(names, cards, strict=True)
    ]


def learned_models(cards: Sequence[Scorecard]) -> dict[str, bool]:
    """Say of each model, by its title, whether it learned on its own kind of films: charts mark those that did not."""
    return dict(zip(model_titles(cards), (card.learned for card in cards), strict=True))


def comparison_rows(cards: Sequence[Scorecard]) -> list[tuple[str, list[str]]]:
    """Return a table for readers: what is measured, and a text for each model.

    Every interval resamples patients; a dash stands where a model has no such number.
    """
    splits = list(dict.fromkeys(split for card in cards for split in card.evaluations))
    rows = [("learned on its own kind of films", ["yes" if card.learned else "did not learn" for card in cards])]
    for split in splits:
        for metric, title in METRICS.items():
            rows.append((f"{title} on {split}", [_metric(card, split, metric) for card in cards]))
    if any(card.fall for card in cards):
        first, second = splits[:2]
        rows.append((f"fall in AUROC from {first} to {second}", [_text(card.fall) for card in cards]))
    return rows + _cover_rows(cards)


def _cover_rows(cards: Sequence[Scorecard]) -> list[tuple[str, list[str]]]:
    covers = [card.cover for card in cards]
    known = [cover for cover in covers if cover]
    if not known:
        return []
    thing = known[0].category
    columns: dict[str, tuple[str, Callable[[Interval], str]]] = {
        f"share of attribution on the {thing} ({known[0].area:.1%} of the film)": ("share", percent),
        f"enrichment over the {thing}'s area": ("enrichment", str),
        f"change of probability, {thing} covered": ("change", signed),
        "change of probability, control patch covered": ("control_change", signed),
        f"change of AUROC, {thing} covered": ("auroc_change", signed),
        "change of AUROC, control patch covered": ("control_auroc_change", signed),
    }
    return [
        (title, [written(getattr(cover, column)) if cover else NOT_KNOWN for cover in covers])
        for title, (column, written) in columns.items()
    ]


def percent(interval: Interval) -> str:
    """Return an interval of shares in per cent: ``7.2 % [6.1, 8.4]``."""
    if interval.estimate is None or interval.low is None or interval.high is None:
        return str(interval)
    return f"{100 * interval.estimate:.1f} % [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def signed(interval: Interval) -> str:
    """Return an interval of changes with its sign: ``-0.31 [-0.35, -0.27]``; what rounds to zero has none."""
    if interval.estimate is None or interval.low is None or interval.high is None:
        return str(interval)
    estimate, low, high = (f"{value:+.2f}" for value in (interval.estimate, interval.low, interval.high))
    text = f"{estimate} [{low}, {high}]"
    return text.replace("+0.00", "0.00").replace("-0.00", "0.00")


def _metric(card: Scorecard, split: str, metric: str) -> str:
    if split not in card.evaluations:
        return NOT_KNOWN
    found = card.evaluations[split]
    lost = metric == "auroc" and card.learned and not found.learned  # of one that never learned the first row says it
    mark = ", did not learn" if lost else ""
    return _text(found.interval(metric)) + mark


def _text(interval: Interval | None) -> str:
    return NOT_KNOWN if interval is None else str(interval)
