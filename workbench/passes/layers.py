"""Finding layers: the one to explain, the stages, and the linear head, by watching one forward pass on noise."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from workbench.core.errors import ModelError
from workbench.core.registry import unknown_name
from workbench.passes.layouts import Layout
from workbench.passes.watching import AVERAGED, Averaged, Origin, Watch

FILMS = 2
"""Noise images of the pass; what has another first axis is no image for each film, such as windows of attention."""


@dataclass(frozen=True)
class Tap:
    """A place where a tensor can be recorded.

    Parameters
    ----------
    module
        Dotted name of the module whose output it is.
    relu
        Whether it is the functional ReLU of that output: DenseNet's last activation has no module.
    call
        Which call of the module in one forward pass; a ResNet block calls its one ReLU several times.
    layout
        What the axes of the recorded tensor mean; does not tell taps apart.
    """

    module: str
    relu: bool = False
    call: int = 0
    layout: Layout = field(default=Layout(), compare=False)

    def __str__(self) -> str:
        return self.module + ("+relu" if self.relu else "") + (f"#{self.call}" if self.call else "")


@dataclass(frozen=True)
class Stage:
    """The last activated tensor at one resolution, or the first convolution's."""

    tap: Tap
    title: str
    shape: tuple[int, int, int]
    """Channels, height, width."""


@dataclass(frozen=True)
class Layers:
    """What one forward pass shows of a network.

    Parameters
    ----------
    explained
        The last spatial tensor before pooling, after its activation; with a linear head, what is averaged. Where a
        transformer's class token makes the outputs, the tokens that its last attention reads: those behind it have no
        influence. None where the network has none, or no module hands it on.
    stages
        The first convolution and the end of each stage, after their activations.
    linear_head
        Name of the linear layer (or 1x1 convolution) that makes the outputs of the explained tensor's means; None
        where anything else happens in between, as in VGG.
    taps
        Every place that can be named, in the order in which the pass reaches them, with (c, h, w).
    outputs
        Number of logits.
    other_nonlinearities
        Names of the activations that are not ReLUs. Sigmoids and softmaxes that weigh another tensor beside ReLUs, as
        in squeeze and excitation, are gates and not counted.
    scripted
        Whether a part is compiled by TorchScript, whose inside cannot be watched.
    """

    explained: Tap | None
    stages: tuple[Stage, ...]
    linear_head: str | None
    taps: dict[Tap, tuple[int, int, int]]
    outputs: int = 0
    other_nonlinearities: tuple[str, ...] = ()
    scripted: bool = False

    def tap(self, name: str) -> Tap:
        """Return the place called ``name``, such as ``features.norm5+relu``; an unknown one is a ModelError."""
        by_name = {str(tap): tap for tap in self.taps}
        if name not in by_name:
            raise ModelError(str(unknown_name("layer", name, by_name)))
        return by_name[name]


def find_layers(module: nn.Module, input_shape: tuple[int, int, int]) -> Layers:
    """Find the layers of a network by one forward pass on noise.

    Parameters
    ----------
    module
        Any image classifier; its mode, hooks and parameters are left as found.
    input_shape
        Channels, height, width of an input it takes.

    Returns
    -------
    Layers
        What was found.

    Raises
    ------
    ModelError
        The network does not take such an input, or its output is not (n, outputs).
    """
    parameter = next(module.parameters(), torch.zeros(()))
    noise = torch.randn((FILMS, *input_shape), generator=torch.Generator().manual_seed(0)).to(parameter)
    watch = Watch(FILMS, input_shape[1:])
    with ExitStack() as stack:
        stack.enter_context(evaluation_mode(module))
        for name, part in module.named_modules():
            if name and not isinstance(part, torch.jit.ScriptModule):  # these take no hooks
                handle = part.register_forward_hook(partial(watch.module_output, name))
                stack.callback(handle.remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(watch)
        try:
            outputs = module(noise)
        except (RuntimeError, ValueError, TypeError, AssertionError) as error:
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"the network refuses an input of shape {(FILMS, *input_shape)}: {line}") from error
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ModelError(f"the network returns {shape}; wanted a tensor (n, outputs) of logits")
    return _layers(watch, module, outputs)


class evaluation_mode:  # noqa: N801 - reads as a statement: with evaluation_mode(module)
    """Put a network into evaluation mode and give every part its own mode back afterwards."""

    def __init__(self, module: nn.Module) -> None:
        self._training = [part for part in module.modules() if part.training]  # mostly none: setting all takes 1 ms

    def __enter__(self) -> None:
        for part in self._training:
            part.training = False

    def __exit__(self, *_error: object) -> None:
        for part in self._training:
            part.training = True


def _layers(watch: Watch, module: nn.Module, outputs: Tensor) -> Layers:
    spatial = [origin for origin in watch.origins if origin.module and origin.is_spatial]
    count = outputs.shape[1]
    found = _with_linear_head(getattr(outputs, AVERAGED, None), module, count)
    explained, linear_head = found or (_explained(watch, spatial, count), None)
    return Layers(
        explained=_tap(explained) if explained else None,
        stages=_stages([each for each in spatial if each.activated and not each.pooled and each.layout.grid == (0, 0)]),
        linear_head=linear_head,
        taps={_tap(origin): origin.sizes for origin in spatial},
        outputs=count,
        other_nonlinearities=tuple(watch.nonlinearities if watch.rectifies else watch.nonlinearities | watch.gates),
        scripted=any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()),
    )


def _with_linear_head(mean: Averaged | None, module: nn.Module, outputs: int) -> tuple[Origin, str] | None:
    """Return what is averaged and weighed, and by which layer; None where the outputs are not such a sum.

    The order may be the other way round: SqueezeNet weighs first, by a 1x1 convolution, and then averages.
    """
    if mean is None:
        return None
    origin, name = (mean.origin, mean.linear) if mean.linear else (mean.origin.source, mean.origin.linear)
    if origin is None or not name or not origin.module:
        return None
    weight = module.get_submodule(name).weight
    fits = isinstance(weight, Tensor) and tuple(weight.shape[:2]) == (outputs, origin.sizes[0])
    return (origin, name) if fits else None


def _explained(watch: Watch, spatial: list[Origin], outputs: int) -> Origin | None:
    """Walk back from the last pool: over max pools, and over a convolution that makes the class scores."""
    if not watch.pooled:
        candidates = [origin for origin in spatial if origin.activated] or spatial
        return candidates[-1] if candidates else None
    last = watch.pooled[-1]
    if last.layout.name == "tokens" and watch.selects:
        return _last_attended(watch, last)
    if watch.attentions_since > 1:  # it became tokens that are rearranged, and nobody knows where they are
        return None
    while last.pooled and last.source is not None and last.source.activated:
        last = last.source
    if not watch.last_is_vector and last.sizes[0] == outputs:
        alike = [origin for origin in spatial if origin.activated and origin.sizes[1:] == last.sizes[1:]]
        earlier = [origin for origin in alike if origin.module.split(".")[0] != last.module.split(".")[0]]
        last = earlier[-1] if earlier else last
    return last if last.module else None


def _last_attended(watch: Watch, last: Origin) -> Origin:
    """Return the tokens that the last attention reads: what it does not mix into the chosen token, no output sees."""
    before = [
        each for each in watch.origins[: watch.attended] if each.shape == last.shape and each.layout == last.layout
    ]
    return next((each for each in reversed(before) if each.part is not nn.Linear), last)


def _tap(origin: Origin) -> Tap:
    return Tap(origin.module, origin.relu, origin.call, origin.layout)


def _stages(activated: Sequence[Origin]) -> tuple[Stage, ...]:
    if not activated:
        return ()
    ends: dict[tuple[int, int], Origin] = {}
    for origin in activated:  # the last one of the outermost modules: a ResNet's layer1, not layer2.0.relu
        best = ends.get(origin.sizes[1:])
        if best is None or origin.module.count(".") <= best.module.count("."):
            ends[origin.sizes[1:]] = origin
    chosen = sorted(
        {_tap(each) for each in (activated[0], *ends.values())}, key=[_tap(each) for each in activated].index
    )
    sizes = {_tap(origin): origin.sizes for origin in activated}
    first = "first convolution" if activated[0].layout.name == "nchw" else "first activation"
    titles = [first, *(f"stage {number}" for number in range(1, len(chosen)))]
    return tuple(Stage(tap, title, sizes[tap]) for tap, title in zip(chosen, titles, strict=True))
