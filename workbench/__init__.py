"""Explain radiograph classifiers, and find out whether they are right for the right reason.

The public face; each name is loaded when it is first used, so that ``import workbench`` costs no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.attribution.explain import explain
    from workbench.attribution.methods import METHODS
    from workbench.audit.cover import CoverEffect, CoverStudy, cover_regions
    from workbench.batch.run_notebook import run_notebook
    from workbench.core.annotation import Annotation
    from workbench.core.case import Case, Study
    from workbench.core.errors import WorkbenchError
    from workbench.core.explanation import Activations, Explanation, load_explanation
    from workbench.core.manifest import Manifest, read_manifest, write_manifest
    from workbench.core.predictions import Predictions, load_predictions
    from workbench.data.folder import import_folder
    from workbench.data.fracatlas import import_fracatlas
    from workbench.data.phantoms.phantom import draw_phantom
    from workbench.data.phantoms.sets import draw_phantom_set
    from workbench.evaluation.evaluate import evaluate
    from workbench.imaging.pixels import read_radiograph
    from workbench.imaging.recipes import Recipe
    from workbench.models.checkpoints import load_classifier as load_model
    from workbench.models.checkpoints import save_classifier as save_model
    from workbench.models.classifier import Classifier, layers, predict, wrap
    from workbench.models.zoo import ARCHITECTURES
    from workbench.models.zoo import build_classifier as build_model
    from workbench.runs.store import RunStore
    from workbench.training.fit import train
    from workbench.training.options import TrainingOptions

_HOMES = {
    "ARCHITECTURES": ("workbench.models.zoo", "ARCHITECTURES"),
    "Activations": ("workbench.core.explanation", "Activations"),
    "Annotation": ("workbench.core.annotation", "Annotation"),
    "Case": ("workbench.core.case", "Case"),
    "Classifier": ("workbench.models.classifier", "Classifier"),
    "CoverEffect": ("workbench.audit.cover", "CoverEffect"),
    "CoverStudy": ("workbench.audit.cover", "CoverStudy"),
    "Explanation": ("workbench.core.explanation", "Explanation"),
    "METHODS": ("workbench.attribution", "METHODS"),
    "Manifest": ("workbench.core.manifest", "Manifest"),
    "Predictions": ("workbench.core.predictions", "Predictions"),
    "Recipe": ("workbench.imaging.recipes", "Recipe"),
    "RunStore": ("workbench.runs.store", "RunStore"),
    "Study": ("workbench.core.case", "Study"),
    "TrainingOptions": ("workbench.training.options", "TrainingOptions"),
    "WorkbenchError": ("workbench.core.errors", "WorkbenchError"),
    "build_model": ("workbench.models.zoo", "build_classifier"),
    "cover_regions": ("workbench.audit.cover", "cover_regions"),
    "draw_phantom": ("workbench.data.phantoms.phantom", "draw_phantom"),
    "draw_phantom_set": ("workbench.data.phantoms.sets", "draw_phantom_set"),
    "evaluate": ("workbench.evaluation.evaluate", "evaluate"),
    "explain": ("workbench.attribution", "explain"),
    "import_folder": ("workbench.data.folder", "import_folder"),
    "import_fracatlas": ("workbench.data.fracatlas", "import_fracatlas"),
    "layers": ("workbench.models.classifier", "layers"),
    "load_explanation": ("workbench.core.explanation", "load_explanation"),
    "load_model": ("workbench.models.checkpoints", "load_classifier"),
    "load_predictions": ("workbench.core.predictions", "load_predictions"),
    "predict": ("workbench.models.classifier", "predict"),
    "read_manifest": ("workbench.core.manifest", "read_manifest"),
    "read_radiograph": ("workbench.imaging.pixels", "read_radiograph"),
    "run_notebook": ("workbench.batch.run_notebook", "run_notebook"),
    "save_model": ("workbench.models.checkpoints", "save_classifier"),
    "train": ("workbench.training.fit", "train"),
    "wrap": ("workbench.models.classifier", "wrap"),
    "write_manifest": ("workbench.core.manifest", "write_manifest"),
}

__version__ = "0.1.0"
__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 - every home's key is a string


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
