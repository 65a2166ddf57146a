"""Readers' verdicts: append-only files beside a run's hashed artefacts, one line a verdict, one file a reader."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.core.errors import OptionError, ReaderError, RunError, Skipped
from workbench.core.files import path_inside, write_text
from workbench.core.rows import csv_text

VERDICTS = ("right reason", "wrong reason", "unsure")
"""What a reader may say of a model's reason."""
MOST_BYTES = 2**26
"""More is no file of verdicts: 2**26 bytes hold some 200,000."""
MOST_TEXT = 10_000
"""Characters of a note."""
CSV_FILE = "verdicts.csv"
BYTE_ORDER_MARK = "\ufeff"
"""Without it spreadsheets take umlauts for two signs each."""

_READER = re.compile(r"[\w][\w .@+-]{0,63}")


@dataclass(frozen=True)
class Review:
    """One verdict of one reader on one case.

    Parameters
    ----------
    case_id
        Of the film.
    verdict
        One of :data:`VERDICTS`.
    reviewer
        Names the file: letters, digits, spaces and ``. @ + - _``, up to 64.
    note, tags
        What the reader adds.
    blind
        Whether prediction and map were hidden until the verdict was given.
    at
        When, ISO 8601 in UTC; now where nothing is said.
    manifest, weights_sha256
        What was looked at: the data set's name and the model's weights.

    Raises
    ------
    OptionError
        An unknown verdict, no case, a reviewer that cannot name a file, or a note that is too long.
    """

    case_id: str
    verdict: str
    reviewer: str
    note: str = ""
    tags: tuple[str, ...] = ()
    blind: bool = False
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    manifest: str = ""
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise OptionError(f"verdict {self.verdict!r} is not one of {', '.join(VERDICTS)}")
        if not self.case_id:
            raise OptionError("a verdict needs a case")
        if not _READER.fullmatch(self.reviewer) or self.reviewer != self.reviewer.strip(" ."):
            raise OptionError(f"reviewer {self.reviewer!r}: wanted letters, digits, spaces and . @ + - _, up to 64")
        if len(self.note) > MOST_TEXT or sum(map(len, self.tags)) > MOST_TEXT:
            raise OptionError(f"a note of {len(self.note)} characters; at most {MOST_TEXT}")
        try:
            datetime.fromisoformat(self.at)
        except ValueError:
            raise OptionError(f"{self.at!r} is no time such as 2026-01-31T12:00:00+00:00") from None
        try:
            "".join((self.case_id, self.note, *self.tags, self.manifest, self.weights_sha256)).encode()
        except UnicodeEncodeError as error:
            raise OptionError(f"a verdict holds half a character, which no file can ({error})") from None

    @property
    def moment(self) -> datetime:
        """When it was given, in UTC; a time without a zone is taken for one."""
        moment = datetime.fromisoformat(self.at)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class ReviewBook:
    """The verdicts of a run, all readers'.

    Parameters
    ----------
    folder
        ``reviews`` of the run's folder; made when the first verdict is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def append(self, review: Review) -> None:
        """Write a verdict to its reader's file and to the disk before returning; earlier lines are never touched.

        A RunError where the disk refuses.
        """
        line = json.dumps(asdict(review), ensure_ascii=False) + "\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = path_inside(self.folder, f"{review.reviewer}.jsonl")
            with path.open("ab+") as file:
                if file.tell() and not _ends_its_line(path):  # a line that a crash cut off stays alone
                    line = "\n" + line
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunError(f"the verdict on {review.case_id} could not be written and is not kept ({error})") from error

    def read(self) -> tuple[tuple[Review, ...], tuple[Skipped, ...]]:
        """Return every verdict in the order of time, and the lines and files that are none."""
        reviews: list[Review] = []
        skipped: list[Skipped] = []
        for path in sorted(self.folder.glob("*.jsonl")):
            try:
                found, bad = read_reviews(path)
            except ReaderError as error:
                skipped.append(Skipped(path.name, str(error)))
                continue
            reviews += found
            skipped += bad
        return tuple(sorted(reviews, key=lambda review: review.moment)), tuple(skipped)

    def latest(self) -> dict[tuple[str, str], Review]:
        """Return the last verdict of each (reviewer, case_id): a later one replaces an earlier one."""
        return {(review.reviewer, review.case_id): review for review in self.read()[0]}

    def merge(
        self, path: str | Path, *, case_ids: Iterable[str] = (), weights_sha256: str = ""
    ) -> tuple[int, tuple[Skipped, ...]]:
        """Take over verdicts from a file that a report's reader downloaded.

        Parameters
        ----------
        path
            One verdict a line.
        case_ids
            Those of the manifest; verdicts on others are skipped. Empty takes all.
        weights_sha256
            Of the model; verdicts that were given on another one's reasons are skipped. Empty takes all, and one that
            names no model is taken.

        Returns
        -------
        tuple
            How many were new, and why others were skipped; one that is here already is neither.

        Raises
        ------
        ReaderError
            The file is absent, too large, or holds no verdict.
        """
        found, skipped = read_reviews(Path(path))
        if not found:
            first = f"; first: {skipped[0].reason}" if skipped else ""
            raise ReaderError(f"{path}: no verdict in it{first}")
        here, known, new = set(self.read()[0]), set(case_ids), 0
        for number, review in enumerate(found, start=1):
            place = f"{path}, verdict {number}"
            if known and review.case_id not in known:
                skipped.append(Skipped(place, f"no case {review.case_id!r} in this data set"))
            elif weights_sha256 and review.weights_sha256 not in ("", weights_sha256):
                skipped.append(Skipped(place, f"given on another model, weights {review.weights_sha256[:12]}"))
            elif review not in here:
                self.append(review)
                here.add(review)
                new += 1
        return new, tuple(skipped)

    def csv(self, *, reviewer: str = "") -> str:
        """Return the last verdict of each reader (or of one) on each case as the text of a CSV."""
        rows = [row for row in self._rows() if reviewer in ("", row["reviewer"])]
        return csv_text([list(Review.__dataclass_fields__), *(list(row.values()) for row in rows)])

    def write_csv(self) -> Path:
        """Write :meth:`csv` of all readers beside their files, for spreadsheets, and return where; or a RunError."""
        path = self.folder / CSV_FILE
        try:
            write_text(path, BYTE_ORDER_MARK + self.csv())
        except OSError as error:
            raise RunError(f"{path}: could not be written ({error})") from error
        return path

    def to_frame(self) -> Any:
        """Return a pandas DataFrame of the last verdict of each reader on each case."""
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=list(Review.__dataclass_fields__))

    def _rows(self) -> list[dict[str, Any]]:
        return [asdict(review) | {"tags": ";".join(review.tags)} for review in self.latest().values()]


def read_reviews(path: Path) -> tuple[list[Review], list[Skipped]]:
    """Read one verdict a line; a ReaderError where the file is absent, too large, or no text."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ReaderError(f"{path}: {path.stat().st_size} bytes; a file of verdicts has at most {MOST_BYTES}")
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: a note may hold other breaks
    except FileNotFoundError:
        raise ReaderError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReaderError(f"{path}: not readable as text ({error})") from error
    reviews: list[Review] = []
    skipped: list[Skipped] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                reviews.append(_review_of(line))
            except (OptionError, ValueError, TypeError, RecursionError) as error:
                skipped.append(Skipped(f"{path}:{number}", f"not a verdict ({error})"))
    return reviews, skipped


def _review_of(line: str) -> Review:
    content = json.loads(line)
    if not isinstance(content, dict):
        raise TypeError("wanted an object")
    tags = content.pop("tags", [])
    if not (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        raise TypeError("tags are no list of texts")
    wrong = [name for name, value in content.items() if not isinstance(value, bool if name == "blind" else str)]
    if wrong:
        raise TypeError(f"{wrong[0]} is a {type(content[wrong[0]]).__name__}")
    return Review(**content, tags=tuple(tags))


def _ends_its_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
