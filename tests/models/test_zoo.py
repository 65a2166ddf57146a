"""The zoo: every name builds, weights come from where they should, and what does not fit is refused in one line."""

from pathlib import Path
from unittest import mock
from urllib.error import URLError

import pytest
import torch
from torch import nn

from workbench.core.errors import ModelError, UnknownNameError
from workbench.imaging.recipes import Recipe
from workbench.models import zoo
from workbench.models.weights import weights_digest, write_weights
from workbench.models.zoo import ARCHITECTURES, build_classifier, replace_head

SMALL = {"compact-densenet", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "resnet18"}
REAL = {"squeezenet1_0": "squeezenet1_0_imagenet_deepcompression", "mobilenet_v2": "mobilenet_v2_imagenet_coral"}
TABBY, TIGER_CAT, EGYPTIAN_CAT = 281, 282, 285
ESPRESSO, CUP, COFFEE_MUG = 967, 968, 504
PICTURES = {"chelsea": {TABBY, TIGER_CAT, EGYPTIAN_CAT}, "coffee": {ESPRESSO, CUP, COFFEE_MUG}}


def real_weights(shared_data: Path, name: str) -> Path:
    return shared_data / "weights" / f"{REAL[name]}_fp16.safetensors"


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("outputs", [1, 2])
def test_every_architecture_has_as_many_outputs_as_asked(name: str, outputs: int) -> None:
    with torch.device("meta"):
        net = ARCHITECTURES.get(name)(outputs).eval()
        assert net(torch.empty(2, 3, 224, 224)).shape == (2, outputs)


@pytest.mark.parametrize("name", sorted(SMALL))
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_a_small_one_runs(name: str, head: str) -> None:
    classifier = build_classifier(name, head=head, recipe=Recipe(size=64))
    images = classifier.recipe.normalise(torch.rand(2, 64, 64, generator=torch.Generator().manual_seed(0)))
    probabilities = classifier.head.probabilities(classifier.logits(images))
    assert probabilities.shape == (2, 2)
    assert not classifier.module.training
    assert probabilities.isfinite().all()


def test_a_fresh_squeezenet_may_say_less_than_zero() -> None:
    net = build_classifier("squeezenet1_0", recipe=Recipe(size=64)).module
    with torch.no_grad():
        net.classifier[1].bias.fill_(-5.0)
        assert (net(torch.zeros(1, 3, 64, 64)) < 0).all()


def test_random_weights_depend_on_the_seed_alone_and_leave_torchs_state() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = build_classifier("compact-densenet", seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    again, other = (build_classifier("compact-densenet", seed=seed) for seed in (5, 6))
    digests = [each.provenance["weights_sha256"] for each in (first, again, other)]
    assert digests[0] == digests[1] != digests[2]


def test_an_unknown_architecture_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no architecture is called 'densenet12'; did you mean 'densenet121'"):
        build_classifier("densenet12")


def test_a_positive_class_that_is_no_class_is_refused() -> None:
    with pytest.raises(ModelError, match="positive class 'ill' is not one of normal, abnormal"):
        build_classifier("compact-densenet", positive=("ill",))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("picture", PICTURES)
def test_real_weights_load_strictly_and_know_a_cat(shared_data: Path, name: str, picture: str) -> None:
    from skimage import data
    from skimage.transform import resize

    names = tuple(str(index) for index in range(1000))
    path = real_weights(shared_data, name)
    classifier = build_classifier(name, class_names=names, positive=(), weights=str(path))
    pixels = getattr(data, picture)()
    pixels = resize(pixels[:, (pixels.shape[1] - pixels.shape[0]) // 2 :][:, : pixels.shape[0]], (224, 224))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    image = (torch.from_numpy(pixels).float() - mean) / deviation
    best = set(classifier.logits(image.permute(2, 0, 1)[None]).topk(3).indices[0].tolist())
    assert best & PICTURES[picture]


@pytest.mark.parametrize("name", REAL)
def test_a_new_head_keeps_the_body(shared_data: Path, name: str) -> None:
    path = str(real_weights(shared_data, name))
    first, other = (build_classifier(name, weights=path, seed=seed).module.state_dict() for seed in (0, 1))
    changed = {key for key in first if not torch.equal(first[key], other[key])}
    assert {"classifier.1.weight"} <= changed <= {"classifier.1.weight", "classifier.1.bias"}
    assert first["classifier.1.weight"].shape[0] == 2


def test_weights_of_another_architecture_are_refused(shared_data: Path) -> None:
    path = str(real_weights(shared_data, "squeezenet1_0"))
    with pytest.raises(ModelError, match="these are not the weights of mobilenet_v2 for ImageNet's 1000") as caught:
        build_classifier("mobilenet_v2", weights=path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["compact-densenet", "squeezenet1_0", "mobilenet_v2"])
def test_weights_of_these_classes_come_back_whole(tmp_path: Path, name: str) -> None:
    """In a file the tensors are sorted by name: its last one is rarely the head's."""
    classifier = build_classifier(name, seed=4)
    write_weights(classifier.module, tmp_path / "w.safetensors")
    again = build_classifier(name, weights=str(tmp_path / "w.safetensors"), seed=9)
    assert weights_digest(again.module) == weights_digest(classifier.module)
    with pytest.raises(ModelError, match=f"not the weights of {name} for ImageNet's 1000 classes"):
        build_classifier(name, class_names=("a", "b", "c"), positive=(), weights=str(tmp_path / "w.safetensors"))


def test_without_a_network_imagenet_weights_say_what_would_do() -> None:
    failing = mock.patch("torch.hub.load_state_dict_from_url", side_effect=URLError("no route"))
    inside = mock.patch("torchvision.models._api.load_state_dict_from_url", side_effect=URLError("no route"))
    with failing, inside, pytest.raises(ModelError, match="resnet18 cannot be downloaded") as caught:
        build_classifier("resnet18", weights="imagenet")
    assert "path of a safetensors file" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_imagenet_weights_get_a_new_head_and_keep_the_body() -> None:
    source = ARCHITECTURES.get("squeezenet1_0")(1000)
    downloaded = mock.Mock()
    downloaded.return_value.DEFAULT.get_state_dict.return_value = source.state_dict()
    with mock.patch.object(zoo.torchvision.models, "get_model_weights", downloaded):
        found = build_classifier("squeezenet1_0", weights="imagenet").module.state_dict()
    for name, tensor in source.state_dict().items():
        assert name.startswith("classifier") or torch.equal(found[name], tensor)


def test_the_compact_one_has_no_imagenet_weights() -> None:
    with pytest.raises(ModelError, match="compact-densenet has no ImageNet weights; use weights='random'"):
        build_classifier("compact-densenet", weights="imagenet")


def test_replace_head_changes_the_last_layer_only() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4, 7), nn.ReLU(), nn.Linear(7, 5))
    before = list(net)
    replace_head(net, 3)
    assert [new is old for new, old in zip(net, before, strict=True)] == [True, True, True, True, False]
    assert net[4].weight.shape == (3, 7)
