"""The zoo: every name builds, weights come from where they should, and what does not fit is refused in one line."""

import re
import shutil
from pathlib import Path
from unittest import mock
from urllib.error import URLError

import pytest
import torch
from torch import nn

from workbench.core.errors import ModelError, UnknownNameError
from workbench.imaging.recipes import Recipe
from workbench.models import zoo
from workbench.models.architectures import (
    ARCHITECTURES,
    PAPER_NETWORKS,
    STANDS_IN,
    TIMM,
    head_name,
    replace_head,
    weightless,
)
from workbench.models.weights import load_weights, weights_digest, write_weights
from workbench.models.zoo import build_classifier, imagenet_file

SMALL = {"compact-densenet", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "resnet18"}
REAL = {"squeezenet1_0": "squeezenet1_0_imagenet_deepcompression", "mobilenet_v2": "mobilenet_v2_imagenet_coral"}
TABBY, TIGER_CAT, EGYPTIAN_CAT = 281, 282, 285
ESPRESSO, CUP, COFFEE_MUG = 967, 968, 504
PICTURES = {"chelsea": {TABBY, TIGER_CAT, EGYPTIAN_CAT}, "coffee": {ESPRESSO, CUP, COFFEE_MUG}}


def real_weights(shared_data: Path, name: str) -> Path:
    return shared_data / "weights" / f"{REAL[name]}_fp16.safetensors"


INPUT_SIZES = {"inception_v3": 299} | dict.fromkeys(TIMM, 299)
QUICK = {"densenet121", "resnet18", "squeezenet1_0", "vgg11", "regnet_y_400mf", "mnasnet0_5", "compact-densenet"}
each_architecture = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in ARCHITECTURES]
)


@each_architecture
def test_every_architecture_has_as_many_outputs_as_asked_and_loads_by_name(name: str) -> None:
    """In training too; and a plain mapping carries no versions of formats, without which MNASNet refuses."""
    net, other = (weightless(lambda: ARCHITECTURES.get(name)(2)) for _ in range(2))
    load_weights(net, dict(other.state_dict()), name)
    images = torch.empty(2, 3, *2 * (INPUT_SIZES.get(name, 224),), device="meta")
    assert net.train()(images).shape == (2, 2)
    replace_head(net, 5)
    assert net.to("meta").eval()(images).shape == (2, 5)


def test_every_network_of_the_papers_has_an_architecture_that_stands_for_it() -> None:
    assert len(PAPER_NETWORKS["murad"]) == 18
    for paper, networks in PAPER_NETWORKS.items():
        assert set(networks.values()) <= set(ARCHITECTURES), paper
    assert all(network in PAPER_NETWORKS[paper] for paper, network in STANDS_IN)


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
    shutil.copy(tmp_path / "w.safetensors", tmp_path / f"{name}.safetensors")
    from_folder = build_classifier(name, weights=str(tmp_path), seed=9)
    assert weights_digest(from_folder.module) == weights_digest(classifier.module)
    with pytest.raises(ModelError, match=f"not the weights of {name} for ImageNet's 1000 classes"):
        build_classifier(name, class_names=("a", "b", "c"), positive=(), weights=str(tmp_path / "w.safetensors"))


def test_without_a_network_imagenet_weights_say_what_would_do() -> None:
    failing = mock.patch("torch.hub.load_state_dict_from_url", side_effect=URLError("no route"))
    inside = mock.patch("torchvision.models._api.load_state_dict_from_url", side_effect=URLError("no route"))
    with failing, inside, pytest.raises(ModelError, match="resnet18 cannot be downloaded") as caught:
        build_classifier("resnet18", weights="imagenet")
    assert "path of a safetensors file" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["densenet121", "inception_v3"])
def test_downloaded_weights_have_todays_names_and_no_auxiliary_heads(name: str) -> None:
    """torchvision's files still name DenseNet's layers ``norm.1``, and carry Inception's second head."""
    with torch.device("meta"):
        extra = {"init_weights": False} if name == "inception_v3" else {}
        state = zoo.torchvision.models.get_model(name, **extra).state_dict()
    for key in list(state):
        old = re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key)
        state[old] = torch.zeros_like(state.pop(key), device="cpu")
    assert any(".norm.1." in key or key.startswith("AuxLogits") for key in state)
    downloaded = mock.Mock()
    downloaded.return_value.DEFAULT.get_state_dict.return_value = state
    with mock.patch.object(zoo.torchvision.models, "get_model_weights", downloaded):
        module = build_classifier(name, weights="imagenet").module
    body = {key: tensor for key, tensor in module.state_dict().items() if not key.startswith(head_name(module))}
    assert all((tensor == 0).all() for tensor in body.values())
    (given,) = downloaded.return_value.DEFAULT.get_state_dict.call_args_list
    assert given.kwargs["weights_only"]


def test_timms_weights_come_from_timm_and_without_a_network_say_what_would_do() -> None:
    import timm

    failing = mock.patch.object(timm, "create_model", side_effect=OSError("no route\nmore"))
    with failing, pytest.raises(ModelError, match=r"timm's weights of nasnetalarge cannot be downloaded \(no route\)"):
        zoo.imagenet_weights("nasnetalarge")


def test_file_of_imagenet_weights_is_found_where_the_library_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert imagenet_file("resnet18") is None
    kept = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"

    def download(url: str, path: str, *_: object, **__: object) -> None:
        torch.save(ARCHITECTURES.get("resnet18")(1000).state_dict(), path)

    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    assert zoo.imagenet_weights("resnet18")["fc.weight"].shape == (1000, 512)
    assert imagenet_file("resnet18") == kept


def test_file_of_timms_weights_is_found_where_the_hub_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert [imagenet_file(name) for name in ("xception41", "legacy_xception")] == [None, None]
    kept = tmp_path / "models--timm--xception41.tf_in1k"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("1234")
    (kept / "snapshots" / "1234").mkdir(parents=True)
    (kept / "snapshots" / "1234" / "model.safetensors").touch()
    assert imagenet_file("xception41") == kept / "snapshots" / "1234" / "model.safetensors"
    with pytest.raises(ModelError, match="resnetv2_152 has no ImageNet weights"):
        imagenet_file("resnetv2_152")


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
