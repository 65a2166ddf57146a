"""Writes docs/layers.md: which layer is explained in every classifier of torchvision and in one of each timm family.

Networks are built without weights, so the largest ones cost no memory: ``python docs/layers.py``, about two minutes.
"""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from workbench.core.errors import ModelError
from workbench.core.files import write_text
from workbench.models.architectures import ARCHITECTURES, PAPER_NETWORKS, STANDS_IN, TIMM, TORCHVISION, weightless
from workbench.passes.layers import Layers, find_layers

PAGE = Path(__file__).with_suffix(".md")
INPUT_SIZE = 224
INPUT_SIZES = {"inception_v3": 299} | dict.fromkeys(TIMM, 299) | {"nasnetalarge": 331, "pnasnet5large": 331}
SMALL = ("atto", "femto", "pico", "nano", "tiny", "xxs", "small", "mini", "18", "26", "_b0", "lite", "050")
"""Marks of the small members of a family."""
NOT_ON_META = {"csatv2"}
"""Families whose forward pass makes numbers on the CPU; they are built for real."""
INTRODUCTION = """# Layers

What one pass on noise finds, written by `docs/layers.py`. `wb.layers(model)` lists all of a network's layers; any of
them can be named, as `layer=` of a method.

- **explained**: the last spatial tensor before pooling, after its activation. `NAME+relu` is the functional ReLU of
  that module's output, `NAME#1` its second call. Where a class token makes the outputs, it is what the last attention
  reads: the other tokens behind it have no influence on the outputs.
- **layout**: what the axes are: `nchw`; `nhwc`; `tokens (1 + 14 x 14)` with the tokens in front that are no place.
- **CAM**: the linear layer that makes the outputs of the explained layer's means. Without one, CAM refuses and names
  Grad-CAM: several linear layers (AlexNet, VGG, MobileNetV3) or a norm in between (ConvNeXt, MaxViT, ViT).
- **guided**: whether every nonlinearity is a ReLU, as guided backprop wants it.
- **stages**: how many the layer activations show.
"""


def layers_of(build: Callable[[], nn.Module], size: int, *, on_meta: bool = True) -> Layers | None:
    """Return what is found in a network; None where it takes no image of this size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other libraries, about their own future
        try:
            return find_layers(weightless(build) if on_meta else build(), (3, size, size))
        except ModelError:
            return None


def torchvision_layers() -> Iterator[tuple[str, int, Layers | None]]:
    """Yield name, input size and layers of every architecture of the zoo that comes from torchvision."""
    for name in TORCHVISION:
        size = INPUT_SIZES.get(name, INPUT_SIZE)
        yield name, size, layers_of(partial(ARCHITECTURES.get(name), 2), size)


def timm_layers() -> Iterator[tuple[str, int, Layers | None]]:
    """Yield name, input size and layers of a small member of each family of timm, and of those in the zoo."""
    import timm

    for name in dict.fromkeys([*map(_small_member, timm.list_modules()), *TIMM]):
        size = timm.get_pretrained_cfg(name).input_size[1]
        build = partial(timm.create_model, name, num_classes=2)
        yield name, size, layers_of(build, size, on_meta=name not in NOT_ON_META)


def _small_member(family: str) -> str:
    import timm

    names = timm.list_models(module=family)
    return min(names, key=lambda name: (not any(mark in name for mark in SMALL), len(name), name))


def _row(name: str, size: int, found: Layers | None) -> list[Any]:
    if found is None or found.explained is None:
        return [name, size, "none: name a layer" if found and found.taps else "none", "", "", "", "", ""]
    guided = "no: " + ", ".join(found.other_nonlinearities) if found.other_nonlinearities else "yes"
    shape = " x ".join(map(str, found.taps[found.explained]))
    head = f"`{found.linear_head}`" if found.linear_head else "no"
    layout = str(found.explained.layout)
    return [name, size, f"`{found.explained}`", layout, shape, head, guided, len(found.stages)]


def _table(columns: list[str], rows: list[list[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def page() -> str:
    """Return the whole page."""
    columns = ["network", "input", "explained", "layout", "channels x height x width", "CAM", "guided", "stages"]
    papers = [
        [paper, network, f"`{architecture}`", STANDS_IN.get((paper, network), "")]
        for paper, networks in PAPER_NETWORKS.items()
        for network, architecture in networks.items()
    ]
    parts = [
        INTRODUCTION,
        "## torchvision\n",
        _table(columns, [_row(*each) for each in torchvision_layers()]),
        "## timm\n\nOne small network of each family, and those that the zoo has.\n",
        _table(columns, [_row(*each) for each in timm_layers()]),
        "## What stands for the papers' networks\n",
        _table(["paper", "network", "architecture", "what differs"], papers),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    write_text(PAGE, page())
