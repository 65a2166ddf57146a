"""Layer discovery: the layer to explain, the stages and the head, by name, however a network is written."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from tests.module_state import state_of, unusual
from tests.small_networks import CHANNELS, functional, hand_written, modules_only, small_vgg
from workbench.core.errors import ModelError
from workbench.models.architectures import ARCHITECTURES
from workbench.passes.layers import Layers, Tap, find_layers
from workbench.passes.layouts import Layout

DENSENET = ("features.relu0", "features.transition1.relu", "features.transition2.relu", "features.transition3.relu")
RESNET = ("relu", "layer1", "layer2", "layer3", "layer4")
MOBILENET = ("features.0", "features.4.conv.0", "features.7.conv.0", "features.14.conv.0", "features")
VGG19_BN = ("features.2", "features.5", "features.12", "features.25", "features.38", "features.51")
SQUEEZENET = ("features.1", "features.5", "features.10", "features")
KNOWN = {
    "compact-densenet": ("features+relu", "classifier", (*DENSENET[:3], "features+relu")),
    "densenet121": ("features+relu", "classifier", (*DENSENET, "features+relu")),
    "densenet169": ("features+relu", "classifier", (*DENSENET, "features+relu")),
    "resnet18": ("layer4", "fc", RESNET),
    "resnet34": ("layer4", "fc", RESNET),
    "resnet50": ("layer4", "fc", RESNET),
    "vgg16": (
        "features.29",
        None,
        ("features.1", "features.3", "features.8", "features.15", "features.22", "features.29"),
    ),
    "vgg19_bn": ("features.51", None, VGG19_BN),
    "mobilenet_v2": ("features", "classifier.1", MOBILENET),
    "squeezenet1_0": ("features", "classifier.1", SQUEEZENET),
}
BIG = {"vgg16", "vgg19_bn"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in BIG else ()) for name in KNOWN])
def test_the_layers_of_the_zoo(name: str) -> None:
    found = find_layers(ARCHITECTURES.get(name)(2), (3, 64, 64))
    explained, head, stages = KNOWN[name]
    assert str(found.explained) == explained
    assert found.linear_head == head
    assert tuple(str(stage.tap) for stage in found.stages) == stages
    assert found.outputs == 2
    assert not found.other_nonlinearities
    heights = [stage.shape[1] for stage in found.stages[1:]]
    assert heights == sorted(set(heights), reverse=True)


def layers_of(passes: Any) -> Layers:
    return find_layers(hand_written(passes), (3, 20, 20))


def mean_of_mean(net: Any, images: Tensor) -> Tensor:
    return net.head(F.relu(net.second(net.stem(images))).mean(3).mean(2))


def mean_of_two(net: Any, images: Tensor) -> Tensor:
    return net.head(torch.mean(F.relu(net.second(net.stem(images))), dim=(2, 3)))


def mean_of_flat(net: Any, images: Tensor) -> Tensor:
    return net.head(F.relu(net.second(net.stem(images))).flatten(2).mean(2))


def mean_of_view(net: Any, images: Tensor) -> Tensor:
    features = F.relu(net.second(net.stem(images)))
    return net.head(features.view(*features.shape[:2], -1).mean(-1))


def largest(net: Any, images: Tensor) -> Tensor:
    return net.head(F.relu(net.second(net.stem(images))).amax(dim=(2, 3)))


def statement(net: Any, images: Tensor) -> Tensor:
    features = net.second(net.stem(images))
    features.relu_()
    return net.head(features.mean((2, 3)))


def clamped(net: Any, images: Tensor) -> Tensor:
    return net.head(net.second(net.stem(images)).clamp(min=0).mean((2, 3)))


def keyword(net: Any, images: Tensor) -> Tensor:
    return net.head(torch.relu(input=net.second(net.stem(images))).mean((2, 3)))


@pytest.mark.parametrize(
    "passes", [mean_of_mean, mean_of_two, mean_of_flat, mean_of_view, largest, statement, clamped, keyword]
)
def test_however_the_pool_and_the_relu_are_written(passes: Any) -> None:
    found = layers_of(passes)
    assert str(found.explained) == "second+relu"
    assert found.linear_head == (None if passes is largest else "head")  # a maximum is no weighted sum of the map
    assert [str(stage.tap) for stage in found.stages] == ["first+relu", "second+relu"]


def test_functional_relu_behind_a_norm() -> None:
    assert layers_of(functional).explained == Tap("norm", relu=True)


def test_an_in_place_relu_module_gives_its_own_name() -> None:
    found = layers_of(lambda net, x: net.head(net.pool(net.inplace_relu(net.second(net.stem(x)))).flatten(1)))
    assert str(found.explained) == "inplace_relu"


def test_a_reused_relu_is_told_apart_by_its_call() -> None:
    def reused(net: Any, images: Tensor) -> Tensor:
        hidden = F.max_pool2d(net.relu(net.first(images)), 2)
        return net.head(net.pool(net.relu(net.second(hidden))).flatten(1))

    found = layers_of(reused)
    assert found.explained == Tap("relu", call=1)
    assert [str(stage.tap) for stage in found.stages] == ["relu", "relu#1"]
    assert found.taps[Tap("relu")] == (CHANNELS, 20, 20)
    assert found.taps[Tap("relu", call=1)] == (CHANNELS, 10, 10)


def test_without_any_pool_the_last_activation_is_explained_and_there_is_no_cam_head() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 256, 2)
    )
    found = find_layers(net, (3, 20, 20))
    assert str(found.explained) == "3"
    assert found.linear_head is None


@pytest.mark.parametrize("pooled", [lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), lambda x: x.mean(3).mean(2)])
@pytest.mark.parametrize("joined", [lambda net, x: F.relu(net.second(x) + x), lambda net, x: F.relu(net.second(x)) * 2])
def test_what_no_module_hands_on_is_not_explained_by_an_earlier_layer(pooled: Any, joined: Any) -> None:
    """The stem's own pool must not pass for the last one: that would explain the wrong layer without a word."""
    found = layers_of(lambda net, x: net.head(pooled(joined(net, net.stem(x)))))
    assert found.explained is None
    assert found.linear_head is None
    assert "first+relu" in {str(tap) for tap in found.taps}


def test_a_sum_in_place_keeps_its_name() -> None:
    def residual(net: Any, images: Tensor) -> Tensor:
        stem = net.stem(images)
        features = net.norm(net.second(stem))
        features += stem
        return net.head(net.pool(F.relu(features)).flatten(1))

    assert str(layers_of(residual).explained) == "norm+relu"


def test_squeeze_and_excitation_is_not_the_last_pool() -> None:
    def gated(net: Any, images: Tensor) -> Tensor:
        hidden = F.relu(net.first(images))
        gates = torch.sigmoid(net.second(net.pool(hidden)))
        return net.head(F.relu(net.second(hidden * gates)).mean((2, 3)))

    found = layers_of(gated)
    assert str(found.explained) == "second+relu#1"
    assert found.other_nonlinearities == ()  # a gate beside ReLUs is no activation


def test_a_hidden_layer_behind_the_pool_is_no_linear_head() -> None:
    found = find_layers(small_vgg(), (3, 20, 20))
    assert str(found.explained) == "1"
    assert found.linear_head is None


ACTIVATIONS = {
    "SiLU": nn.SiLU, "GELU": nn.GELU, "ELU": nn.ELU, "CELU": nn.CELU, "SELU": nn.SELU, "Mish": nn.Mish,
    "leaky ReLU": nn.LeakyReLU, "PReLU": nn.PReLU, "Hardswish": nn.Hardswish, "Hardsigmoid": nn.Hardsigmoid,
    "Softplus": nn.Softplus, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "Hardtanh": nn.Hardtanh, "RReLU": nn.RReLU,
    "LogSigmoid": nn.LogSigmoid, "Softsign": nn.Softsign, "Tanhshrink": nn.Tanhshrink, "Softshrink": nn.Softshrink,
    "Hardshrink": nn.Hardshrink, "softmax": lambda: nn.Softmax(dim=1), "Threshold": lambda: nn.Threshold(0.1, 0.0),
}  # fmt: skip

GATES = {"Hardsigmoid", "sigmoid", "softmax"}
"""They weigh other tensors; what they give is no feature."""


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_nonlinearity_of_torch_that_is_no_relu_is_named(name: str) -> None:
    found = find_layers(modules_only(activation=ACTIVATIONS[name]), (3, 16, 16))
    assert found.other_nonlinearities == (name,)
    assert [str(stage.tap) for stage in found.stages] == ([] if name in GATES else ["2", "6"])


@pytest.mark.parametrize("relu", [nn.ReLU, lambda: nn.ReLU(inplace=True), nn.ReLU6, lambda: nn.Threshold(0.0, 0.0)])
def test_every_relu_is_known_as_one(relu: Any) -> None:
    found = find_layers(modules_only(activation=relu), (3, 16, 16))
    assert found.other_nonlinearities == ()
    assert [str(stage.tap) for stage in found.stages] == ["2", "6"]


@pytest.mark.parametrize("in_place", [nn.SiLU(inplace=True), nn.ELU(inplace=True), nn.LeakyReLU(inplace=True)])
def test_a_nonlinearity_in_place_is_named_too(in_place: nn.Module) -> None:
    assert find_layers(modules_only(activation=lambda: in_place), (3, 16, 16)).other_nonlinearities


def test_what_is_averaged_is_explained_also_behind_a_max_pool() -> None:
    net = nn.Sequential(*modules_only()[:7], nn.MaxPool2d(2), *modules_only()[7:])
    found = find_layers(net, (3, 16, 16))
    assert (str(found.explained), found.linear_head) == ("7", "10")
    functional_pool = layers_of(
        lambda net, x: net.head(F.max_pool2d(net.relu(net.second(net.stem(x))), 2).mean((2, 3)))
    )
    assert (str(functional_pool.explained), functional_pool.linear_head) == ("relu", None)


@pytest.mark.parametrize(
    ("behind", "head"),
    [
        (lambda net, v: net.head(v), "head"),
        (lambda net, v: F.dropout(net.head(F.dropout(v, 0.5, net.training)), 0.5, net.training), "head"),
        (lambda net, v: net.head(v[:, :, None, None][:, :, 0, 0]), "head"),
        (lambda net, v: net.head(v) * 3, None),
        (lambda net, v: net.head(v**2), None),
        (lambda net, v: net.head(F.layer_norm(v, (CHANNELS,))), None),
        (lambda net, v: net.head(F.relu_(v - 1)), None),
        (lambda net, v: net.head(v).relu_(), None),
    ],
)
def test_a_linear_head_weighs_the_means_and_nothing_else_happens(behind: Any, head: str | None) -> None:
    found = layers_of(lambda net, x: behind(net, F.relu(net.second(net.stem(x))).mean((2, 3))))
    assert str(found.explained) == "second+relu"
    assert found.linear_head == head


def test_a_network_that_weighs_before_it_averages() -> None:
    weighs = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = find_layers(weighs, (3, 16, 16))
    assert (str(found.explained), found.linear_head) == ("1", "2")


class Tokens(nn.Module):
    """A small vision transformer: patches, a class token, two blocks of attention."""

    def __init__(self, *, mean: bool) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.first, self.second = (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True) for _ in range(2))
        self.norm1, self.norm2, self.last = (nn.LayerNorm(16) for _ in range(3))
        self.head = nn.Linear(16, 2)
        self.mean = mean

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        if not self.mean:
            tokens = torch.cat([tokens[:, :1] * 0, tokens], dim=1)
        for norm, block in ((self.norm1, self.first), (self.norm2, self.second)):
            tokens = block(norm(tokens))
        tokens = self.last(tokens)
        return self.head(tokens.mean(dim=1) if self.mean else tokens[:, 0])


def test_tokens_know_their_places_and_those_in_front() -> None:
    found = find_layers(Tokens(mean=False).eval(), (3, 24, 24))
    assert found.explained == Tap("norm2")  # behind the last attention no output sees the other tokens
    assert str(found.explained.layout) == "tokens (1 + 6 x 6)"
    assert found.taps[found.explained] == (16, 6, 6)
    assert found.linear_head is None
    averaged = find_layers(Tokens(mean=True).eval(), (3, 24, 24))
    assert str(averaged.explained) == "last"
    assert str(averaged.explained.layout) == "tokens (0 + 6 x 6)"
    assert averaged.linear_head == "head"


@pytest.mark.parametrize("layout", [Layout(), Layout("nhwc"), Layout("tokens", 2, (4, 5))])
def test_every_layout_gives_channels_first(layout: Layout) -> None:
    wanted = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    last = wanted.permute(0, 2, 3, 1)
    given = {"nchw": wanted, "nhwc": last, "tokens": torch.cat([torch.zeros(2, 2, 3), last.flatten(1, 2)], dim=1)}
    assert torch.equal(layout.spatial(given[layout.name]), wanted)
    assert layout.sizes(tuple(given[layout.name].shape[1:])) == (3, 4, 5)


def test_channels_last_is_told_apart() -> None:
    class Permuted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.head = nn.Conv2d(3, 8, 4, stride=4), nn.LayerNorm(8), nn.Linear(8, 2)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.norm(self.conv(images).permute(0, 2, 3, 1)).mean((1, 2)))

    found = find_layers(Permuted(), (3, 24, 24))
    assert (str(found.explained), found.explained.layout, found.linear_head) == ("norm", Layout("nhwc"), "head")
    assert found.taps[found.explained] == (8, 6, 6)


WITHOUT_CAM = ("alexnet", "convnext", "maxvit", "mobilenet_v3", "vgg", "vit")
NONE_FOUND = {"gemma4_vit_167m", "hiera_tiny_224", "levit_128", "naflexvit_base_patch16_gap", "nest_tiny", "pit_b_224",
              "tnt_b_patch16_224"}  # fmt: skip
"""Their images are torn into windows or patches before the network sees them."""


@pytest.fixture(scope="module")
def table() -> Any:
    """Return the script that writes ``docs/layers.md``."""
    return runpy.run_path(str(Path(__file__).parents[2] / "docs" / "layers.py"))


@pytest.mark.slow
def test_every_network_of_torchvision_has_a_layer_to_explain(table: Any) -> None:
    for name, _, found in table["torchvision_layers"]():
        assert found is not None, name
        assert found.explained is not None, name
        assert (found.linear_head is None) == name.startswith(WITHOUT_CAM), name
        assert found.stages or name.startswith("vit"), name


@pytest.mark.slow
def test_one_network_of_each_family_of_timm_has_a_layer_to_explain(table: Any) -> None:
    found = {name: each for name, _, each in table["timm_layers"]()}
    assert len(found) > 90
    assert {name for name, each in found.items() if each is None or each.explained is None} == NONE_FOUND


def test_an_unknown_layer_offers_the_nearest_name() -> None:
    found = find_layers(modules_only(), (3, 16, 16))
    assert found.tap("6") == Tap("6")
    with pytest.raises(ModelError, match=r"no layer is called 'second\.relu'; did you mean 'second'"):
        layers_of(functional).tap("second.relu")


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (modules_only(), (1, 20, 20), r"refuses an input of shape \(2, 1, 20, 20\)"),
        (nn.Conv2d(3, 4, 3), (3, 20, 20), r"returns \(2, 4, 18, 18\); wanted a tensor \(n, outputs\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), (3, 20, 20), "refuses an input"),
    ],
)
def test_what_is_refused_in_one_line(module: nn.Module, shape: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        find_layers(module, shape)
    assert "\n" not in str(caught.value)


def test_a_network_that_returns_no_tensor_is_refused() -> None:
    class Pair(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images, images

    with pytest.raises(ModelError, match="returns tuple"):
        find_layers(Pair(), (3, 20, 20))


@pytest.mark.parametrize("shape", [(3, 20, 20), (1, 20, 20)])
def test_the_network_is_left_as_found_also_where_it_refuses(shape: tuple[int, int, int]) -> None:
    net = unusual(hand_written(functional))
    before = state_of(net)
    try:
        find_layers(net, shape)
    except ModelError:
        assert shape[0] == 1
    assert state_of(net) == before


def test_a_second_look_finds_the_same() -> None:
    net = hand_written(functional)
    assert find_layers(net, (3, 20, 20)) == find_layers(net, (3, 20, 20))
