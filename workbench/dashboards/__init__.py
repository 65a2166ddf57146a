"""Widget dashboards: the film viewer, the case explorer and the model comparison, in JupyterLab and voila."""
