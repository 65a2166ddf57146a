"""Going back through a network by rules of one's own: each torch call is replaced by one whose way back is a rule.

Modules and functional calls, reused and in-place ones are seen alike. A call that no rule covers is refused: its plain
gradient would give a map that looks right and is not.
"""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from typing_extensions import override

from workbench.core.errors import MethodRefusedError
from workbench.passes.layers import evaluation_mode
from workbench.passes.linear_functions import MOVES, moving
from workbench.passes.tape import frozen_parameters

LOGIT_TOLERANCE = 1e-3
"""How far the logits under rules may be from those of the clean pass, relative to 1 + |logit|."""
UNCOVERED = object()


class BackwardRules(TorchFunctionMode):
    """Replaces, while it is active, every call that works on what depends on the image."""

    method: ClassVar[str]
    """Name of the method, for refusals."""

    @abstractmethod
    def replaced(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what the call gives, with the rule's way back; ``UNCOVERED`` where there is no rule for it."""

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if not moving(args, kwargs):
            return func(*args, **kwargs)
        if "input" in kwargs:
            args = (kwargs.pop("input"), *args)
        out = self.replaced(func, args, kwargs)
        if out is not UNCOVERED:
            return out
        out = func(*args, **kwargs)
        if func not in MOVES and moving((out,), {}):
            raise MethodRefusedError(
                f"{self.method} has no rule for {resolve_name(func) or func} of {_count(args, kwargs)} that depend on "
                "the image; use integrated-gradients"
            )
        return out


@contextmanager
def constant_parameters(module: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode and switch on gradients, but of no parameter; undo all of it afterwards."""
    with evaluation_mode(module), frozen_parameters(module), torch.inference_mode(False), torch.enable_grad():
        yield


def check_logits(method: str, logits: Float[Tensor, "n o"], clean: Float[Tensor, "n o"]) -> None:
    """Refuse a network whose logits are others while the rules are active: then the map explains something else."""
    if not torch.allclose(logits.to(clean), clean, rtol=LOGIT_TOLERANCE, atol=LOGIT_TOLERANCE):
        worst = (logits.to(clean) - clean).abs().max()
        raise MethodRefusedError(
            f"{method}: the network's logits differ by {worst:.4g} from one pass to the next; use integrated-gradients"
        )


def writes_in_place(func: Any, kwargs: dict[str, Any]) -> bool:
    """Say whether a call overwrites its first argument: ``add_``, or a function with ``inplace=True``."""
    name = func.__name__
    return (name.endswith("_") and not name.endswith("__")) or bool(kwargs.get("inplace"))


def _count(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    count = len(moving(args, kwargs))
    return "one tensor" if count == 1 else f"{count} tensors"
