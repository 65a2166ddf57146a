"""One forward and one backward pass that serve every method at once.

Nothing is recorded below the lowest layer asked for: the graph starts there. With an input gradient it starts at the
input. Records survive what follows working in place.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from workbench.core.errors import ModelError
from workbench.passes.functions import first_tensor, is_relu
from workbench.passes.layers import Tap, evaluation_mode

NOTE = "_workbench_tap"

Reduction = Callable[[Tensor], Any]
Score = Callable[[Tensor, Tensor], Tensor]
Choose = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Needs:
    """What a method wants to see of a pass.

    Parameters
    ----------
    activations
        Layers whose tensor (n, c, h, w) is kept.
    gradients
        Layers whose tensor and the score's gradient there are kept.
    reductions
        Layers of which only a function's result is kept, so that deep stacks cost no memory; the functions are
        hashable, so that equal ones of several methods run once.
    input_gradient, guided_input_gradient
        The plain gradient at the input, and the one that every ReLU also rectifies on its way back.
    """

    activations: frozenset[Tap] = frozenset()
    gradients: frozenset[Tap] = frozenset()
    reductions: frozenset[tuple[Tap, Reduction]] = frozenset()
    input_gradient: bool = False
    guided_input_gradient: bool = False

    def __or__(self, other: "Needs") -> "Needs":
        """Return what serves both."""
        return Needs(
            self.activations | other.activations,
            self.gradients | other.gradients,
            self.reductions | other.reductions,
            self.input_gradient or other.input_gradient,
            self.guided_input_gradient or other.guided_input_gradient,
        )

    @property
    def at_input(self) -> bool:
        """Whether the graph has to start at the input."""
        return self.input_gradient or self.guided_input_gradient


@dataclass(frozen=True)
class Seen:
    """What a pass saw: exactly what the needs named, detached.

    Parameters
    ----------
    images
        The network's input (n, c, h, w).
    logits
        (n, outputs) of the clean pass.
    classes
        (n) the class chosen once for each case.
    scores
        (n) the score that was explained.
    """

    images: Float[Tensor, "n c h w"]
    logits: Float[Tensor, "n o"]
    classes: Int[Tensor, " n"]
    scores: Float[Tensor, " n"]
    activations: Mapping[Tap, Float[Tensor, "n d hs ws"]]
    gradients: Mapping[Tap, Float[Tensor, "n d hs ws"]]
    reductions: Mapping[tuple[Tap, Reduction], Any]
    input_gradient: Float[Tensor, "n c h w"] | None = None
    guided_input_gradient: Float[Tensor, "n c h w"] | None = None


class _Recorder(TorchFunctionMode):
    """Takes tensors at taps, starts the graph at the lowest one, and clips gradients at ReLUs on demand."""

    def __init__(self, needs: Needs) -> None:
        super().__init__()
        self.needs = needs
        self.calls: Counter[str] = Counter()
        self.activations: dict[Tap, Tensor] = {}
        self.graph: dict[Tap, Tensor] = {}
        self.reductions: dict[tuple[Tap, Reduction], Any] = {}
        self.clipping = False
        self.taps = needs.activations | needs.gradients | {tap for tap, _ in needs.reductions}

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        first = first_tensor(args, kwargs)
        tap = getattr(first, NOTE, None)
        out = func(*args, **kwargs)
        if self.needs.guided_input_gradient and out.requires_grad:
            out.register_hook(self._clip)
        return out if tap is None else self._take(tap, out, in_place=out is first)

    def module_output(self, name: str, _module: nn.Module, inputs: Any, out: Tensor) -> Tensor | None:
        """Take the output of a module, or remember that its functional ReLU is the one to take."""
        call = self.calls[name]
        self.calls[name] += 1
        taken = None
        if (tap := Tap(name, call=call)) in self.taps:
            taken = out = self._take(tap, out, in_place=any(out is each for each in inputs))
        if (tap := Tap(name, relu=True, call=call)) in self.taps:
            setattr(out, NOTE, tap)
        return taken

    def _clip(self, gradient: Tensor) -> Tensor:
        return gradient.clamp_min(0) if self.clipping else gradient

    def _take(self, tap: Tap, out: Tensor, *, in_place: bool) -> Tensor:
        for place, reduction in self.needs.reductions:
            if place == tap:
                with torch.no_grad():
                    self.reductions[place, reduction] = reduction(out.detach())
        if tap in self.needs.gradients:
            torch.set_grad_enabled(True)  # run_pass gives the mode back
            if in_place and not out.requires_grad and not out._is_view():
                self.graph[tap] = out.detach().clone().requires_grad_(True)
                return out.copy_(self.graph[tap])  # a call such as x.relu_() may leave its result unused
            self.graph[tap] = out if out.requires_grad else out.detach().requires_grad_(True)
            return self.graph[tap].clone()  # what follows may write in place
        if tap in self.needs.activations:
            self.activations[tap] = out.detach().clone()
        return out


def run_pass(
    module: nn.Module, images: Float[Tensor, "n c h w"], needs: Needs, *, choose: Choose, score: Score
) -> Seen:
    """Run one forward pass and the backward passes that the needs ask for.

    The network is put into evaluation mode for the pass and left as it was found, also after an error: mode, hooks,
    ``requires_grad`` and ``.grad`` of the parameters, and torch's random state are not touched.

    Parameters
    ----------
    module
        The network.
    images
        Its input.
    needs
        What to record.
    choose
        Takes the clean logits (n, outputs) to the class (n) of each case.
    score
        Takes logits and classes to the score (n) whose gradient is taken.

    Returns
    -------
    Seen
        What the needs named.

    Raises
    ------
    ModelError
        A layer was not reached by the pass.
    """
    recorder = _Recorder(needs)
    with ExitStack() as stack:
        stack.enter_context(evaluation_mode(module))
        stack.enter_context(torch.inference_mode(False))  # a caller's own would forbid gradients
        stack.enter_context(torch.set_grad_enabled(needs.at_input))
        inputs = images.detach()
        if needs.at_input:
            inputs = inputs.clone(memory_format=torch.preserve_format).requires_grad_(True)
        frozen = _frozen_parameters(module)
        stack.callback(_thaw, frozen)
        for name in {tap.module for tap in recorder.taps}:
            handle = module.get_submodule(name).register_forward_hook(partial(recorder.module_output, name))
            stack.callback(handle.remove)
        with recorder:
            logits = module(inputs)
        _check_reached(recorder)
        classes = choose(logits.detach())
        scores = score(logits, classes)
        gradients = _gradients(recorder, scores, inputs)
    return Seen(
        images=images,
        logits=logits.detach(),
        classes=classes,
        scores=scores.detach(),
        activations=recorder.activations | {tap: tensor.detach() for tap, tensor in recorder.graph.items()},
        gradients={tap: gradients[tap] for tap in recorder.graph},
        reductions=recorder.reductions,
        input_gradient=gradients.get("input"),
        guided_input_gradient=gradients.get("guided"),
    )


def _gradients(recorder: _Recorder, scores: Tensor, inputs: Tensor) -> dict[Any, Tensor]:
    """Run the plain backward pass, then the guided one; the tape is kept only where both are wanted."""
    needs, found = recorder.needs, {}
    wanted: dict[Any, Tensor] = dict(recorder.graph)
    if needs.input_gradient:
        wanted["input"] = inputs
    if wanted:
        keep = needs.guided_input_gradient
        found = _backward(scores, wanted, keep=keep)
    if needs.guided_input_gradient:
        recorder.clipping = True
        found |= _backward(scores, {"guided": inputs}, keep=False)
    return found


def _backward(scores: Tensor, wanted: dict[Any, Tensor], *, keep: bool) -> dict[Any, Tensor]:
    gradients = torch.autograd.grad(scores.sum(), list(wanted.values()), retain_graph=keep)
    return dict(zip(wanted, gradients, strict=True))


def _check_reached(recorder: _Recorder) -> None:
    reduced = {tap for tap, _ in recorder.reductions}
    reached = recorder.activations.keys() | recorder.graph.keys() | reduced
    missed = sorted(map(str, recorder.taps - reached))
    if missed:
        raise ModelError(f"the pass did not reach layer {missed[0]!r}; wb.layers(model) lists those it does")


def _frozen_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Switch off ``requires_grad`` of the parameters, whose gradients nobody wants, and return those to switch on."""
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    return wanted


def _thaw(parameters: Iterable[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.requires_grad_(True)
