"""Everything of a network and of torch that a pass must leave as it found it, in a form that ``==`` compares."""

from typing import Any

import torch
from torch import nn


def state_of(module: nn.Module) -> dict[str, Any]:
    """Return modes, hooks, values, gradients and flags of every part, and torch's global state."""
    return {
        "modes": [(name, part.training) for name, part in module.named_modules()],
        "hooks": [
            (name, len(part._forward_hooks), len(part._forward_pre_hooks), len(part._backward_hooks))
            for name, part in module.named_modules()
        ],
        "parts": [(name, id(part)) for name, part in module.named_modules()],
        "values": [(name, tensor.detach().numpy().tobytes()) for name, tensor in module.state_dict().items()],
        "parameters": [
            (name, id(parameter), parameter.requires_grad, None if parameter.grad is None else parameter.grad.tolist())
            for name, parameter in module.named_parameters()
        ],
        "random": torch.get_rng_state().tolist(),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
    }


def unusual(module: nn.Module) -> nn.Module:
    """Return the network in a state that a careless restoration would lose.

    It trains, but its batch norms do not and one of its convolutions is frozen; one parameter has a gradient, and a
    part has a hook.
    """
    module.train()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
    parameters = list(module.parameters())
    parameters[0].requires_grad_(False)
    parameters[-1].grad = torch.full_like(parameters[-1], 0.5)
    next(iter(module.children())).register_forward_hook(lambda *_: None)
    return module
