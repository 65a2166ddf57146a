"""Weights as safetensors: read, checked against a network, and hashed. A pickle is refused, never opened."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from workbench.core.errors import ModelError
from workbench.core.files import write_bytes

PICKLE_STARTS = (b"PK\x03\x04", b"\x80")
"""How torch.save's zip and a bare pickle begin."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, half precision as float32; a ModelError says what it is instead."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: the weights cannot be read ({error.strerror})") from error
    if content.startswith(PICKLE_STARTS):
        raise ModelError(f"{path}: a pickle, which could run code; give the weights as safetensors")
    try:
        tensors = load(content)
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"{path}: not a safetensors file ({error})") from error
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def is_pickle(path: Path) -> bool:
    """Say whether a file is what ``torch.save`` writes; a ModelError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(PICKLE_STARTS)
    except OSError as error:
        raise ModelError(f"{path}: the weights cannot be read ({error.strerror})") from error


def write_weights(weights: nn.Module | Mapping[str, Tensor], path: Path) -> None:
    """Write all parameters and buffers of a network, or tensors by name, as safetensors, atomically."""
    state = weights.state_dict() if isinstance(weights, nn.Module) else weights
    write_bytes(path, save({name: tensor.cpu().contiguous().clone() for name, tensor in state.items()}))


def load_weights(module: nn.Module, state: Mapping[str, Tensor], wanted: str) -> None:
    """Load tensors into a network, every one and no other; a ModelError names the first that does not fit.

    A counter of batches that BatchNorm keeps is not a weight: it may be absent.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in own]
    shapes = [name for name in state if name in own and state[name].shape != own[name].shape]
    if missing or unexpected or shapes:
        first = (missing or unexpected or shapes)[0]
        kind = "is missing" if missing else "is not part of it" if unexpected else "has another shape"
        raise ModelError(
            f"these are not the weights of {wanted}: {first} {kind} "
            f"({len(missing)} missing, {len(unexpected)} unknown, {len(shapes)} of another shape)"
        )
    complete = OrderedDict(state)
    complete._metadata = getattr(state, "_metadata", own._metadata)  # type: ignore[attr-defined]  # torch's own way to
    module.load_state_dict(complete, strict=False)  # keep versions of formats, which some networks insist on


def weights_digest(module: nn.Module) -> str:
    """Return the SHA-256 over names, types, shapes and values of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
