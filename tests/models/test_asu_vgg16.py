"""The per-body-part paper's VGG16: its head, its pretrained convolutions, and why it has no exact CAM."""

from pathlib import Path

import pytest
import torch
import torchvision

from workbench.attribution import explain
from workbench.core.errors import MethodRefusedError, ModelError
from workbench.imaging.recipes import Recipe
from workbench.models.weights import write_weights
from workbench.models.zoo import build_classifier
from workbench.runs import RunStore

RECIPE = Recipe(size=64)


def test_it_pools_normalised_convolutions_and_weighs_them_leaky() -> None:
    module = build_classifier("asu-vgg16", recipe=RECIPE).module
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = module.features(images)
        norm = module.norm
        scaled = (maps - norm.running_mean[:, None, None]) / (norm.running_var + norm.eps).sqrt()[:, None, None]
        pooled = scaled.mean(dim=(2, 3)) * norm.weight + norm.bias
        wanted = torch.where(pooled > 0, pooled, 0.01 * pooled) @ module.classifier.weight.T + module.classifier.bias
        torch.testing.assert_close(module(images), wanted, rtol=1e-4, atol=1e-5)


def test_its_convolutions_take_the_weights_of_imagenets_vgg16(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        vgg16 = torchvision.models.vgg16(weights=None)
    write_weights(vgg16, tmp_path / "vgg16.safetensors")
    module = build_classifier("asu-vgg16", recipe=RECIPE, weights=str(tmp_path / "vgg16.safetensors")).module
    torch.testing.assert_close(module.features[0].weight, vgg16.features[0].weight)
    assert module.classifier.weight.shape == (2, 512)


def test_cam_refuses_and_grad_cam_works() -> None:
    classifier = build_classifier("asu-vgg16", recipe=RECIPE)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with pytest.raises(MethodRefusedError, match="use grad-cam"):
        explain(classifier, images, ["cam"])
    assert explain(classifier, images, ["grad-cam"])["grad-cam"].maps.shape == (1, 2, 2)


def test_a_training_goes_on_from_an_earlier_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    first = build_classifier("compact-densenet", recipe=RECIPE, seed=3)
    with RunStore(tmp_path / "runs").create("train", {}) as run:
        write_weights(first.module, run.folder / "model.safetensors")
    for reference in (str(run.folder), run.folder.name):
        again = build_classifier("compact-densenet", recipe=RECIPE, weights=reference, seed=4)
        assert again.provenance["weights_sha256"] == first.provenance["weights_sha256"]
    with pytest.raises(ModelError, match=r"neither random, imagenet, .*, a folder with compact-densenet"):
        build_classifier("compact-densenet", recipe=RECIPE, weights="nothing")
