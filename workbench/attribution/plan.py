"""What ``explain`` asks of every batch, decided before the first film is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import or_
from typing import Any

import torch
from torch import Tensor

from workbench.attribution.methods import AbstractMethod, OwnMethod
from workbench.attribution.targets import MINUS, TargetRule, target_rule
from workbench.core.provenance import library_versions, plain
from workbench.core.seeding import derived_seed
from workbench.evaluation.units import STUDY_MEAN
from workbench.imaging.films import FilmBatch
from workbench.models.classifier import Classifier
from workbench.models.scores import ScoringFunction, function_digest
from workbench.models.weights import weights_digest
from workbench.passes.single_pass import Chosen, Needs, Seen, run_pass

EXACT, FAST = PRECISIONS = ("exact", "fast")
SINGLE = "float32"


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
    precision
        ``exact`` or ``fast``, see :mod:`workbench.attribution.precision`.
    """

    classifier: Classifier
    methods: dict[str, AbstractMethod]
    targets: tuple[str, ...]
    unit: str
    precision: str = EXACT

    @property
    def memory_format(self) -> torch.memory_format:
        """The order of axes in memory of the films."""
        if self.precision == FAST and self.classifier.device.type != "cpu":  # tensor cores want it in half precision
            return torch.channels_last
        return self.classifier.memory_format

    @cached_property
    def needs(self) -> Needs:
        """What one pass has to record for all methods."""
        return reduce(or_, (method.needs(self.classifier) for method in self.methods.values()), Needs())

    @property
    def keeps_freed_memory(self) -> bool:
        """Whether it pays that freed memory stays with the process: on a CPU, for more than a way back to a layer.

        For that alone, as for Grad-CAM, it would save a tenth of the time and make the peak of memory a third larger.
        """
        on_cpu = self.classifier.device.type == "cpu"
        return on_cpu and (self.needs.at_input or any(isinstance(each, OwnMethod) for each in self.methods.values()))

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
            "class_names": list(classifier.class_names),
            "weights_sha256": classifier.provenance.get("weights_sha256", ""),
            "recipe": classifier.recipe.to_json(),
            "device": str(classifier.device),
            "versions": library_versions(),
        }
        return {
            (key := self.key(label, target)): {
                "method": key,
                **self._method(label),
                "target": target,
                "unit": self.unit,
                "score": self.score_name(target),
                **model,
                "precision": {"asked": self.precision, "used": SINGLE},
            }
            for label in self.methods
            for target in self.targets
        }

    def only(self, labels: Iterable[str]) -> "Plan":
        """Return the plan of some of the methods."""
        return replace(self, methods={label: self.methods[label] for label in labels})

    def request(self, films_digest: str) -> dict[str, Any]:
        """Return all that decides the maps as plain JSON; of a function that gives probabilities its name and code."""
        classifier = self.classifier
        asked: dict[str, Any] = plain(
            {
                "architecture": classifier.architecture,
                "weights": weights_digest(classifier.module),  # of today: training may have gone on
                **self._function(),
                "classes": classifier.class_names,
                "head": classifier.head.name,
                "recipe": classifier.recipe.to_json(),
                "methods": {label: self._method(label) for label in self.methods},
                "targets": self.targets,
                "unit": self.unit,
                "precision": self.precision,
                "films": films_digest,
            }
        )
        return asked

    def _function(self) -> dict[str, Any]:
        module = self.classifier.module
        return {"function": function_digest(module.function)} if isinstance(module, ScoringFunction) else {}

    def _method(self, label: str) -> dict[str, Any]:
        method = self.methods[label]
        return {"class": type(method).__name__, **method.provenance(self.classifier)}

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

    def seen(
        self, batch: FilmBatch, chosen: Sequence[Chosen] | None = None, *, half_back: bool = False
    ) -> tuple[Seen, ...]:
        """Run the common pass: one record a target.

        Parameters
        ----------
        batch
            Films of which at least one could be read.
        chosen
            What is explained, where another pass over the same films has chosen it.
        half_back
            Whether convolutions go back in bfloat16.

        Returns
        -------
        tuple of Seen
            In the order of the targets; single precision, whatever the pass ran in.
        """
        labels, device = batch.labels, self.classifier.device
        studies = torch.unique(torch.tensor([derived_seed(each) for each in batch.study_ids]), return_inverse=True)[1]

        def choose(logits: Tensor) -> Sequence[Chosen]:
            return chosen or [rule(logits, labels.to(device), studies.to(device)) for rule in self.rules]

        images = batch.images.to(device).contiguous(memory_format=self.memory_format)
        seen = run_pass(self.classifier.module, images, self.needs, choose=choose, half_back=half_back)
        return tuple(_in_single_precision(each) for each in seen)


def _in_single_precision(seen: Seen) -> Seen:
    """Return what a pass in half precision saw so that sums over it lose no further digits."""
    if seen.logits.dtype not in (torch.bfloat16, torch.float16):
        return seen
    return replace(
        seen,
        logits=seen.logits.float(),
        activations={tap: values.float() for tap, values in seen.activations.items()},
        gradients={tap: values.float() for tap, values in seen.gradients.items()},
    )
