"""Saved classifiers: equal bit by bit when loaded; whatever is damaged, changed or foreign is one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.small_networks import modules_only, noise
from workbench.core.errors import ModelError
from workbench.imaging.recipes import Recipe
from workbench.models.checkpoints import load_classifier, save_classifier
from workbench.models.classifier import wrap
from workbench.models.weights import weights_digest
from workbench.models.zoo import build_classifier

RECIPE = Recipe(size=64, fit="pad", normalisation="centred", flip=True, rotation_deg=7.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_classifier(build_classifier("compact-densenet", recipe=RECIPE, seed=2), tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "about",
    [
        {},
        {"head": "sigmoid", "class_names": ("ill", "well"), "positive": ("ill",)},
        {"class_names": ("a", "b", "c"), "positive": ("c", "a")},
        {"class_names": ("a", "b"), "positive": ()},
    ],
)
def test_saved_and_loaded_is_the_same_bit_by_bit(tmp_path: Path, about: dict[str, Any]) -> None:
    saved = build_classifier("compact-densenet", recipe=RECIPE, seed=2, **about)
    with torch.no_grad():  # statistics that training left behind are part of it
        saved.module.features.norm5.running_mean += 0.25
    save_classifier(saved, tmp_path)
    loaded = load_classifier(tmp_path)
    for field in ("head", "class_names", "positive", "recipe", "architecture"):
        assert getattr(loaded, field) == getattr(saved, field)
    assert loaded.provenance["weights_sha256"] == weights_digest(saved.module) == weights_digest(loaded.module)
    assert loaded.provenance["seed"] == 2
    images = noise(2, 3, 64, 64)
    assert torch.equal(loaded.logits(images), saved.logits(images))
    assert not loaded.module.training


def test_saving_twice_gives_the_same_bytes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    again = tmp_path_factory.mktemp("again")
    save_classifier(load_classifier(folder), again)
    for name in ("model.safetensors", "model.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_provenance_of_numpy_numbers_is_written(tmp_path: Path) -> None:
    classifier = build_classifier("compact-densenet", recipe=RECIPE)
    classifier.provenance["auroc"] = np.float64(0.5)
    save_classifier(classifier, tmp_path)
    assert load_classifier(tmp_path).provenance["auroc"] == 0.5


def test_a_wrapped_network_is_not_saved(tmp_path: Path) -> None:
    wrapped = wrap(modules_only(), class_names=("a", "b"), input_size=32)
    with pytest.raises(ModelError, match="Sequential is not of the zoo"):
        save_classifier(wrapped, tmp_path)
    assert not list(tmp_path.iterdir())


def edited(folder: Path, **changes: Any) -> None:
    path = folder / "model.json"
    about = json.loads(path.read_text())
    about.update(changes)
    path.write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "resnet18"}, "these are not the weights of resnet18 with 2 outputs"),
        ({"architecture": "resnet"}, "no architecture is called 'resnet'; did you mean"),
        ({"class_names": ["a", "b", "c"], "positive": ["a"]}, "compact-densenet with 3 outputs: .* has another shape"),
        ({"positive": ["ill"]}, "positive class 'ill' is not one of normal, abnormal"),
        ({"head": "tanh"}, "no head is called 'tanh'"),
        ({"format": 99}, "format 99, this version reads 1"),
        ({"recipe": {"size": 64, "zoom": 2}}, "recipe option 'zoom' is not known"),
        ({"recipe": {"size": 4}}, "Recipe.size: 4 is below 16"),
        ({"file_sha256": "0" * 64}, "changed since model.json was written"),
    ],
)
def test_what_model_json_may_not_say(folder: Path, changes: dict[str, Any], message: str) -> None:
    edited(folder, **changes)
    with pytest.raises(ModelError, match=message) as caught:
        load_classifier(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{}", "null"])
def test_a_model_json_that_is_none(folder: Path, content: str) -> None:
    (folder / "model.json").write_text(content)
    with pytest.raises(ModelError, match="no model of the workbench") as caught:
        load_classifier(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_an_absent_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        load_classifier(folder)


def test_one_changed_bit_is_found(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"changed since model\.json was written"):
        load_classifier(folder)


def test_a_truncated_file_and_a_pickle_are_called_so(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ModelError, match="not a safetensors file"):
        load_classifier(folder)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="a pickle, which could run code"):
        load_classifier(folder)
