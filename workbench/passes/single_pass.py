"""One forward and one backward pass that serve every method at once.

Nothing is recorded below the lowest layer asked for: the graph starts there. With an input gradient it starts at the
input. Records survive what follows working in place.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
from workbench.passes.tape import TAPED, Rule, Tape, frozen_parameters

NOTE = "_workbench_tap"

Reduction = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Chosen:
    """What is explained, chosen once for each case: a score that is linear in the logits.

    Parameters
    ----------
    classes
        (n) the class that the score speaks for.
    coefficients
        (n, o) score = sum of coefficient times logit.
    """

    classes: Int[Tensor, " n"]
    coefficients: Float[Tensor, "n o"]

    def scores(self, logits: Float[Tensor, "n o"]) -> Float[Tensor, " n"]:
        """Return the score of each case."""
        return (self.coefficients.to(logits) * logits).sum(dim=1)


Choose = Callable[[Tensor], Sequence[Chosen]]
"""Takes the clean logits (n, o) to one choice for each target."""


@dataclass(frozen=True)
class Needs:
    """What a method wants to see of a pass.

    Parameters
    ----------
    activations
        Layers whose tensor is kept, as (n, c, h, w) whatever their layout.
    gradients
        Layers whose tensor and the score's gradient there are kept.
    reductions
        Layers of which only a function's result is kept, so that deep stacks cost no memory; the functions are
        hashable, so that equal ones of several methods run once.
    input_gradient, guided_input_gradient, deconvolution_input_gradient
        The gradient at the input, by the rule of each name: :class:`workbench.passes.tape.Rule`.
    """

    activations: frozenset[Tap] = frozenset()
    gradients: frozenset[Tap] = frozenset()
    reductions: frozenset[tuple[Tap, Reduction]] = frozenset()
    input_gradient: bool = False
    guided_input_gradient: bool = False
    deconvolution_input_gradient: bool = False

    def __or__(self, other: "Needs") -> "Needs":
        """Return what serves both."""
        return Needs(
            self.activations | other.activations,
            self.gradients | other.gradients,
            self.reductions | other.reductions,
            self.input_gradient or other.input_gradient,
            self.guided_input_gradient or other.guided_input_gradient,
            self.deconvolution_input_gradient or other.deconvolution_input_gradient,
        )

    @property
    def at_input(self) -> bool:
        """Whether the graph has to start at the input."""
        return bool(self.rules)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """By which rules the gradient at the input is wanted."""
        wanted = {
            Rule.PLAIN: self.input_gradient,
            Rule.GUIDED: self.guided_input_gradient,
            Rule.DECONVOLUTION: self.deconvolution_input_gradient,
        }
        return tuple(rule for rule, asked in wanted.items() if asked)


@dataclass(frozen=True)
class Seen:
    """What a pass saw for one target: exactly what the needs named, detached.

    Parameters
    ----------
    images
        The network's input (n, c, h, w).
    logits
        (n, outputs) of the clean pass.
    chosen
        The class of each case and the coefficients of its score.
    """

    images: Float[Tensor, "n c h w"]
    logits: Float[Tensor, "n o"]
    chosen: Chosen
    activations: Mapping[Tap, Float[Tensor, "n d hs ws"]]
    gradients: Mapping[Tap, Float[Tensor, "n d hs ws"]]
    reductions: Mapping[tuple[Tap, Reduction], Any]
    input_gradient: Float[Tensor, "n c h w"] | None = None
    guided_input_gradient: Float[Tensor, "n c h w"] | None = None
    deconvolution_input_gradient: Float[Tensor, "n c h w"] | None = None

    @property
    def scores(self) -> Float[Tensor, " n"]:
        """What is explained: (n) the score of each case in the clean pass."""
        return self.chosen.scores(self.logits)


class _Recorder(TorchFunctionMode):
    """Takes tensors at taps, starts the graph at the lowest one, and keeps the tape."""

    def __init__(self, needs: Needs, *, half_back: bool) -> None:
        super().__init__()
        self.needs = needs
        self.calls: Counter[str] = Counter()
        self.activations: dict[Tap, Tensor] = {}
        self.graph: dict[Tap, Tensor] = {}
        self.reductions: dict[tuple[Tap, Reduction], Any] = {}
        self.tape = Tape(*needs.rules, half_back=half_back)
        self._stack = ExitStack()
        self._watches = False
        wanted = needs.activations | needs.gradients | {tap for tap, _ in needs.reductions}
        self.taps = {tap: tap for tap in wanted}  # equal taps, but only those wanted know their layout

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in TAPED:
            return func(*args, **kwargs)
        first = first_tensor(args, kwargs)
        tap = getattr(first, NOTE, None)
        out = self.tape.run(func, args, kwargs)
        if tap is None or not is_relu(func, args, kwargs):
            return out
        return self._take(tap, out, in_place=out is first)

    @contextmanager
    def watching(self, *, from_start: bool) -> Iterator[None]:
        """Watch calls from the start, or not before there is something to see: each takes some microseconds."""
        with ExitStack() as self._stack:
            if from_start:
                self._watch()
            yield

    def _watch(self) -> None:
        if not self._watches:
            self._watches = True
            self._stack.enter_context(self)

    def module_output(self, name: str, _module: nn.Module, inputs: Any, out: Tensor) -> Tensor | None:
        """Take the output of a module, or remember that its functional ReLU is the one to take."""
        call = self.calls[name]
        self.calls[name] += 1
        taken = None
        if (tap := self.taps.get(Tap(name, call=call))) is not None:
            taken = out = self._take(tap, out, in_place=any(out is each for each in inputs))
        if (tap := self.taps.get(Tap(name, relu=True, call=call))) is not None:
            setattr(out, NOTE, tap)
            self._watch()
        return taken

    def _take(self, tap: Tap, out: Tensor, *, in_place: bool) -> Tensor:
        for place, reduction in self.needs.reductions:
            if place == tap:
                with torch.no_grad():
                    self.reductions[place, reduction] = reduction(tap.layout.spatial(out.detach()))
        if tap in self.needs.gradients:
            torch.set_grad_enabled(True)  # run_pass gives the mode back
            self._watch()
            if in_place and not out.requires_grad and not out._is_view():
                self.graph[tap] = out.detach().clone().requires_grad_(True)
                return out.copy_(self.graph[tap])  # a call such as x.relu_() may leave its result unused
            self.graph[tap] = out if out.requires_grad else out.detach().requires_grad_(True)
            return self.graph[tap].clone()  # what follows may write in place
        if tap in self.needs.activations:
            self.activations[tap] = out.detach().clone()
        return out


def run_pass(
    module: nn.Module, images: Float[Tensor, "n c h w"], needs: Needs, *, choose: Choose, half_back: bool = False
) -> tuple[Seen, ...]:
    """Run one forward pass and, for each target, the backward passes that the needs ask for.

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
        Takes the clean logits (n, outputs) to one choice for each target.
    half_back
        Whether convolutions go back in bfloat16; the forward pass stays as it is.

    Returns
    -------
    tuple of Seen
        What the needs named, one for each target; they share what does not depend on it.

    Raises
    ------
    ModelError
        A layer was not reached by the pass.
    """
    recorder = _Recorder(needs, half_back=half_back)
    with ExitStack() as stack:
        stack.enter_context(evaluation_mode(module))
        stack.enter_context(torch.inference_mode(False))  # a caller's own would forbid gradients
        stack.enter_context(torch.set_grad_enabled(needs.at_input))
        inputs = images.detach()
        if needs.at_input:
            inputs = inputs.clone(memory_format=torch.preserve_format).requires_grad_(True)
        if needs.at_input or needs.gradients:
            stack.enter_context(frozen_parameters(module))
        for name in {tap.module for tap in recorder.taps}:
            handle = module.get_submodule(name).register_forward_hook(partial(recorder.module_output, name))
            stack.callback(handle.remove)
        with recorder.watching(from_start=needs.at_input):
            logits = module(inputs)
        _check_reached(recorder)
        targets = tuple(choose(logits.detach()))
        gradients = [
            _gradients(recorder, chosen.scores(logits), inputs, last=chosen is targets[-1]) for chosen in targets
        ]
    recorded = recorder.activations | {tap: tensor.detach() for tap, tensor in recorder.graph.items()}
    activations = {tap: tap.layout.spatial(tensor) for tap, tensor in recorded.items()}
    return tuple(
        Seen(
            images=images,
            logits=logits.detach(),
            chosen=chosen,
            activations=activations,
            gradients={tap: tap.layout.spatial(found[tap]) for tap in recorder.graph},
            reductions=recorder.reductions,
            input_gradient=found.get(Rule.PLAIN),
            guided_input_gradient=found.get(Rule.GUIDED),
            deconvolution_input_gradient=found.get(Rule.DECONVOLUTION),
        )
        for chosen, found in zip(targets, gradients, strict=True)
    )


def _gradients(recorder: _Recorder, scores: Tensor, inputs: Tensor, *, last: bool) -> dict[Any, Tensor]:
    """Run one backward pass a rule; the tape is kept while another one follows."""
    rules = recorder.needs.rules
    if recorder.graph and Rule.PLAIN not in rules:
        rules = (Rule.PLAIN, *rules)
    found: dict[Any, Tensor] = {}
    for rule in rules:
        wanted: dict[Any, Tensor] = dict(recorder.graph) if rule is Rule.PLAIN else {}
        if rule in recorder.needs.rules:
            wanted[rule] = inputs
        recorder.tape.rule = rule
        keep = not (last and rule is rules[-1])
        gradients = torch.autograd.grad(scores.sum(), list(wanted.values()), retain_graph=keep)
        found |= dict(zip(wanted, gradients, strict=True))
    return found


def _check_reached(recorder: _Recorder) -> None:
    reduced = {tap for tap, _ in recorder.reductions}
    reached = recorder.activations.keys() | recorder.graph.keys() | reduced
    missed = sorted(map(str, recorder.taps.keys() - reached))
    if missed:
        raise ModelError(f"the pass did not reach layer {missed[0]!r}; wb.layers(model) lists those it does")
