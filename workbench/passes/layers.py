"""Finding layers: the one to explain, the stages, and the linear head, by watching one forward pass.

Each 4-d tensor carries a note of where it comes from while the network runs on noise. So functional calls are seen as
well as modules, and nothing needs to be known about the architecture.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from workbench.core.errors import ModelError
from workbench.core.registry import unknown_name
from workbench.passes.functions import CONCATENATIONS, OTHER_NONLINEARITIES, POOLS, first_tensor, is_relu

NOTE = "_workbench_origin"


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
    """

    module: str
    relu: bool = False
    call: int = 0

    def __str__(self) -> str:
        return self.module + ("+relu" if self.relu else "") + (f"#{self.call}" if self.call else "")


@dataclass(frozen=True)
class Stage:
    """The last rectified tensor at one resolution, or the first convolution's."""

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
        The last spatial tensor before pooling, after its activation; None where the network has none.
    stages
        The first convolution's ReLU and the end of each stage, after its ReLU.
    linear_head
        Name of the linear layer (or 1x1 convolution) that makes outputs of the pooled tensor; None where there are
        several layers between, as in VGG.
    taps
        Every place that can be named, in the order in which the pass reaches them, with (c, h, w).
    outputs
        Number of logits.
    other_nonlinearities
        Names of the nonlinearities that are not ReLUs.
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


@dataclass
class _Origin:
    """Where a tensor comes from."""

    module: str
    shape: tuple[int, ...]
    call: int = 0
    relu: bool = False
    rectified: bool = False
    activated: bool = False
    parent: "_Origin | None" = field(default=None, repr=False)
    """For a pool: what went in."""

    @property
    def tap(self) -> Tap:
        return Tap(self.module, self.relu, self.call)


class _Watch(TorchFunctionMode):
    """Notes on every 4-d tensor where it comes from."""

    def __init__(self) -> None:
        super().__init__()
        self.origins: list[_Origin] = []
        self.calls: Counter[str] = Counter()
        self.pooled: list[_Origin] = []
        """What went into a pool, a mean, or whatever else gives fewer axes, in order."""
        self.linears: list[tuple[str, int, bool]] = []
        self.nonlinearities: dict[str, None] = {}

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = first_tensor(args, kwargs)
        before = getattr(first, NOTE, None)
        out = func(*args, **kwargs)
        if is_relu(func, args, kwargs):
            self._note(out, before, rectified=True)
        elif func in OTHER_NONLINEARITIES:
            self.nonlinearities[OTHER_NONLINEARITIES[func]] = None
            self._note(out, before, rectified=False)
        elif func in CONCATENATIONS:
            parts = [getattr(part, NOTE, None) for part in args[0]]
            if all(part is not None and part.rectified for part in parts):
                _mark(out, _Origin("", tuple(out.shape[1:]), rectified=True, activated=True))
        elif func in POOLS or _leaves_space(first, out):
            self._pool(first, out, before)
        return out

    def module_output(self, name: str, module: nn.Module, _inputs: Any, out: Any) -> None:
        """Note that a module's output is this tensor: the outermost module that hands it on gives the name."""
        call = self.calls[name]
        self.calls[name] += 1
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)):
            self.linears.append((name, len(self.pooled), isinstance(module, nn.Linear)))
        if not (isinstance(out, Tensor) and out.ndim == 4):
            return
        origin = getattr(out, NOTE, None)
        if origin is None:
            _mark(out, origin := _Origin(name, tuple(out.shape[1:]), call))
        elif origin.relu or not origin.module or name.count(".") <= origin.module.count("."):
            origin.module, origin.call, origin.relu = name, call, False
        if origin not in self.origins[-8:]:
            self.origins.append(origin)

    def _note(self, out: Any, before: _Origin | None, *, rectified: bool) -> None:
        if not (isinstance(out, Tensor) and out.ndim == 4):
            return
        module, call = (before.module, before.call) if before else ("", 0)
        origin = _Origin(module, tuple(out.shape[1:]), call, relu=rectified, rectified=rectified, activated=True)
        _mark(out, origin)
        self.origins.append(origin)

    def _pool(self, first: Any, out: Any, before: _Origin | None) -> None:
        if first.ndim != 4:
            return
        before = before or _Origin("", tuple(first.shape[1:]))  # a sum, for example, which no module hands on
        self.pooled.append(before)
        if isinstance(out, Tensor) and out.ndim == 4:
            _mark(out, _Origin("", tuple(out.shape[1:]), rectified=before.rectified, parent=before))


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
    noise = torch.randn((1, *input_shape), generator=torch.Generator().manual_seed(0)).to(parameter)
    watch = _Watch()
    with ExitStack() as stack:
        stack.enter_context(evaluation_mode(module))
        for name, part in module.named_modules():
            if name:
                handle = part.register_forward_hook(partial(watch.module_output, name))
                stack.callback(handle.remove)
        stack.enter_context(torch.no_grad())
        stack.enter_context(watch)
        try:
            outputs = module(noise)
        except (RuntimeError, ValueError, TypeError, AssertionError) as error:
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"the network refuses an input of shape {(1, *input_shape)}: {line}") from error
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ModelError(f"the network returns {shape}; wanted a tensor (n, outputs) of logits")
    return _layers(watch, module, outputs.shape[1])


class evaluation_mode:  # noqa: N801 - reads as a statement: with evaluation_mode(module)
    """Put a network into evaluation mode and give every part its own mode back afterwards."""

    def __init__(self, module: nn.Module) -> None:
        self._modes = [(part, part.training) for part in module.modules()]

    def __enter__(self) -> None:
        for part, _ in self._modes:
            part.training = False

    def __exit__(self, *_error: object) -> None:
        for part, training in self._modes:
            part.training = training


def _layers(watch: _Watch, module: nn.Module, outputs: int) -> Layers:
    spatial = [origin for origin in watch.origins if origin.module and _is_spatial(origin)]
    explained = _explained(watch, spatial, outputs)
    return Layers(
        explained=explained.tap if explained else None,
        stages=_stages([origin for origin in spatial if origin.rectified and origin.parent is None]),
        linear_head=_linear_head(watch, module, explained, outputs),
        taps={origin.tap: _shape(origin) for origin in spatial},
        outputs=outputs,
        other_nonlinearities=tuple(watch.nonlinearities),
        scripted=any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()),
    )


def _explained(watch: _Watch, spatial: list[_Origin], outputs: int) -> _Origin | None:
    """Walk back from the last pool: over max pools, and over a convolution that makes the class scores."""
    pooled = [origin for origin in watch.pooled if _is_spatial(origin)]
    if not pooled:
        candidates = [origin for origin in spatial if origin.activated] or spatial
        return candidates[-1] if candidates else None
    last = pooled[-1]
    while last.parent is not None and last.parent.rectified:
        last = last.parent
    makes_scores = not any(after == len(watch.pooled) and linear for _, after, linear in watch.linears)
    if makes_scores and last.shape[0] == outputs:
        alike = [origin for origin in spatial if origin.activated and origin.shape[1:] == last.shape[1:]]
        earlier = [origin for origin in alike if origin.module.split(".")[0] != last.module.split(".")[0]]
        last = earlier[-1] if earlier else last
    return last if last.module else None


def _linear_head(watch: _Watch, module: nn.Module, explained: _Origin | None, outputs: int) -> str | None:
    """Return the last linear layer or 1x1 convolution if it takes the explained channels and makes the outputs."""
    if explained is None or not watch.linears:
        return None
    name = watch.linears[-1][0]
    weight = module.get_submodule(name).weight
    return name if isinstance(weight, Tensor) and tuple(weight.shape[:2]) == (outputs, explained.shape[0]) else None


def _stages(rectified: Iterable[_Origin]) -> tuple[Stage, ...]:
    ordered = list(rectified)
    if not ordered:
        return ()
    ends: dict[tuple[int, ...], _Origin] = {}
    for origin in ordered:  # the last one of the outermost modules: a ResNet's layer1, not layer2.0.relu
        best = ends.get(origin.shape[1:])
        if best is None or origin.module.count(".") <= best.module.count("."):
            ends[origin.shape[1:]] = origin
    chosen = list(dict.fromkeys([ordered[0].tap, *(origin.tap for origin in ends.values())]))
    shapes = {origin.tap: _shape(origin) for origin in ordered}
    chosen.sort(key=[origin.tap for origin in ordered].index)
    titles = ["first convolution", *(f"stage {number}" for number in range(1, len(chosen)))]
    return tuple(Stage(tap, title, shapes[tap]) for tap, title in zip(chosen, titles, strict=True))


def _shape(origin: _Origin) -> tuple[int, int, int]:
    channels, height, width = origin.shape
    return channels, height, width


def _is_spatial(origin: _Origin) -> bool:
    return len(origin.shape) == 3 and origin.shape[1] * origin.shape[2] > 1


def _leaves_space(first: Any, out: Any) -> bool:
    """Say whether an image tensor loses an axis, but not all of them: a mean, a flattening, a view, a choice."""
    if not isinstance(first, Tensor) or isinstance(first, nn.Parameter) or not isinstance(out, Tensor):
        return False
    return first.ndim == 4 and 1 < out.ndim < 4


def _mark(tensor: Tensor, origin: _Origin) -> None:
    setattr(tensor, NOTE, origin)
