"""Watching a network run once: each tensor carries a note of where it comes from.

So functional calls are seen as well as modules, and nothing needs to be known about the architecture. Two notes are
kept: where an image or its tokens come from, and of which image a vector is the mean.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from workbench.passes.functions import (
    ATTENTIONS,
    AVERAGES,
    CONCATENATIONS,
    CONVOLUTIONS,
    GATES,
    OTHER_NONLINEARITIES,
    POOLS,
    RESHAPES,
    first_tensor,
    is_relu,
)
from workbench.passes.layouts import Layout, layout_of

ORIGIN = "_workbench_origin"
AVERAGED = "_workbench_averaged"
NOTHING = Layout("")
"""Of attention weights and other tensors that look like images and are none."""


@dataclass(eq=False)
class Origin:
    """Where an image comes from."""

    module: str
    shape: tuple[int, ...]
    layout: Layout
    call: int = 0
    relu: bool = False
    rectified: bool = False
    activated: bool = False
    linear: str = ""
    """The 1x1 convolution that made it."""
    source: "Origin | None" = field(default=None, repr=False)
    """For a pool or a 1x1 convolution: what went in."""
    pooled: bool = False
    part: type[nn.Module] = nn.Module
    """Kind of module that made it."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.layout.sizes(self.shape)

    @property
    def is_spatial(self) -> bool:
        """Whether it has more than one place."""
        return self.layout is not NOTHING and self.sizes[1] * self.sizes[2] > 1


@dataclass(frozen=True)
class Averaged:
    """A tensor that is the mean of an image, reshaped at most; or a linear layer of that."""

    origin: Origin
    linear: str = ""
    """The linear layer; empty where none has followed."""


class Watch(TorchFunctionMode):
    """Notes on every image and every mean of one where it comes from."""

    def __init__(self, films: int, input_size: tuple[int, int]) -> None:
        super().__init__()
        self.films = films
        self.origins: list[Origin] = []
        self.calls: Counter[str] = Counter()
        self.pooled: list[Origin] = []
        """What went into a pool, a mean, or whatever else gives fewer axes, in order."""
        self.last_is_vector = False
        """Whether a linear layer followed the last pool."""
        self.nonlinearities: dict[str, None] = {}
        self.gates: dict[str, None] = {}
        self.rectifies = False
        """Whether there was a ReLU."""
        self.attended = 0
        """How many origins there were at the last attention."""
        self.attentions_since = 0
        """How many attentions have followed the last pool."""
        self.selects = False
        """Whether the last pool of tokens took one of them instead of their mean."""
        self._resolutions = {input_size}
        self._grid: tuple[int, int] | None = None

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = first_tensor(args, kwargs)
        before, mean = getattr(first, ORIGIN, None), getattr(first, AVERAGED, None)
        if func in ATTENTIONS:
            self.attended = len(self.origins)
            self.attentions_since += 1
        out = func(*args, **kwargs)
        if not isinstance(out, Tensor) or isinstance(out, nn.Parameter):
            return out
        if func in CONVOLUTIONS or func in POOLS:
            self._resolutions.add((out.shape[-2], out.shape[-1]))
        if mean is not None:
            setattr(out, AVERAGED, mean if _keeps_mean(func, first, out) else None)
        if is_relu(func, args, kwargs):
            self.rectifies = True
            self._activate(out, before, rectified=True)
        elif func in GATES:
            self.gates[OTHER_NONLINEARITIES[func]] = None
            self._gate(out)
        elif func in OTHER_NONLINEARITIES:
            self.nonlinearities[OTHER_NONLINEARITIES[func]] = None
            self._activate(out, before, rectified=False)
        elif func in CONCATENATIONS:
            self._concatenate(out, [getattr(part, ORIGIN, None) for part in args[0]])
        elif func in POOLS or self._leaves_space(first, out):
            self._pool(func, first, out, before)
        return out

    def module_output(self, name: str, module: nn.Module, inputs: Any, out: Any) -> None:
        """Note that a module's output is this tensor: the outermost module that hands it on gives the name."""
        call = self.calls[name]
        self.calls[name] += 1
        if not isinstance(out, Tensor) or isinstance(out, nn.Parameter):
            return
        if is_linear(module):
            self.last_is_vector |= isinstance(module, nn.Linear)
            mean = getattr(inputs[0], AVERAGED, None)
            if mean is not None and not mean.linear:
                setattr(out, AVERAGED, replace(mean, linear=name))
        if (origin := getattr(out, ORIGIN, None)) is None:
            origin = self._origin(out, module=name, call=call, part=type(module))
            if origin is not None and is_linear(module):
                origin.linear, origin.source = name, getattr(inputs[0], ORIGIN, None)
        elif origin.layout is not NOTHING and _is_outer(name, origin):
            origin.module, origin.call, origin.relu = name, call, False
        if origin is not None and not any(origin is each for each in self.origins[-8:]):
            self.origins.append(origin)

    def _origin(self, out: Tensor, **about: Any) -> Origin | None:
        """Note where an image comes from; None where the tensor is not one of an image for each film."""
        shape = tuple(out.shape[1:])
        layout = layout_of(shape, self._resolutions, self._grid) if len(out) == self.films else None
        if layout is None:
            return None
        origin = Origin(about.pop("module", ""), shape, layout, **about)
        setattr(out, ORIGIN, origin)
        return origin

    def _activate(self, out: Tensor, before: Origin | None, *, rectified: bool) -> None:
        module, call = (before.module, before.call) if before and rectified else ("", 0)
        about = {"module": module, "call": call, "relu": rectified, "rectified": rectified, "activated": True}
        origin = self._origin(out, **about)
        if origin is not None:
            self.origins.append(origin)

    def _gate(self, out: Tensor) -> None:
        if out.ndim > 2:
            setattr(out, ORIGIN, Origin("", tuple(out.shape[1:]), NOTHING))

    def _concatenate(self, out: Tensor, parts: list[Origin | None]) -> None:
        if all(part is not None and part.activated for part in parts):
            self._origin(out, rectified=all(part is not None and part.rectified for part in parts), activated=True)

    def _pool(self, func: Any, first: Tensor, out: Tensor, before: Origin | None) -> None:
        before = before or self._nameless(first)
        if before is None or not before.is_spatial:
            return
        self.pooled.append(before)
        self.last_is_vector, self.attentions_since = False, 0
        if out.ndim == 4:
            activated = {"rectified": before.rectified, "activated": before.activated}
            self._origin(out, source=before, pooled=True, **activated)
        elif out.ndim == 3 and out.numel() == first.numel():
            self._grid = before.sizes[1:]
        if before.layout.name == "tokens":
            self.selects = func not in AVERAGES
        if func in AVERAGES or out.numel() == first.numel():
            setattr(out, AVERAGED, Averaged(before))

    def _nameless(self, first: Tensor) -> Origin | None:
        """Return the origin of a sum, for example, which no module hands on; for tokens the last ones that one did."""
        if first.ndim == 3:
            return next((each for each in reversed(self.origins) if each.layout.name == "tokens"), None)
        shape = tuple(first.shape[1:])
        layout = layout_of(shape, self._resolutions, None) if len(first) == self.films else None
        return Origin("", shape, layout) if layout else None

    def _leaves_space(self, first: Any, out: Tensor) -> bool:
        """Say whether an image loses an axis, but not all of them: a mean, a flattening, a view, a choice."""
        if first is None or isinstance(first, nn.Parameter) or len(first.shape) not in (3, 4):
            return False
        if first.ndim == 3:
            tokens = layout_of(tuple(first.shape[1:]), (), self._grid)
            return tokens is not None and out.ndim == 2 and len(out) == len(first) == self.films
        return 1 < out.ndim < 4


def is_linear(module: nn.Module) -> bool:
    """Say whether a module weighs channels and does nothing else."""
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1))


def _is_outer(name: str, origin: Origin) -> bool:
    return origin.relu or not origin.module or name.count(".") <= origin.module.count(".")


def _keeps_mean(func: Any, first: Tensor, out: Tensor) -> bool:
    return func in AVERAGES or (func in RESHAPES and out.numel() == first.numel())
