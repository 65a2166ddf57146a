"""The lean tape gives plain autograd's gradients to the last digit, keeps little, and knows the rules of ReLUs."""

import copy
import gc
from collections.abc import Callable, Iterator
from typing import Any

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
    small_densenet,
    small_resnet,
    small_vgg,
)
from workbench.passes import tape as tapes
from workbench.passes.layers import Tap
from workbench.passes.single_pass import Chosen, Needs, run_pass
from workbench.passes.tape import Rule, lean_tape

IMAGES = noise(2, 3, 32, 32)


@pytest.fixture(autouse=True, params=["lean", "native"])
def _sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything counts as large, and nothing does: both have to be right."""
    monkeypatch.setattr(tapes, "LARGE", 1 if request.param == "lean" else 2**40)


def sequence(*parts: nn.Module) -> Callable[[], nn.Module]:
    """Return what builds a network of these parts between a convolution of 8 channels and a linear head."""
    last = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(2))

    def build() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), *copy.deepcopy(parts), *copy.deepcopy(last))
            net(IMAGES)  # running statistics, and the width of the head
        return net.eval()

    return build


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "modules": modules_only,
    "modules in place": lambda: modules_only(activation=lambda: nn.ReLU(inplace=True)),
    "functional": lambda: hand_written(functional),
    "vgg": small_vgg,
    "resnet": small_resnet,
    "densenet": small_densenet,
    "ReLU6": lambda: modules_only(activation=nn.ReLU6),
    "hard tanh": lambda: modules_only(activation=lambda: nn.Hardtanh(0.0, 0.5, inplace=True)),
    "SiLU": lambda: modules_only(activation=nn.SiLU),
    "clamps": lambda: hand_written(lambda net, x: net.head(net.norm(net.first(x).clamp(0)).clip_(min=0).mean((2, 3)))),
    "padding by name": sequence(nn.Conv2d(8, 8, (3, 4), padding="same"), nn.ReLU()),
    "groups, stride, dilation": sequence(nn.Conv2d(8, 16, 3, stride=2, dilation=2, groups=4, bias=False), nn.ReLU()),
    "transposed": sequence(nn.ConvTranspose2d(8, 6, 3, stride=2, output_padding=1), nn.ReLU()),
    "group norm": sequence(nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 8, 1)),
    "instance norm": sequence(nn.InstanceNorm2d(8, affine=True), nn.ReLU()),
    "batch statistics": sequence(nn.BatchNorm2d(8, track_running_stats=False), nn.ReLU()),
    "no affine": sequence(nn.BatchNorm2d(8, affine=False), nn.ReLU()),
    "pools": sequence(nn.MaxPool2d(3, 2, padding=1), nn.AvgPool2d(2, ceil_mode=True), nn.AdaptiveMaxPool2d(3)),
    "one axis": sequence(nn.Flatten(2), nn.Conv1d(8, 8, 3), nn.BatchNorm1d(8), nn.ReLU(), nn.Unflatten(2, (2, -1))),
    "three axes": sequence(nn.Unflatten(2, (2, -1)), nn.Conv3d(8, 8, (2, 3, 3)), nn.ReLU(), nn.Flatten(2, 3)),
}


def plain(net: nn.Module, images: Tensor) -> Tensor:
    inputs = images.clone(memory_format=torch.preserve_format).requires_grad_(True)
    (gradient,) = torch.autograd.grad(net(inputs)[:, 0].sum(), inputs)
    return gradient


def taped(net: nn.Module, images: Tensor, rule: Rule = Rule.PLAIN) -> Tensor:
    with lean_tape(net, rule):
        return plain(net, images)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_the_gradient_equals_plain_autograds(name: str, kind: torch.dtype, tolerance: float) -> None:
    net, images = NETWORKS[name]().to(kind), IMAGES.to(kind)
    expected = plain(net, images)
    assert expected.abs().max() > 0
    torch.testing.assert_close(taped(net, images), expected, rtol=0, atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["modules", "functional", "densenet", "padding by name", "transposed", "pools"])
def test_channels_last_keep_their_order_and_their_gradient(name: str) -> None:
    net = NETWORKS[name]()
    expected, found = plain(net, IMAGES), taped(net, IMAGES.contiguous(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["modules", "resnet", "densenet", "ReLU6", "padding by name", "transposed", "pools"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_autocast_gives_the_gradient_that_plain_autograd_gives_under_autocast(
    name: str, layout: torch.memory_format
) -> None:
    net, images = NETWORKS[name](), IMAGES.contiguous(memory_format=layout)
    exact = plain(net, images)
    with torch.autocast("cpu", torch.bfloat16):
        expected, found = plain(net, images), taped(net, images)
    assert found.dtype == expected.dtype == torch.float32
    scale = float(exact.abs().max())
    assert (expected - exact).abs().max() > 0  # half precision it was
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * scale)


class Slow(torch.autograd.Function):
    """A ReLU with an upper bound by any rule, as the papers have it."""

    @staticmethod
    def forward(context: Any, values: Tensor, top: float, rule: Rule) -> Tensor:
        context.save_for_backward(values)
        context.top, context.rule = top, rule
        return values.clamp(0, top)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (values,) = context.saved_tensors
        inside = (values > 0) & (values < context.top)
        if context.rule is Rule.DECONVOLUTION:
            return gradient * (gradient > 0), None, None
        return gradient * inside * ((gradient > 0) | (context.rule is Rule.PLAIN)), None, None


RELUS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    "relu": (F.relu, torch.inf),
    "relu in place": (lambda x: F.relu(x, inplace=True), torch.inf),
    "relu_": (torch.relu_, torch.inf),
    "relu6": (F.relu6, 6.0),
    "hardtanh": (lambda x: F.hardtanh(x, 0.0, 0.2), 0.2),
    "hardtanh_": (lambda x: F.hardtanh_(x, min_val=0.0, max_val=0.2), 0.2),
    "clamp": (lambda x: torch.clamp(x, min=0), torch.inf),
    "clamp_min_": (lambda x: x.clamp_min_(0), torch.inf),
    "threshold": (lambda x: F.threshold(x, 0.0, 0.0), torch.inf),
}


@pytest.mark.parametrize("name", RELUS)
@pytest.mark.parametrize("rule", Rule)
def test_every_relu_follows_every_rule(name: str, rule: Rule) -> None:
    relu, top = RELUS[name]

    def network(activation: Callable[[Tensor], Tensor]) -> nn.Module:
        return hand_written(
            lambda net, x: net.head(activation(net.norm(net.second(activation(net.first(x * 5))))).mean((2, 3)))
        )

    expected = plain(network(lambda values: Slow.apply(values, top, rule)), IMAGES)
    assert expected.abs().max() > 0
    torch.testing.assert_close(taped(network(relu), IMAGES, rule), expected)


def test_one_tape_serves_every_rule_in_turn() -> None:
    net, inputs = small_resnet(), IMAGES.clone().requires_grad_(True)
    with lean_tape(net, *Rule) as tape:
        score = net(inputs)[:, 0].sum()
    for rule in (*Rule, *reversed(Rule)):
        tape.rule = rule
        (found,) = torch.autograd.grad(score, inputs, retain_graph=True)
        torch.testing.assert_close(found, taped(net, IMAGES, rule), rtol=0, atol=0)


def kept_bytes(action: Callable[[], Any]) -> int:
    """Return how many bytes ``action`` has allocated and not given back while its result lives."""
    gc.collect()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        result = action()
    assert result is not None
    return sum(event.self_cpu_memory_usage for event in profile.key_averages())


@pytest.mark.filterwarnings("ignore:.*profile.*")
@pytest.mark.parametrize("name", ["densenet", "modules", "resnet"])
def test_it_keeps_a_fraction_of_what_autograd_keeps(name: str, request: pytest.FixtureRequest) -> None:
    net, images = NETWORKS[name](), noise(2, 3, 96, 96).requires_grad_(True)

    def recorded() -> Tensor:
        with lean_tape(net):
            return net(images)

    net.requires_grad_(False)
    ratio = kept_bytes(recorded) / kept_bytes(lambda: net(images))
    assert 0 < ratio < 0.4 if "lean" in request.node.callspec.id else ratio == pytest.approx(1, abs=0.1)


class BrokenError(Exception):
    pass


def breaks(net: Any, images: Tensor) -> Tensor:
    functional(net, images.clone().requires_grad_(True))
    raise BrokenError


def test_the_parameters_are_left_as_found_also_after_an_error() -> None:
    net = unusual(hand_written(functional))
    before = state_of(net)
    with lean_tape(net):
        assert not any(parameter.requires_grad for parameter in net.parameters())
    assert state_of(net) == before
    broken = unusual(hand_written(breaks))
    before = state_of(broken)
    with pytest.raises(BrokenError), lean_tape(broken, Rule.GUIDED):
        broken(IMAGES)
    assert state_of(broken) == before
    assert torch.overrides._get_current_function_mode() is None


def test_a_parameter_that_wants_a_gradient_meanwhile_gets_it() -> None:
    net = modules_only()
    expected = torch.autograd.grad(net(IMAGES)[:, 0].sum(), list(net.parameters()))
    with lean_tape(net):
        net.requires_grad_(True)
        score = net(IMAGES.clone().requires_grad_(True))[:, 0].sum()
    torch.testing.assert_close(torch.autograd.grad(score, list(net.parameters())), expected)


def test_what_follows_may_write_into_what_was_not_kept() -> None:
    def careless(net: Any, images: Tensor) -> Tensor:
        low = net.first(images)
        features = net.second(low)
        low.add_(1)  # plain autograd refuses: it kept it
        return net.head(features.mean((2, 3)))

    net = hand_written(careless)
    expected = plain(hand_written(lambda net, x: net.head(net.second(net.first(x)).mean((2, 3)))), IMAGES)
    if tapes.LARGE == 1:
        torch.testing.assert_close(taped(net, IMAGES), expected)


@pytest.fixture
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage_collection")
def test_passes_leave_no_tensor_behind_even_uncollected() -> None:
    net, tap = hand_written(functional), Tap("norm", relu=True)
    asked = Needs(gradients=frozenset({tap})) | Needs(
        input_gradient=True, guided_input_gradient=True, deconvolution_input_gradient=True
    )

    def choose(logits: Tensor) -> tuple[Chosen]:
        return (Chosen(torch.zeros(len(logits), dtype=torch.int64), torch.ones_like(logits)),)

    def broken(_logits: Tensor) -> tuple[Chosen]:
        raise BrokenError

    def living() -> int:
        return sum(issubclass(type(each), Tensor) for each in gc.get_objects())

    images = IMAGES[:1, :, :8, :8]
    run_pass(net, images, asked, choose=choose)
    before = living()
    for _ in range(50):
        run_pass(net, images, asked, choose=choose)
    assert living() == before
    for _ in range(10):
        with pytest.raises(BrokenError):
            run_pass(net, images, asked, choose=broken)
    gc.collect()  # a traceback is a cycle
    assert living() == before


class Unbatched(nn.Module):
    """Convolves one image after the other, without the axis of the batch, and overwrites what it gets."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([F.relu(self.layer(image), inplace=True) for image in images])


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
        lambda: nn.Conv2d(4, 6, (3, 5), dilation=2, groups=2),
        lambda: nn.Conv2d(4, 6, 3, padding="same"),
        lambda: Unbatched(nn.Conv2d(4, 6, 3)),
        lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2),
        lambda: nn.Conv1d(4, 6, 3, padding=(2,)),
        lambda: nn.Conv3d(4, 6, 3, stride=(1, 2, 1)),
    ],
)
def test_convolutions_go_back_in_half_precision_and_forwards_as_ever(make: Callable[[], nn.Module]) -> None:
    layer = make().requires_grad_(False)
    shape = {3: (2, 4, 30), 4: (2, 4, 17, 16), 5: (2, 4, 9, 8, 7)}[next(layer.parameters()).ndim]
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    expected = layer(values)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    (plain,) = torch.autograd.grad((expected * weights).sum(), values)
    tape = tapes.Tape(half_back=True)
    with tapes._Taping(tape):
        found = layer(values)
    assert torch.equal(found, expected)
    (gradient,) = torch.autograd.grad((found * weights).sum(), values)
    assert gradient.dtype == values.dtype
    torch.testing.assert_close(gradient, plain, rtol=0.05, atol=0.02 * float(plain.abs().max()))
    left_alone = isinstance(layer, nn.ConvTranspose2d | Unbatched) or layer.padding == "same"
    assert torch.equal(gradient, plain) == left_alone


def test_a_weight_that_wants_a_gradient_is_left_alone_on_the_way_back() -> None:
    layer, values = nn.Conv2d(4, 6, 3), torch.randn(2, 4, 8, 8, requires_grad=True)
    with tapes._Taping(tapes.Tape(half_back=True)):
        layer(values).sum().backward()
    assert layer.weight.grad is not None
