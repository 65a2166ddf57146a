"""The one pass: records the right tensors, nothing below them, survives in-place writes, leaves everything as found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from tests.module_state import state_of, unusual
from tests.small_networks import (
    functional,
    hand_written,
    modules_only,
    noise,
    settled,
    small_densenet,
    small_resnet,
)
from workbench.core.errors import ModelError
from workbench.models.compact_densenet import compact_densenet
from workbench.passes.layers import Tap, find_layers
from workbench.passes.single_pass import Chosen, Needs, Seen, run_pass

IMAGES = noise(2, 3, 20, 20)


def first_class(logits: Tensor) -> tuple[Chosen]:
    coefficients = torch.zeros_like(logits)
    coefficients[:, 0] = 1
    return (Chosen(torch.zeros(len(logits), dtype=torch.int64), coefficients),)


def seen_by(net: nn.Module, needs: Needs, images: Tensor = IMAGES) -> Seen:
    (seen,) = run_pass(net, images, needs, choose=first_class)
    return seen


def at(*taps: Tap, **more: Any) -> Needs:
    return Needs(gradients=frozenset(taps), **more)


def test_the_record_at_densenets_end_is_relu_of_norm5() -> None:
    net = settled(lambda: compact_densenet(2))
    images = noise(2, 3, 64, 64)
    with torch.no_grad():
        norm5 = net.features(images)
    assert (norm5 < 0).any()
    tap = find_layers(net, (3, 64, 64)).explained
    assert str(tap) == "features+relu"
    for needs in (Needs(activations=frozenset({tap})), at(tap)):
        torch.testing.assert_close(seen_by(net, needs, images).activations[tap], norm5.clamp(min=0), rtol=0, atol=0)


@pytest.mark.parametrize("build", [small_resnet, small_densenet, modules_only, lambda: hand_written(functional)])
def test_records_do_not_change_the_logits(build: Callable[[], nn.Module]) -> None:
    net, images = build(), noise(2, 3, 64, 64)
    taps = find_layers(net, (3, 64, 64)).taps
    with torch.no_grad():
        expected = net(images)
    seen = seen_by(net, at(*taps, input_gradient=True, guided_input_gradient=True), images)
    torch.testing.assert_close(seen.logits, expected, rtol=1e-5, atol=1e-5)
    assert seen.gradients.keys() == set(taps)
    for tap, (channels, height, width) in taps.items():
        assert seen.activations[tap].shape == seen.gradients[tap].shape == (2, channels, height, width)


def test_gradients_at_every_layer_equal_plain_autograd() -> None:
    net = modules_only()
    seen = seen_by(net, at(Tap("2"), Tap("6"), input_gradient=True))
    images = IMAGES.clone().requires_grad_(True)
    low = net[:3](images)
    high = net[3:7](low)
    wanted = torch.autograd.grad(net[7:](high)[:, 0].sum(), [low, high, images])
    found = [seen.gradients[Tap("2")], seen.gradients[Tap("6")], seen.input_gradient]
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_clipping_does_not_leak_into_the_plain_gradients() -> None:
    net = hand_written(functional)
    alone = seen_by(net, at(Tap("norm", relu=True), input_gradient=True))
    guided = seen_by(net, Needs(guided_input_gradient=True))
    together = seen_by(net, at(Tap("norm", relu=True), input_gradient=True, guided_input_gradient=True))
    torch.testing.assert_close(together.input_gradient, alone.input_gradient)
    torch.testing.assert_close(together.guided_input_gradient, guided.guided_input_gradient)
    torch.testing.assert_close(together.gradients, alone.gradients)
    assert not torch.allclose(guided.guided_input_gradient, alone.input_gradient)


def overwritten(net: Any, images: Tensor) -> Tensor:
    features = net.relu(net.second(net.stem(images)))
    features *= 3
    features += 1
    return net.head(features.mean((2, 3)))


def overwritten_statement(net: Any, images: Tensor) -> Tensor:
    features = net.second(net.stem(images))
    features.relu_()
    features *= 3
    return net.head(features.mean((2, 3)))


@dataclass(frozen=True)
class Copied:
    def __call__(self, features: Tensor) -> np.ndarray:
        return features.numpy().copy()


@pytest.mark.parametrize(
    ("passes", "tap"), [(overwritten, Tap("relu")), (overwritten_statement, Tap("second", relu=True))]
)
def test_records_survive_what_follows_writing_in_place(passes: Any, tap: Tap) -> None:
    net = hand_written(passes)
    with torch.no_grad():
        expected = F.relu(net.second(net.stem(IMAGES)))
    slope = (3 * net.head.weight[0] / expected[0, 0].numel()).detach()
    for needs in (at(tap), Needs(activations=frozenset({tap}))):
        torch.testing.assert_close(seen_by(net, needs).activations[tap], expected)
    reduced = seen_by(net, Needs(reductions=frozenset({(tap, Copied())})))
    np.testing.assert_allclose(reduced.reductions[tap, Copied()], expected.numpy(), rtol=1e-6)
    gradient = seen_by(net, at(tap)).gradients[tap]
    torch.testing.assert_close(gradient, slope[None, :, None, None].expand_as(gradient))


def saved_by_autograd(action: Callable[[], object]) -> int:
    """Return how many tensors autograd keeps for a backward pass while ``action`` runs."""
    count = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        action()
    return count


def test_nothing_is_recorded_below_the_lowest_tap() -> None:
    net, images = settled(lambda: compact_densenet(2)), noise(1, 3, 64, 64)
    last = Tap("features", relu=True)
    plain = saved_by_autograd(lambda: net(images))
    tail = saved_by_autograd(lambda: seen_by(net, at(last), images))
    middle = saved_by_autograd(lambda: seen_by(net, at(Tap("features.transition2.relu")), images))
    at_input = saved_by_autograd(lambda: seen_by(net, Needs(input_gradient=True), images))
    no_graph = saved_by_autograd(lambda: seen_by(net, Needs(activations=frozenset({last})), images))
    assert no_graph == 0
    assert tail <= 5 < plain / 10
    assert tail < middle < at_input / 2


def test_convolutions_below_the_tap_get_no_gradient_even_where_parameters_want_one() -> None:
    net = hand_written(functional)
    heights = []
    net.first.register_forward_hook(lambda _part, _inputs, out: heights.append(out.requires_grad))
    seen_by(net, at(Tap("norm", relu=True)))
    assert heights == [False]


def test_reductions_of_several_methods_run_once() -> None:
    net, calls = hand_written(functional), []

    @dataclass(frozen=True)
    class Counted:
        def __call__(self, features: Tensor) -> int:
            calls.append(features.shape)
            return len(features)

    tap = Tap("norm", relu=True)
    needs = Needs(reductions=frozenset({(tap, Counted())})) | Needs(reductions=frozenset({(tap, Counted())}))
    assert seen_by(net, needs).reductions[tap, Counted()] == 2
    assert len(calls) == 1


def test_a_layer_that_the_pass_does_not_reach_is_named() -> None:
    net = hand_written(functional)
    with pytest.raises(ModelError, match=r"did not reach layer 'inplace_relu'"):
        seen_by(net, at(Tap("inplace_relu"), Tap("norm", relu=True)))
    with pytest.raises(ModelError, match=r"did not reach layer 'second\+relu'"):
        seen_by(net, Needs(activations=frozenset({Tap("second", relu=True)})))


EVERYTHING = at(Tap("norm", relu=True), Tap("first"), input_gradient=True, guided_input_gradient=True)


@pytest.mark.parametrize("needs", [Needs(), at(Tap("norm", relu=True)), EVERYTHING])
@pytest.mark.parametrize("gradients", [True, False])
def test_the_network_is_left_as_found(needs: Needs, gradients: bool) -> None:
    net = unusual(hand_written(functional))
    with torch.set_grad_enabled(gradients):
        before = state_of(net)
        seen_by(net, needs)
        assert state_of(net) == before


class BrokenError(Exception):
    pass


def breaks(net: Any, images: Tensor) -> Tensor:
    functional(net, images)
    raise BrokenError


def refuses(logits: Tensor) -> tuple[Chosen]:
    raise BrokenError


def misshapen(logits: Tensor) -> tuple[Chosen]:
    return (Chosen(torch.zeros(len(logits), dtype=torch.int64), torch.ones(len(logits), 7)),)


@pytest.mark.parametrize("needs", [Needs(), EVERYTHING])
@pytest.mark.parametrize("where", ["forward", "choose", "score"])
def test_the_network_is_left_as_found_after_an_error(needs: Needs, where: str) -> None:
    net = unusual(hand_written(breaks if where == "forward" else functional))
    before = state_of(net)
    choices = {"forward": first_class, "choose": refuses, "score": misshapen}
    with pytest.raises(RuntimeError if where == "score" else BrokenError):
        run_pass(net, IMAGES, needs, choose=choices[where])
    assert state_of(net) == before


def test_the_images_are_not_written_to() -> None:
    def careless(net: Any, images: Tensor) -> Tensor:
        return functional(net, net.inplace_relu(images * 1))

    images = IMAGES.clone()
    seen_by(hand_written(careless), EVERYTHING, images)
    torch.testing.assert_close(images, IMAGES, rtol=0, atol=0)
    assert not images.requires_grad


def test_dropout_is_off_and_batch_norm_does_not_learn() -> None:
    net = nn.Sequential(modules_only(), nn.Dropout(0.9)).train()
    statistics = net[0][1].running_mean.clone()
    first, second = (seen_by(net, Needs(input_gradient=True)) for _ in range(2))
    torch.testing.assert_close(first.input_gradient, second.input_gradient, rtol=0, atol=0)
    torch.testing.assert_close(net[0][1].running_mean, statistics, rtol=0, atol=0)


@pytest.mark.parametrize("made_inside", [True, False])
def test_a_callers_inference_mode_does_not_forbid_gradients(made_inside: bool) -> None:
    net = hand_written(functional)
    expected = seen_by(net, EVERYTHING)
    with torch.inference_mode():
        images = IMAGES.clone() if made_inside else IMAGES
        found = seen_by(net, EVERYTHING, images)
        assert torch.is_inference_mode_enabled()
    torch.testing.assert_close(found.guided_input_gradient, expected.guided_input_gradient)
    torch.testing.assert_close(found.gradients, expected.gradients)


def test_each_call_of_a_reused_relu_has_its_own_record() -> None:
    def reused(net: Any, images: Tensor) -> Tensor:
        return net.head(net.relu(net.second(net.relu(net.first(images)))).mean((2, 3)))

    net = hand_written(reused)
    seen = seen_by(net, at(Tap("relu"), Tap("relu", call=1)))
    with torch.no_grad():
        low = F.relu(net.first(IMAGES))
        torch.testing.assert_close(seen.activations[Tap("relu")], low)
        torch.testing.assert_close(seen.activations[Tap("relu", call=1)], F.relu(net.second(low)))


def test_needs_join() -> None:
    joined = at(Tap("a")) | Needs(activations=frozenset({Tap("b")}), input_gradient=True)
    assert joined == Needs(frozenset({Tap("b")}), frozenset({Tap("a")}), input_gradient=True)
    assert joined.at_input
    assert not at(Tap("a")).at_input


def test_two_targets_share_one_forward_pass_and_equal_two_passes() -> None:
    net = hand_written(functional)
    calls = []
    net.register_forward_hook(lambda *_: calls.append(1))
    weights = [torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 2.0])]

    def chosen(weight: Tensor) -> Chosen:
        return Chosen(torch.zeros(len(IMAGES), dtype=torch.int64), weight.expand(len(IMAGES), -1))

    both = run_pass(net, IMAGES, EVERYTHING, choose=lambda _: [chosen(weight) for weight in weights])
    assert len(calls) == 1
    for weight, found in zip(weights, both, strict=True):
        (alone,) = run_pass(net, IMAGES, EVERYTHING, choose=lambda _, weight=weight: [chosen(weight)])
        torch.testing.assert_close(found.scores, found.logits @ weight)
        torch.testing.assert_close(found.gradients, alone.gradients)
        torch.testing.assert_close(found.input_gradient, alone.input_gradient)
        torch.testing.assert_close(found.guided_input_gradient, alone.guided_input_gradient)
    assert not torch.allclose(both[0].input_gradient, both[1].input_gradient)


def test_deconvolution_forgets_where_the_inputs_were_positive() -> None:
    """Zeiler and Fergus 2014: on its way back every ReLU rectifies the gradient, and nothing else."""
    net = hand_written(lambda net, images: net.head(F.relu(net.first(images)).mean((2, 3))))
    found = seen_by(net, Needs(deconvolution_input_gradient=True)).deconvolution_input_gradient
    features = net.first(inputs := IMAGES.clone().requires_grad_(True))
    gradient = (net.head.weight[0].clamp(min=0) / features[0, 0].numel())[None, :, None, None].expand_as(features)
    (expected,) = torch.autograd.grad(features, inputs, gradient)
    torch.testing.assert_close(found, expected)
