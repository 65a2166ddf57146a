"""Adopting a network that was trained elsewhere: its own code builds it, its weights are checked against it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from workbench.core.files import sha256_of
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.models.factories import build_network, fitted_names, read_state
from workbench.models.weights import load_weights


def adopt(
    factory: str,
    weights: str | Path,
    *,
    class_names: Sequence[str],
    positive: Sequence[str] | None = None,
    head: str | None = None,
    recipe: Recipe | str | None = None,
    input_size: int | None = None,
) -> Classifier:
    """Make a classifier of a network trained elsewhere, one that can be saved and loaded again.

    Parameters
    ----------
    factory
        ``package.module:function`` that returns the network; it is imported and called, now and at every loading.
    weights
        Safetensors, or a ``.pt``, ``.pth`` or ``.ckpt`` file, of which only tensors are read. The prefixes that
        DataParallel, Lightning and torch.compile write before the names are taken off.
    class_names
        In the order of the outputs; for a single logit the negative class first.
    positive
        The abnormal classes; the last class where nothing is said.
    head
        ``softmax`` or ``sigmoid``; found from the number of outputs where nothing is said.
    recipe
        How films are prepared, or a name of ``RECIPES``: as they were in training, or the probabilities mean nothing.
    input_size
        Side of the square input, where no recipe or its name is given.

    Returns
    -------
    Classifier
        ``provenance`` names the file's hash, and which of its tensors were left out because they are no weights.

    Raises
    ------
    ModelError
        The factory is not found, the file cannot be read, or the weights are not this network's.
    """
    path = Path(weights)
    network = build_network(factory)
    named, left_out = fitted_names(read_state(path), network.state_dict())
    load_weights(network, named, f"what {factory} builds")
    classifier = wrap(
        network, class_names=class_names, positive=positive, head=head, recipe=recipe, input_size=input_size
    )
    source = {"weights": path.name, "file_sha256": sha256_of(path), "left_out": list(left_out)}
    return dataclasses.replace(classifier, factory=factory, provenance=classifier.provenance | source)
