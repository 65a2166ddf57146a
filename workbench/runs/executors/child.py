"""``python -m workbench.runs.executors.child``: one task, read from standard input; its outcome is the only output."""

import importlib
import json
import sys

from workbench.core.arrays import Json
from workbench.core.provenance import plain
from workbench.runs.child_process import claimed_output, end_with_parent
from workbench.runs.stopping import heeding_stop_signals
from workbench.runs.store import one_line

GRACE_S = 60.0
"""How long a task may take to end after its parent has: it waits for the kernel and the training below it."""


def main() -> int:
    """Do the task; errors are part of the outcome."""
    channel = claimed_output()
    with open(0, "rb", buffering=0, closefd=False) as given:  # what follows the line is for the watching thread
        task = json.loads(given.readline())
    with heeding_stop_signals():
        end_with_parent(grace_s=GRACE_S)
        outcome = _outcome(task["function"], task["arguments"])
    print(json.dumps(outcome), file=channel, flush=True)
    return 0


def _outcome(function: str, arguments: dict[str, Json]) -> dict[str, Json]:
    module, _, name = function.partition(":")
    try:
        return {"status": "done", "value": plain(getattr(importlib.import_module(module), name)(**arguments))}
    except KeyboardInterrupt as stop:
        return {"status": "interrupted", "error": str(stop) or "stopped by Ctrl-C"}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent goes on and tells it
        return {"status": "failed", "error": one_line(error)}


if __name__ == "__main__":
    sys.exit(main())
