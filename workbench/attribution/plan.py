"""What ``explain`` asks of every batch, decided before the first film is read."""

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any

import torch
from torch import Tensor

from workbench.attribution.methods import AbstractMethod
from workbench.attribution.targets import MINUS, TargetRule, target_rule
from workbench.core.provenance import library_versions
from workbench.core.seeding import derived_seed
from workbench.evaluation.units import STUDY_MEAN
from workbench.imaging.films import FilmBatch
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Chosen, Needs, Seen, run_pass


@dataclass(frozen=True)
class Plan:
    """A model, the methods by label, and what their maps speak for.

    Parameters
    ----------
    classifier
        The model.
    methods
        By unique label.
    targets
        As :func:`workbench.attribution.targets.target_rule` takes them.
    unit
        ``image`` or ``study-mean``.
    """

    classifier: Classifier
    methods: dict[str, AbstractMethod]
    targets: tuple[str, ...]
    unit: str

    @cached_property
    def needs(self) -> Needs:
        """What one pass has to record for all methods."""
        return reduce(or_, (method.needs(self.classifier) for method in self.methods.values()), Needs())

    @cached_property
    def rules(self) -> tuple[TargetRule, ...]:
        """The rule of each target."""
        return tuple(target_rule(self.classifier, target, unit=self.unit) for target in self.targets)

    @cached_property
    def provenance(self) -> dict[str, dict[str, Any]]:
        """Plain JSON for each key: what decides its maps."""
        classifier = self.classifier
        model = {
            "architecture": classifier.architecture,
            "weights_sha256": classifier.provenance.get("weights_sha256", ""),
            "recipe": classifier.recipe.to_json(),
            "device": str(classifier.device),
            "versions": library_versions(),
        }
        return {
            (key := self.key(label, target)): {
                "method": key,
                **method.provenance(classifier),
                "target": target,
                "unit": self.unit,
                "score": self.score_name(target),
                **model,
            }
            for label, method in self.methods.items()
            for target in self.targets
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the results, in the order in which ``explain`` returns them."""
        return tuple(self.provenance)

    def key(self, label: str, target: str) -> str:
        """Return the label under which a method's maps for a target are returned."""
        return label if len(self.targets) == 1 else f"{label} [{target}]"

    def score_name(self, target: str) -> str:
        """Say in words what is explained."""
        if self.unit == STUDY_MEAN:
            return "log-odds of the study's mean probability, linear at the clean films"
        if MINUS in target and target not in self.classifier.class_names:
            return "difference of the logits"
        return "logit of the class" if self.classifier.head.name == "softmax" else "log-odds of the class"

    def seen(self, batch: FilmBatch) -> tuple[Seen, ...]:
        """Run the common pass: one record a target."""
        labels, device = batch.labels, self.classifier.device
        studies = torch.unique(torch.tensor([derived_seed(each) for each in batch.study_ids]), return_inverse=True)[1]

        def choose(logits: Tensor) -> list[Chosen]:
            return [rule(logits, labels.to(device), studies.to(device)) for rule in self.rules]

        return run_pass(self.classifier.module, batch.images.to(device), self.needs, choose=choose)
