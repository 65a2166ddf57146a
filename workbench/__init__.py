"""Explain radiograph classifiers, and find out whether they are right for the right reason.

The public face; each name is loaded when it is first used, so that ``import workbench`` costs no torch.
"""

import importlib
from typing import Any

_HOMES = {
    "ARCHITECTURES": "models.architectures:ARCHITECTURES",
    "Activations": "core.explanation:Activations",
    "Annotation": "core.annotation:Annotation",
    "Case": "core.case:Case",
    "CaseStudy": "reports.case_studies:CaseStudy",
    "Classifier": "models.classifier:Classifier",
    "Comparison": "evaluation.comparison:Comparison",
    "Confounder": "data.phantoms.set_options:Confounder",
    "CoverEffect": "audit.cover:CoverEffect",
    "CoverStudy": "audit.cover:CoverStudy",
    "Explanation": "core.explanation:Explanation",
    "METHODS": "attribution:METHODS",
    "Manifest": "core.manifest:Manifest",
    "MapBox": "imaging.map_boxes:MapBox",
    "PhantomOptions": "data.phantoms.options:PhantomOptions",
    "PhantomSetOptions": "data.phantoms.set_options:PhantomSetOptions",
    "Predictions": "core.predictions:Predictions",
    "RECIPES": "imaging.named_recipes:RECIPES",
    "Recipe": "imaging.recipes:Recipe",
    "Resampling": "evaluation.intervals:Resampling",
    "RunStore": "runs.store:RunStore",
    "Scorecard": "audit.scorecard:Scorecard",
    "Study": "core.case:Study",
    "TrainingOptions": "training.options:TrainingOptions",
    "WorkbenchError": "core.errors:WorkbenchError",
    "adopt": "models.adopted:adopt",
    "attach_coco": "data.importers.coco:attach_coco",
    "averaged_predictions": "evaluation.ensembles:averaged_predictions",
    "beside_published": "evaluation.published:beside_published",
    "best_of_each_part": "evaluation.ensembles:best_of_each_part",
    "build_model": "models.zoo:build_classifier",
    "check_manifest": "data.checking.check:check_manifest",
    "choose_cases": "audit.selection:choose_cases",
    "choose_threshold": "evaluation.thresholds:choose_threshold",
    "class_averages": "evaluation.class_averages:class_averages",
    "compare": "dashboards.comparison.comparison:compare",
    "compare_predictions": "evaluation.comparison:compare_predictions",
    "cover_regions": "audit.cover:cover_regions",
    "crop_square": "audit.crop_square:crop_square",
    "disagreements": "evaluation.agreement:disagreements",
    "draw_phantom": "data.phantoms.phantom:draw_phantom",
    "draw_phantom_set": "data.phantoms.sets:draw_phantom_set",
    "evaluate": "evaluation.evaluate:evaluate",
    "explore": "dashboards.explorer.explorer:explore",
    "explain": "attribution:explain",
    "find_frame": "imaging.frames:find_frame",
    "find_run": "runs.locations:find_run",
    "import_dicom": "data.importers.dicom:import_dicom",
    "import_folder": "data.importers.folder:import_folder",
    "import_fracatlas": "data.importers.fracatlas:import_fracatlas",
    "import_mura": "data.importers.mura:import_mura",
    "labelled_sample": "evaluation.units:labelled_sample",
    "layers": "models.classifier:layers",
    "load_explanation": "core.explanation:load_explanation",
    "load_explanations": "attribution.shards:load_explanations",
    "load_model": "models.checkpoints:load_classifier",
    "load_predictions": "core.predictions:load_predictions",
    "load_scorecard": "audit.scorecard:load_scorecard",
    "map_boxes": "imaging.map_boxes:map_boxes",
    "measured_recipe": "imaging.named_recipes:measured_recipe",
    "metric_difference": "evaluation.differences:metric_difference",
    "named_recipe": "imaging.named_recipes:named_recipe",
    "output_folder": "runs.locations:output_folder",
    "over_sample_sets": "evaluation.sample_sets:over_sample_sets",
    "predict": "models.classifier:predict",
    "probe_predictions": "training.linear_probe:probe_predictions",
    "published_table": "evaluation.published:published_table",
    "published_tables": "evaluation.published:published_tables",
    "read_case_studies": "reports.case_studies:read_case_studies",
    "read_dicom": "imaging.dicom.reader:read_dicom",
    "read_manifest": "core.manifest:read_manifest",
    "read_radiograph": "imaging.pixels:read_radiograph",
    "read_sweep": "batch.sweep_state:read_sweep",
    "run_notebook": "batch.run_notebook:run_notebook",
    "save_model": "models.checkpoints:save_classifier",
    "score_films": "audit.scorecard:score_films",
    "select_films": "data.subsets:select_films",
    "train": "training.fit:train",
    "watch_sweep": "dashboards.sweep_table:watch_sweep",
    "wrap": "models.classifier:wrap",
    "worklist_value": "evaluation.worklist:worklist_value",
    "wrap_scores": "models.scores:wrap_scores",
    "write_croissant": "data.croissant:write_croissant",
    "write_manifest": "core.manifest:write_manifest",
    "write_map_boxes": "imaging.map_boxes:write_map_boxes",
}
"""Public name -> where it lives."""

__version__ = "0.1.0"
__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 - every home's key is a string


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"workbench.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
