"""Networks trained elsewhere: their factory is imported, their weights are only read, and what is saved loads again."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.small_networks import noise, small_resnet
from workbench.core.errors import ModelError
from workbench.core.files import read_json, write_json
from workbench.models.adopted import adopt
from workbench.models.checkpoints import load_classifier, save_classifier
from workbench.models.weights import write_weights

NAMES = ("normal", "abnormal")
FACTORY = "elsewhere.nets:build"
CODE = """
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock

number = 3


class Nets:
    @staticmethod
    def small():
        return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=2)


build = Nets.small
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder with a package of the user's own."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "__init__.py").touch()
    (tmp_path / "elsewhere" / "nets.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "elsewhere"]:
        del sys.modules[name]


def trained() -> dict[str, Tensor]:
    return small_resnet().state_dict()


def saved(content: Any, name: str = "weights.pt") -> Path:
    torch.save(content, name)
    return Path(name)


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in trained().items()}


def halved(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor


FILES = {
    "state dict": trained,
    "DataParallel": lambda: prefixed("module."),
    "Lightning": lambda: {"epoch": 3, "state_dict": prefixed("model."), "hyper_parameters": {"lr": 0.1}},
    "compiled in DDP": lambda: {"model": prefixed("module._orig_mod."), "optimizer": {"state": {}}},
    "half precision": lambda: {name: halved(each) for name, each in trained().items()},
}


@pytest.mark.parametrize("name", FILES)
def test_every_trainers_file_gives_the_same_network(name: str) -> None:
    classifier = adopt(FACTORY, saved(FILES[name]()), class_names=NAMES, input_size=64)
    images = noise(2, 3, 64, 64)
    tolerance = 1e-2 if name == "half precision" else 0.0
    torch.testing.assert_close(classifier.logits(images), small_resnet()(images), atol=tolerance, rtol=tolerance)
    assert not classifier.module.training
    assert classifier.factory == FACTORY
    assert classifier.provenance["left_out"] == []


def test_safetensors_are_taken(project: Path) -> None:
    write_weights(small_resnet(), project / "w.safetensors")
    classifier = adopt(FACTORY, project / "w.safetensors", class_names=NAMES, input_size=64)
    assert torch.equal(classifier.logits(noise(1, 3, 64, 64)), small_resnet()(noise(1, 3, 64, 64)))


def test_what_lies_beside_the_prefix_is_left_out_by_name() -> None:
    path = saved({"state_dict": {**prefixed("model."), "criterion.weight": torch.ones(2)}})
    assert adopt(FACTORY, path, class_names=NAMES, input_size=64).provenance["left_out"] == ["criterion.weight"]


def test_it_is_saved_and_loaded_bit_by_bit(project: Path) -> None:
    classifier = adopt(FACTORY, saved(trained()), class_names=NAMES, positive=("normal",), input_size=64)
    save_classifier(classifier, project / "run")
    again = load_classifier(project / "run")
    assert torch.equal(again.logits(noise(2, 3, 64, 64)), classifier.logits(noise(2, 3, 64, 64)))
    for name in ("factory", "class_names", "positive", "recipe", "architecture", "head", "provenance"):
        assert getattr(again, name) == getattr(classifier, name)
    save_classifier(again, project / "second")
    assert read_json(project / "second" / "model.json") == read_json(project / "run" / "model.json")


def test_a_factory_that_is_gone_is_one_line_at_loading(project: Path) -> None:
    save_classifier(adopt(FACTORY, saved(trained()), class_names=NAMES, input_size=64), project / "run")
    about = read_json(project / "run" / "model.json")
    write_json(project / "run" / "model.json", about | {"factory": "elsewhere.lost:build"})
    with pytest.raises(ModelError, match=r"no module is called 'elsewhere\.lost'; run from the folder it lies in"):
        load_classifier(project / "run")


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("nowhere.nets:build", "no module is called 'nowhere'"),
        ("elsewhere.nets:bild", r"module 'elsewhere\.nets' has no attribute 'bild'"),
        ("elsewhere.nets", r"wanted package\.module:function"),
        ("elsewhere.nets:number", "gave int; wanted a function that returns a network"),
    ],
)
def test_a_factory_that_is_none_is_one_line(factory: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        adopt(factory, saved(trained()), class_names=NAMES)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("it-ran"),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Evil, "holds more than weights"),
        (small_resnet, "holds more than weights"),
        (lambda: {"epoch": 3}, "holds no weights by name"),
        (lambda: [torch.zeros(2)], "holds no weights by name"),
        (lambda: {"fc.weight": torch.zeros(2, 512)}, "is missing"),
        (lambda: {**trained(), "more": torch.zeros(1)}, "more is not part of it"),
        (lambda: {**trained(), "fc.bias": torch.zeros(3)}, "fc.bias has another shape"),
    ],
)
def test_a_file_that_does_not_do_is_one_line_and_never_run(project: Path, content: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        adopt(FACTORY, saved(content()), class_names=NAMES)
    assert "\n" not in str(caught.value)
    assert not (project / "it-ran").exists()


def test_a_file_that_is_absent_or_damaged_is_one_line(project: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        adopt(FACTORY, project / "absent.pt", class_names=NAMES)
    saved(trained())
    damaged = project / "damaged.pt"
    damaged.write_bytes((project / "weights.pt").read_bytes()[:5000])
    with pytest.raises(ModelError, match="holds more than weights, or is damaged"):
        adopt(FACTORY, damaged, class_names=NAMES)
