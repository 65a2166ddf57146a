"""Floor 7: notebooks as programs: parameters checked before anything starts, one run and one report each; sweeps."""

from workbench.batch.experiment import ExperimentError
from workbench.batch.parameters import Parameter, complete_parameters, notebook_parameters
from workbench.batch.plan import Plan, plan_experiment
from workbench.batch.run_notebook import find_run, run_notebook
from workbench.batch.sweep import run_sweep
from workbench.batch.sweep_state import Sweep, read_sweep

__all__ = [
    "ExperimentError",
    "Parameter",
    "Plan",
    "Sweep",
    "complete_parameters",
    "find_run",
    "notebook_parameters",
    "plan_experiment",
    "read_sweep",
    "run_notebook",
    "run_sweep",
]
