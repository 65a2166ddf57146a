"""What a training process tells the one that follows it: one JSON object a line."""

import dataclasses
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.core.errors import RunError, WorkbenchError
from workbench.training.history import EpochRecord


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Parameters
    ----------
    stage
        ``films``: read, of both splits. ``steps``: of the optimiser, over all epochs. ``epochs``: whole ones.
    done, total
        Counted in that unit.
    record
        Of the epoch that has just ended, where the stage is ``epochs``.
    """

    stage: str
    done: int
    total: int
    record: EpochRecord | None = None


REPORT_INTERVAL_S = 0.25
Follow = Callable[[Progress], None]
"""Is told how far a training is, some times a second at most."""


class Throttled:
    """Passes on every epoch and the end of each stage, of the rest no more than a few a second.

    Parameters
    ----------
    follow
        Who is told.
    """

    def __init__(self, follow: Follow) -> None:
        self._follow = follow
        self._told_s = -math.inf

    def __call__(self, progress: Progress) -> None:
        """Tell it, or not."""
        now = time.monotonic()
        if now - self._told_s >= REPORT_INTERVAL_S or progress.done == progress.total or progress.record:
            self._told_s = now
            self._follow(progress)


def progress_line(progress: Progress) -> str:
    """Return the line that tells it."""
    return json.dumps(dataclasses.asdict(progress), allow_nan=False)


def error_line(error: WorkbenchError) -> str:
    """Return the line that tells why there is no more to follow."""
    return json.dumps({"error": type(error).__name__, "message": str(error)})


def parsed_line(line: str) -> Progress | WorkbenchError:
    """Return what a line told: how far the training is, or why it ended.

    An error that this version does not know comes back as RunError.
    """
    content: dict[str, Any] = json.loads(line)
    if "error" in content:
        known = {kind.__name__: kind for kind in WorkbenchError.__subclasses__()}
        return known.get(content["error"], RunError)(content["message"])
    record = content.pop("record")
    return Progress(**content, record=EpochRecord(**record) if record else None)


def print_epochs(progress: Progress) -> None:
    """Print one line for each epoch, which is how a notebook follows a training."""
    record = progress.record
    if record is None:
        return
    auroc = "-" if record.valid_auroc is None else f"{record.valid_auroc:.3f}"
    losses = f"loss {record.train_loss:.4f}, validation loss {record.valid_loss:.4f}"
    accuracy = f"validation accuracy {record.valid_accuracy:.3f}, AUROC {auroc}"
    print(f"epoch {progress.done} of {progress.total}: {losses}, {accuracy}, {record.seconds:.1f} s", flush=True)
