"""Floor 1: one folder for each run, committed by its ``run.json``; statuses are derived, never believed."""

from workbench.runs.environment import environment_facts
from workbench.runs.run import RUN_FILE, Run, Status, read_run
from workbench.runs.store import OpenRun, RunStore
from workbench.runs.verify import verify

__all__ = ["RUN_FILE", "OpenRun", "Run", "RunStore", "Status", "environment_facts", "read_run", "verify"]
