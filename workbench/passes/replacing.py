"""Running a network with another tensor at one of its layers."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from workbench.passes.functions import first_tensor, is_relu
from workbench.passes.layers import Tap

MARK = "_workbench_replacement"

Change = Callable[[Tensor], Tensor]


def logits_with(
    module: nn.Module, images: Float[Tensor, "n c h w"], tap: Tap, *, change: Change
) -> Float[Tensor, "m o"]:
    """Return the logits where a layer's tensor is changed on its way.

    Parameters
    ----------
    module
        The network, left as found.
    images
        Its input.
    tap
        Which tensor is changed.
    change
        Takes the tensor as the network lays it out to another one. It may have more rows than there are images: then
        only what follows the layer runs so many times, if nothing else that it works with has a row for each image.

    Returns
    -------
    Float[Tensor, "m o"]
        One row for each of the changed tensor.
    """
    replacement = _Replacement(tap, change)
    handle = module.get_submodule(tap.module).register_forward_hook(replacement.module_output)
    try:
        with replacement:
            return module(images)
    finally:
        handle.remove()


class _Replacement(TorchFunctionMode):
    """Changes the output of one call of a module, or the functional ReLU of it."""

    def __init__(self, tap: Tap, change: Change) -> None:
        super().__init__()
        self.tap = tap
        self.change = change
        self.calls = 0

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        first = first_tensor(args, kwargs)
        wanted = getattr(first, MARK, None) is self and is_relu(func, args, kwargs)
        out = func(*args, **kwargs)
        return self._changed(out, in_place=out is first) if wanted else out

    def module_output(self, _module: nn.Module, inputs: Any, out: Tensor) -> Tensor | None:
        """Change the output of a module, or mark it where its functional ReLU is the one to change."""
        self.calls += 1
        if self.calls != self.tap.call + 1:
            return None
        if self.tap.relu:
            setattr(out, MARK, self)
            return None
        return self._changed(out, in_place=any(out is each for each in inputs))

    def _changed(self, out: Tensor, *, in_place: bool) -> Tensor:
        changed = self.change(out)
        if in_place and changed.shape == out.shape:
            return out.copy_(changed)  # a call such as x.relu_() may leave its result unused
        return changed
