"""A network with all that is needed to use it on films and to say where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.core.errors import ModelError, Skipped
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.progress import Progress
from workbench.imaging.films import Edit, Film, film_batches, manifest_films
from workbench.imaging.named_recipes import named_recipe
from workbench.imaging.recipes import Recipe
from workbench.models.head import Head
from workbench.models.weights import weights_digest
from workbench.passes.layers import Layers, evaluation_mode, find_layers
from workbench.passes.memory_formats import fast_format
from workbench.runs.freed_memory import freed_memory_kept


@dataclass(frozen=True)
class Classifier:
    """Any image classifier, ready for films.

    Parameters
    ----------
    module
        Takes (n, c, size, size) as the recipe prepares it, returns logits (n, o).
    head
        What the logits mean.
    class_names
        In the order of the probabilities.
    positive
        The abnormal ones.
    recipe
        How a film becomes an input.
    architecture
        Its name in the zoo; the class's name for a wrapped network.
    provenance
        Plain JSON: weights, training.
    differentiable
        Whether gradients can be taken; a function that only gives probabilities has none.
    factory
        ``package.module:function`` of the user's own code that builds the network; empty for those of the zoo.
    """

    module: nn.Module
    head: Head
    class_names: tuple[str, ...]
    positive: tuple[str, ...]
    recipe: Recipe
    architecture: str
    provenance: dict[str, Any] = field(default_factory=dict)
    differentiable: bool = True
    factory: str = ""

    def __post_init__(self) -> None:
        if len(self.class_names) != self.head.classes:
            raise ModelError(f"{len(self.class_names)} class names for a head of {self.head.classes} classes")
        for name in self.positive:
            if name not in self.class_names:
                raise ModelError(f"positive class {name!r} is not one of {', '.join(self.class_names)}")

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        parameter = next(self.module.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device

    @property
    def parameter_count(self) -> int:
        """Number of trainable and fixed parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    @cached_property
    def layers(self) -> Layers:
        """What one pass on noise shows: the explained layer, the stages, the linear head; nothing of a function."""
        if not self.differentiable:
            return Layers(explained=None, stages=(), linear_head=None, taps={}, outputs=self.head.outputs)
        return find_layers(self.module, (self.recipe.channels, self.recipe.size, self.recipe.size))

    @cached_property
    def memory_format(self) -> torch.memory_format:
        """The order of axes in memory in which inputs are best given, found by two passes on noise."""
        return fast_format(self.module, (self.recipe.channels, self.recipe.size, self.recipe.size))

    def logits(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n o"]:
        """Return the logits of prepared images in evaluation mode, without a graph."""
        with evaluation_mode(self.module), torch.inference_mode():
            return self.module(images.to(self.device))


def wrap(
    module: nn.Module,
    *,
    class_names: Sequence[str],
    positive: Sequence[str] | None = None,
    head: str | None = None,
    recipe: Recipe | str | None = None,
    input_size: int | None = None,
) -> Classifier:
    """Make a classifier of any network.

    Parameters
    ----------
    module
        Takes (n, c, h, w) and returns logits (n, o), not probabilities.
    class_names
        In the order of the outputs; for a single logit the negative class first.
    positive
        The abnormal classes; the last class where nothing is said.
    head
        ``softmax`` or ``sigmoid``; found from the number of outputs where nothing is said.
    recipe
        How films are prepared, or a name of ``RECIPES``; ImageNet normalisation of three channels where nothing is
        said.
    input_size
        Side of the square input, where no recipe or its name is given.

    Returns
    -------
    Classifier
        Shares the network, does not copy it.

    Raises
    ------
    ModelError
        The network does not take such an input, or class names and outputs do not match.
    """
    recipe = sized_recipe(recipe, input_size)
    names = tuple(class_names)
    marked = tuple(positive) if positive is not None else names[-1:]
    outputs = find_layers(module, (recipe.channels, recipe.size, recipe.size)).outputs
    head = head or ("sigmoid" if outputs == 1 else "softmax")
    meaning = Head.of(head, names, marked)
    if meaning.outputs != outputs:
        raise ModelError(f"the network has {outputs} outputs, a {head} head of {len(names)} classes {meaning.outputs}")
    provenance = {"weights": "wrapped", "weights_sha256": weights_digest(module)}
    return Classifier(module, meaning, names, marked, recipe, type(module).__name__, provenance)


def sized_recipe(recipe: Recipe | str | None, input_size: int | None) -> Recipe:
    """Return a recipe, or the one of this name, the default one without, of this size where one is given."""
    if recipe is None or isinstance(recipe, str):
        return named_recipe(recipe or "default", size=input_size)
    if input_size and recipe.size != input_size:
        raise ModelError(f"input_size {input_size} and the recipe's size {recipe.size} differ; give one of them")
    return recipe


def predict(
    classifier: Classifier,
    manifest: Manifest,
    *,
    batch_size: int = 16,
    edit: Edit | None = None,
    progress: Progress | None = None,
) -> tuple[Predictions, tuple[Skipped, ...]]:
    """Classify the films of a manifest.

    Parameters
    ----------
    classifier
        Its class names must be the manifest's.
    manifest
        Read one batch at a time.
    batch_size
        Films a forward pass.
    edit
        Changes each film after reading.
    progress
        Called after every batch.

    Returns
    -------
    tuple
        The predictions, and the films that could not be read: found = predicted + skipped.

    Raises
    ------
    ModelError
        Other class names, or no film could be read.
    """
    check_classes(classifier, manifest)
    films = manifest_films(manifest, edit)
    ids, labels, outputs, skipped = _collect(classifier, films, batch_size, progress)
    if not ids:
        first = f"; first: {skipped[0]}" if skipped else ""
        raise ModelError(f"{manifest.name}: none of {len(films)} films could be read{first}")
    logits = torch.cat(outputs)
    provenance = {
        "architecture": classifier.architecture,
        "recipe": classifier.recipe.to_json(),
        "weights_sha256": classifier.provenance.get("weights_sha256", ""),
        "manifest": manifest.name,
        "manifest_digest": manifest.digest,
    }
    predictions = Predictions(
        case_ids=tuple(ids),
        labels=np.array(labels, dtype=np.int64),
        outputs=logits.numpy().astype(np.float32),
        probabilities=classifier.head.probabilities(logits.double()).numpy(),
        class_names=classifier.class_names,
        positive=classifier.positive,
        head=classifier.head.name,
        provenance=provenance,
    )
    return predictions, skipped


def check_classes(classifier: Classifier, manifest: Manifest) -> None:
    """Refuse a manifest whose classes are not the classifier's."""
    if classifier.class_names != manifest.class_names:
        ours, theirs = ", ".join(classifier.class_names), ", ".join(manifest.class_names)
        raise ModelError(f"the model tells {ours} apart, {manifest.name} has {theirs}")


@freed_memory_kept()
def _collect(
    classifier: Classifier, films: Sequence[Film], batch_size: int, progress: Progress | None
) -> tuple[list[str], list[int], list[Tensor], tuple[Skipped, ...]]:
    ids: list[str] = []
    labels: list[int] = []
    outputs: list[Tensor] = []
    skipped: list[Skipped] = []
    for batch in film_batches(films, classifier.recipe, batch_size=batch_size):
        skipped += batch.skipped
        if batch.film_ids:
            ids += batch.film_ids
            labels += batch.labels.tolist()
            outputs.append(classifier.logits(batch.images).float().cpu())
        if progress:
            progress(len(ids) + len(skipped), len(films))
    return ids, labels, outputs, tuple(skipped)


def layers(classifier: Classifier) -> Any:
    """Return a pandas DataFrame of every layer that can be named: channels, height, width, layout and role."""
    import pandas as pd

    found = classifier.layers
    roles = {stage.tap: stage.title for stage in found.stages}
    rows = [
        (str(tap), channels, height, width, str(tap.layout), roles.get(tap, ""))
        for tap, (channels, height, width) in found.taps.items()
    ]
    frame = pd.DataFrame(rows, columns=["layer", "channels", "height", "width", "layout", "role"])
    frame.loc[frame["layer"] == str(found.explained), "role"] += " (explained)"
    return frame
