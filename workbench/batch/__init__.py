"""Floor 7: notebooks as programs: parameters checked before anything starts, one run and one report each."""

from workbench.batch.parameters import Parameter, complete_parameters, notebook_parameters
from workbench.batch.run_notebook import find_run, run_notebook

__all__ = ["Parameter", "complete_parameters", "find_run", "notebook_parameters", "run_notebook"]
