"""Architectures by name: torchvision's, with a head for our classes, and the compact DenseNet of the demo."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import nn

from workbench.core.errors import ModelError
from workbench.core.registry import Registry
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier
from workbench.models.compact_densenet import compact_densenet
from workbench.models.head import Head
from workbench.models.weights import load_weights, read_weights, weights_digest

ARCHITECTURES: Registry[nn.Module] = Registry("architecture")
"""Name -> function from the number of outputs to a network with random weights."""

IMAGENET_CLASSES = 1000
TORCHVISION = (
    *("densenet121", "densenet161", "densenet169", "densenet201"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d"),
    *("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"),
    *("mobilenet_v2", "squeezenet1_0", "squeezenet1_1"),
)


def _torchvision(name: str, outputs: int) -> nn.Module:
    module = torchvision.models.get_model(name, weights=None)
    if name.startswith("squeezenet"):  # its ReLU after the class scores would forbid a negative logit
        module.classifier[2] = nn.Identity()
    replace_head(module, outputs)
    return module


ARCHITECTURES.register("compact-densenet")(compact_densenet)
for _name in TORCHVISION:
    ARCHITECTURES.register(_name)(partial(_torchvision, _name))


def build_classifier(
    architecture: str,
    *,
    class_names: tuple[str, ...] = ("normal", "abnormal"),
    positive: tuple[str, ...] = ("abnormal",),
    head: str = "softmax",
    recipe: Recipe | None = None,
    weights: str = "random",
    seed: int = 0,
) -> Classifier:
    """Build a classifier of the zoo.

    Parameters
    ----------
    architecture
        A name of :data:`ARCHITECTURES`.
    class_names
        In the order of the probabilities.
    positive
        The abnormal ones.
    head
        ``softmax`` or ``sigmoid``.
    recipe
        How films are prepared; 320 px stretched with ImageNet normalisation where nothing is said.
    weights
        ``random``, ``imagenet`` (torchvision downloads them), or the path of a safetensors file with the weights of
        this architecture for ImageNet's 1000 classes or for these classes.
    seed
        Of the random weights: all of them, or only the new head's.

    Returns
    -------
    Classifier
        In evaluation mode, on the CPU.

    Raises
    ------
    UnknownNameError
        No such architecture; the nearest name is offered.
    ModelError
        The weights cannot be downloaded or read, or belong to another architecture.
    """
    build = ARCHITECTURES.get(architecture)
    meaning = Head.of(head, class_names, positive)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if weights == "random":
            module = build(meaning.outputs)
        else:
            module = _pretrained(architecture, build, weights, meaning.outputs)
    provenance = {"weights": weights, "weights_sha256": weights_digest(module), "seed": seed}
    return Classifier(
        module.eval(), meaning, tuple(class_names), tuple(positive), recipe or Recipe(), architecture, provenance
    )


def replace_head(module: nn.Module, outputs: int) -> None:
    """Put a fresh last layer with ``outputs`` outputs in place of a network's own: linear, or SqueezeNet's 1x1."""
    name, last = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)][-1]
    parent = module.get_submodule(name.rpartition(".")[0])
    if isinstance(last, nn.Conv2d):
        fresh: nn.Conv2d | nn.Linear = nn.Conv2d(last.in_channels, outputs, kernel_size=1)
        nn.init.normal_(fresh.weight, std=0.01)  # as torchvision does for this layer; the default starts far from 0
        nn.init.zeros_(fresh.get_parameter("bias"))
    else:
        fresh = nn.Linear(last.in_features, outputs)
    setattr(parent, name.rpartition(".")[2], fresh)


def _pretrained(name: str, build: Callable[..., nn.Module], weights: str, outputs: int) -> nn.Module:
    state = _downloaded(name) if weights == "imagenet" else read_weights(Path(weights))
    module = build(outputs)
    last, own = list(module.state_dict().items())[-1]  # of the head; a file's own order is another one
    if last in state and state[last].shape == own.shape:
        load_weights(module, state, f"{name} with {outputs} outputs")
        return module
    module = build(IMAGENET_CLASSES)
    load_weights(module, state, f"{name} for ImageNet's {IMAGENET_CLASSES} classes")
    replace_head(module, outputs)
    return module


def _downloaded(name: str) -> dict[str, torch.Tensor]:
    if name not in TORCHVISION:
        raise ModelError(f"{name} has no ImageNet weights; use weights='random' or the path of a safetensors file")
    try:
        return dict(torchvision.models.get_model_weights(name).DEFAULT.get_state_dict(progress=False))
    except (URLError, OSError) as error:
        raise ModelError(
            f"torchvision's weights of {name} cannot be downloaded ({error}); "
            "without a network give the path of a safetensors file as weights"
        ) from error
