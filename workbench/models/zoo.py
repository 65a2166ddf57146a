"""Classifiers of the zoo: an architecture by name, with a head for our classes, and weights from somewhere."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse

import torch
import torchvision
from torch import Tensor, nn

from workbench.core.errors import ModelError, RunError
from workbench.imaging.recipes import Recipe
from workbench.models.architectures import ARCHITECTURES, CONVOLUTIONS_OF, TIMM, TORCHVISION, head_name, replace_head
from workbench.models.classifier import Classifier
from workbench.models.head import Head
from workbench.models.weights import load_weights, read_weights, weights_digest
from workbench.runs.locations import find_run

IMAGENET_CLASSES = 1000
MODEL_FILE = "model.safetensors"
"""In the folder of a training run."""
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
"""Heads that Inception and GoogLeNet have for their first training alone."""
NO_WEIGHTS = "{name} has no ImageNet weights; use weights='random' or the path of a safetensors file"
TIMM_FILES = ("model.safetensors", "pytorch_model.bin")
"""The one or the other holds the weights, in each of timm's folders."""
OLD_DENSENET_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\.")


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
        ``random``, ``imagenet`` (torchvision or timm downloads them), the path of a safetensors file with the weights
        of this architecture for ImageNet's 1000 classes or for these classes, a folder that holds such a file under the
        architecture's name, or an earlier training run (id, unique beginning, folder, ``latest:train``) to go on from.
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


def _pretrained(name: str, build: Callable[..., nn.Module], weights: str, outputs: int) -> nn.Module:
    state = imagenet_weights(name) if weights == "imagenet" else read_weights(weights_file(weights, name))
    module = build(outputs)
    own, theirs = (each.get(f"{head_name(module)}.weight") for each in (module.state_dict(), state))
    if own is not None and theirs is not None and own.shape == theirs.shape:
        load_weights(module, state, f"{name} with {outputs} outputs")
        return module
    if name in CONVOLUTIONS_OF:  # the head is another one than that of ImageNet's network
        convolutions = {key: tensor for key, tensor in state.items() if key.startswith("features.")}
        load_weights(module, {**module.state_dict(), **convolutions}, name)
        return module
    module = build(IMAGENET_CLASSES)
    load_weights(module, state, f"{name} for ImageNet's {IMAGENET_CLASSES} classes")
    replace_head(module, outputs)
    return module


def weights_file(weights: str, architecture: str) -> Path:
    """Return the file that stored weights mean: their own path, one in a folder, or the model of an earlier run.

    A ModelError says in one line that there is none, and what would do.
    """
    path = Path(weights)
    found = [path, path / f"{architecture}.safetensors", path / MODEL_FILE]
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        with suppress(RunError):
            found.append(find_run(weights).folder / MODEL_FILE)
    file = next((each for each in found if each.is_file()), None)
    if file is None:
        raise ModelError(
            f"weights {weights!r}: neither random, imagenet, a safetensors file, "
            f"a folder with {architecture}.safetensors nor a training run"
        )
    return file


def imagenet_weights(architecture: str) -> Mapping[str, Tensor]:
    """Return an architecture's weights for ImageNet, downloaded where they are not in the library's cache.

    A ModelError says in one line that there are none, or why they cannot be had.
    """
    name = _imagenet_name(architecture)
    source = "torchvision" if name in TORCHVISION else "timm"
    try:
        return _from_torchvision(name) if name in TORCHVISION else _from_timm(name)
    except (URLError, OSError, RuntimeError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{source}'s weights of {name} cannot be downloaded ({line}); "
            "without a network give the path of a safetensors file as weights"
        ) from error


def imagenet_file(architecture: str) -> Path | None:
    """Return the file of the library's cache that holds an architecture's weights for ImageNet.

    None where they would be downloaded first; a ModelError where nobody has published any.
    """
    name = _imagenet_name(architecture)
    if name in TORCHVISION:
        return _downloaded(torchvision.models.get_model_weights(name).DEFAULT.url)
    import timm
    from huggingface_hub import try_to_load_from_cache

    config = timm.get_pretrained_cfg(name)
    if config.hf_hub_id:
        found = (try_to_load_from_cache(config.hf_hub_id, file) for file in TIMM_FILES)
        return next((Path(each) for each in found if isinstance(each, str)), None)
    if config.url:
        return _downloaded(config.url)
    raise ModelError(NO_WEIGHTS.format(name=name))


def _imagenet_name(architecture: str) -> str:
    """Return the network whose weights for ImageNet an architecture takes: mostly itself."""
    name = CONVOLUTIONS_OF.get(architecture, architecture)
    if name not in (*TORCHVISION, *TIMM):
        raise ModelError(NO_WEIGHTS.format(name=name))
    return name


def _downloaded(url: str) -> Path | None:
    """Return where torch keeps what it has downloaded from an address."""
    path = Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(url).path).name)
    return path if path.is_file() else None


def _from_torchvision(name: str) -> Mapping[str, Tensor]:
    weights = torchvision.models.get_model_weights(name).DEFAULT
    state = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    for key in list(state):  # in place: the mapping also carries the version of its format
        tensor = state.pop(key)
        if not key.startswith(AUXILIARY):
            state[OLD_DENSENET_NAME.sub(r"\1\2.", key)] = tensor
    return state


def _from_timm(name: str) -> Mapping[str, Tensor]:
    import timm

    return timm.create_model(name, pretrained=True).state_dict()
