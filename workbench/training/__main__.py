"""``python -m workbench.training FOLDER``: the process of a training; started by ``train``, not by hand."""

import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import TextIO

from workbench.core.errors import WorkbenchError
from workbench.runs.child_process import claimed_output, end_with_parent
from workbench.runs.stopping import NUMBERS
from workbench.training.progress import Throttled, error_line, progress_line


def main() -> int:
    """Train what the folder on the command line describes; JSON lines on standard output say how far it is."""
    for number in NUMBERS:
        signal.signal(number, _stop_at_once)
    end_with_parent()
    channel = claimed_output()
    from workbench.training.child import run_training  # imports Lightning: 5 s in which we can already be stopped

    _silence_lightning()
    logging.getLogger("workbench").setLevel(logging.INFO)  # how large a cache will be
    logging.getLogger("workbench").addHandler(logging.StreamHandler())
    try:
        run_training(Path(sys.argv[1]), Throttled(lambda progress: _tell(channel, progress_line(progress))))
    except WorkbenchError as error:
        _tell(channel, error_line(error))
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


def _tell(channel: TextIO, line: str) -> None:
    if os.environ.get("LOCAL_RANK", "0") == "0":  # of several processes the first speaks for all
        print(line, file=channel, flush=True)


def _stop_at_once(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _silence_lightning() -> None:
    """Keep out of the log what Lightning says each time; there the last line must be what went wrong."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)  # which devices are used, tips, "max_epochs reached"
    # An unused GPU, few loader workers, modules in evaluation mode: our choices. Its own use of deprecated functions.
    warnings.filterwarnings("ignore", module=r"lightning\.")


if __name__ == "__main__":
    sys.exit(main())
