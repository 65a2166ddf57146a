"""Networks that the user's own code builds: a factory named ``package.module:function``, and weights from anywhere.

The factory is code and is run; the weights are data and are never: pickles are read with ``weights_only``.
"""

import importlib
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core.errors import ModelError
from workbench.core.files import project_root
from workbench.models.weights import is_pickle, read_weights

NESTS = ("state_dict", "model_state_dict", "model", "module", "net", "ema_state_dict")
"""Where trainers put the weights in a checkpoint, the first one that is there counts."""
PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "network.", "backbone.")
"""What DataParallel, Lightning and torch.compile write before each name."""
DEEPEST = 4
"""Nests and prefixes that are taken off one after another."""


def build_network(factory: str) -> nn.Module:
    """Import a factory and return the network that it builds, in evaluation mode.

    Parameters
    ----------
    factory
        ``package.module:function``, called without arguments; a class will do. The module is looked for where Python
        looks, then in the working directory and in the project's root.

    Returns
    -------
    nn.Module
        With whatever weights the factory gave it.

    Raises
    ------
    ModelError
        There is no such module or attribute, or what it returns is no network.
    """
    module_name, colon, name = factory.partition(":")
    if not (module_name and colon and name):
        raise ModelError(f"factory {factory!r}: wanted package.module:function, such as my_project.nets:build")
    for folder in (str(Path.cwd()), str(project_root())):
        if folder not in sys.path:
            sys.path.append(folder)  # last, so that no file of the user's hides an installed package
    importlib.invalidate_caches()
    try:
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"factory {factory}: no module is called {error.name!r}; run from the folder it lies in"
        ) from error
    except AttributeError as error:
        raise ModelError(f"factory {factory}: {error}") from error
    network = found() if callable(found) else found
    if not isinstance(network, nn.Module):
        raise ModelError(f"factory {factory}: gave {type(network).__name__}; wanted a function that returns a network")
    return network.eval()


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the weights of a file of any trainer.

    Parameters
    ----------
    path
        Safetensors, or what ``torch.save`` wrote: a state dict, or a checkpoint that holds one.

    Returns
    -------
    dict
        Name -> tensor, as the file has them.

    Raises
    ------
    ModelError
        It cannot be read, or holds more than data, such as a whole network.
    """
    if not is_pickle(path):
        return read_weights(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError) as error:
        raise ModelError(
            f"{path}: holds more than weights, or is damaged; where it was made, "
            "torch.save(network.state_dict(), FILE) writes one that can be read"
        ) from error
    for _ in range(DEEPEST):
        if not isinstance(content, Mapping):
            break
        if content and all(isinstance(each, Tensor) for each in content.values()):
            return {str(name): tensor for name, tensor in content.items()}
        content = next((content[nest] for nest in NESTS if isinstance(content.get(nest), Mapping)), None)
    raise ModelError(f"{path}: holds no weights by name; looked into it and into {', '.join(NESTS)}")


def fitted_names(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Take off the prefixes that trainers put before the names of a network's weights.

    Parameters
    ----------
    state
        Weights as a file has them.
    own
        The network's state dict.

    Returns
    -------
    tuple
        The weights under the network's names, as far as prefixes can tell, and the names of those left out because
        they lie outside of the prefix: a loss's class weights, a metric's counts.
    """
    named, left_out = dict(state), list[str]()
    for _ in range(DEEPEST):
        if own.keys() & named.keys():
            break
        prefix = next((each for each in PREFIXES if any(name.startswith(each) for name in named)), None)
        if prefix is None:
            break
        left_out += [name for name in named if not name.startswith(prefix)]
        named = {name.removeprefix(prefix): tensor for name, tensor in named.items() if name.startswith(prefix)}
    return named, tuple(left_out)
