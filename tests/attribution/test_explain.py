"""The one entry: maps land where the evidence is, labels are unique, what cannot be read is listed."""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from tests.small_networks import functional, hand_written, modules_only, noise, small_resnet, small_vgg
from workbench.attribution import METHODS, explain
from workbench.attribution.gradient_cams import GradCAM
from workbench.attribution.methods import AbstractMethod, OwnMethod
from workbench.core.case import Case
from workbench.core.errors import MethodRefusedError, ModelError, ReaderError, UnknownNameError
from workbench.core.explanation import Explanation
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.runs import freed_memory

NAMES = ("normal", "abnormal")
SIDE = 64
EVIDENCE = (70, 12, 86, 28)
"""(left, top, right, bottom) on a film of 60 x 100: far from its centre, so that every mistake shows."""


class BrightSpots(nn.Module):
    """Says abnormal where a part of the film is nearly white: the evidence is known."""

    def __init__(self) -> None:
        super().__init__()
        self.blur = nn.AvgPool2d(5, stride=2, padding=2)
        self.bright = nn.Conv2d(3, 1, 1)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(1, 2)
        with torch.no_grad():
            self.bright.weight.fill_(1 / 3)
            self.bright.bias.fill_(-0.6)
            self.head.weight.copy_(torch.tensor([[-1.0], [1.0]]))
            self.head.bias.zero_()  # else chance says which class is predicted, and so the sign of the map

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.pool(self.relu(self.bright(self.blur(images)))).flatten(1))


def film_with_evidence() -> np.ndarray:
    film = np.full((60, 100), 0.2, dtype=np.float32)
    left, top, right, bottom = EVIDENCE
    film[top:bottom, left:right] = 1.0
    return film


RECIPES = {
    "stretch": {},
    "pad": {"fit": "pad"},
    "flip": {"flip": True},
    "pad and flip": {"fit": "pad", "flip": True},
    "rotation": {"rotation_deg": 20.0},
    "pad, flip and rotation": {"fit": "pad", "flip": True, "rotation_deg": -35.0},
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("method", ["cam", "grad-cam", "guided-backprop", "integrated-gradients"])
def test_the_peak_lands_in_the_evidence(name: str, method: str) -> None:
    recipe = Recipe(size=SIDE, normalisation="unit", **RECIPES[name])
    classifier = wrap(BrightSpots(), class_names=NAMES, recipe=recipe)
    found = explain(classifier, film_with_evidence(), [method], target="abnormal")[method]
    drawn = found.on_film(0)
    assert drawn.shape == (60, 100)
    left, top, right, bottom = EVIDENCE
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    assert top <= row < bottom
    assert left <= column < right
    rows, columns = np.indices(drawn.shape) + 0.5
    weight = np.clip(drawn, 0, None)
    centre = (weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()
    np.testing.assert_allclose(centre, ((left + right) / 2, (top + bottom) / 2), atol=1.5)


def test_every_film_has_its_own_way_back() -> None:
    recipe = Recipe(size=SIDE, fit="pad", normalisation="unit")
    films = [film_with_evidence(), film_with_evidence().T, np.pad(film_with_evidence(), ((40, 0), (0, 7)))]
    found = explain(wrap(BrightSpots(), class_names=NAMES, recipe=recipe), films, ["cam"], batch_size=2)["cam"]
    left, top = EVIDENCE[:2]
    for index, (x, y) in enumerate([(left, top), (top, left), (left, top + 40)]):
        drawn = found.on_film(index)
        assert drawn.shape == films[index].shape
        row, column = np.unravel_index(drawn.argmax(), drawn.shape)
        assert y <= row < y + 16
        assert x <= column < x + 16


def classifier(net: nn.Module | None = None, **more: Any) -> Classifier:
    return wrap(net or hand_written(functional), class_names=NAMES, input_size=48, **more)


IMAGES = noise(5, 3, 48, 48)
ALL = tuple(name for name in METHODS if not issubclass(METHODS.get(name), OwnMethod))
"""Those that share one pass; the others run by themselves whoever else is asked."""


def test_together_and_alone_are_the_same() -> None:
    model = classifier(small_resnet())
    together = explain(model, IMAGES, ALL, target="abnormal")
    assert tuple(together) == ALL
    for name in ALL:
        alone = explain(model, IMAGES, [name], target="abnormal", batch_size=2)[name]
        if isinstance(alone, Explanation):
            scale = np.abs(alone.maps).max()
            np.testing.assert_allclose(together[name].maps, alone.maps, rtol=1e-3, atol=1e-4 * scale)
        else:
            for ours, theirs in zip(together[name].stages, alone.stages, strict=True):
                np.testing.assert_allclose(ours.maps, theirs.maps, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("positive", NAMES)
def test_a_sigmoid_head_explains_both_classes(positive: str) -> None:
    model = classifier(hand_written(functional, outputs=1), positive=(positive,))
    found = {target: explain(model, IMAGES, ["grad-cam", "guided-backprop"], target=target) for target in NAMES}
    assert [set(found[target]["grad-cam"].targets) for target in NAMES] == [{0}, {1}]
    normal, abnormal = (found[target]["grad-cam"].maps for target in NAMES)
    np.testing.assert_allclose(normal, -abnormal, rtol=1e-4, atol=1e-8)
    other = explain(classifier(hand_written(functional, outputs=1)), IMAGES, ["grad-cam"], target="abnormal")
    expected = other["grad-cam"].maps * (1 if positive == "abnormal" else -1)
    np.testing.assert_allclose(abnormal, expected, rtol=1e-4, atol=1e-8)
    assert found["normal"]["grad-cam"].provenance["score"] == "log-odds of the class"
    assert not np.allclose(found["normal"]["guided-backprop"].maps, -found["abnormal"]["guided-backprop"].maps)


def test_the_predicted_class_is_chosen_film_by_film() -> None:
    model = classifier()
    with torch.no_grad():
        model.module.head.bias.copy_(torch.tensor([0.0, 0.0]))
        gap = (model.logits(IMAGES)[:, 0] - model.logits(IMAGES)[:, 1]).median()
        model.module.head.bias[1] += gap
    found = explain(model, IMAGES, ["grad-cam"])["grad-cam"]
    assert set(found.targets.tolist()) == {0, 1}
    np.testing.assert_array_equal(found.targets, found.probabilities.argmax(axis=1))
    for index, wanted in enumerate(found.targets):
        alone = explain(model, IMAGES[index : index + 1], ["grad-cam"], target=NAMES[wanted])["grad-cam"]
        np.testing.assert_allclose(found.maps[index], alone.maps[0], rtol=1e-3, atol=1e-7)


def test_labels_are_unique_and_say_what_was_asked() -> None:
    methods: list[str | AbstractMethod] = ["grad-cam", GradCAM(layer="norm"), "cam", GradCAM(layer="first"), "grad-cam"]
    found = explain(classifier(), IMAGES[:1], methods)
    assert list(found) == ["grad-cam", "grad-cam-2", "cam", "grad-cam-3", "grad-cam-4"]
    layers = [found[label].provenance["layer"] for label in found]
    assert layers == ["norm+relu", "norm", "norm+relu", "first", "norm+relu"]
    assert [found[label].method for label in found] == list(found)
    assert found["grad-cam-3"].maps.shape == (1, 48, 48)


def films_of(folder: Path) -> Manifest:
    cases = []
    for index in range(4):
        write_png(folder / f"{index}.png", film_with_evidence())
        cases.append(Case(f"c{index}", "p", "s", f"{index}.png", label=NAMES[index % 2]))
    (folder / "1.png").write_bytes(b"no film at all")
    return Manifest("toy", NAMES, ("abnormal",), folder, tuple(cases))


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_an_unreadable_film_is_listed_and_the_rest_goes_on(tmp_path: Path, batch_size: int) -> None:
    progress: list[tuple[int, int]] = []
    found = explain(
        classifier(),
        films_of(tmp_path),
        ["cam", "activations"],
        target="expected",
        batch_size=batch_size,
        progress=lambda done, total: progress.append((done, total)),
    )
    for each in found.values():
        assert each.case_ids == ("c0", "c2", "c3")
        assert [skipped.what for skipped in each.skipped] == ["c1"]
        assert len(each.to_film) == len(each.film_sizes) == 3
    assert found["cam"].targets.tolist() == [0, 0, 1]
    assert progress[-1] == (4, 4)


def test_nothing_readable_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="none of 1 films could be read; first: c1: ") as caught:
        explain(classifier(), films_of(tmp_path).select(["c1"]), ["cam"])
    assert "\n" not in str(caught.value)
    with pytest.raises(ReaderError, match="none of 0 films"):
        explain(classifier(), films_of(tmp_path).where(()), ["cam"])


def test_one_film_is_one_in_progress_too() -> None:
    progress: list[tuple[int, int]] = []
    explain(classifier(), film_with_evidence(), ["cam"], progress=lambda *each: progress.append(each))
    assert progress == [(1, 1)]


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_a_bare_network_takes_a_tensor(outputs: int) -> None:
    net = hand_written(functional, outputs=outputs)
    images = noise(2, 3, 32, 44)
    found = explain(net, images, ["cam", "guided-backprop", "integrated-gradients"], target="class 0")
    assert found["cam"].maps.shape == (2, 16, 22)
    assert found["guided-backprop"].maps.shape == (2, 32, 44)
    assert found["cam"].on_film(0).shape == (32, 44)
    named = explain(classifier(net), images, ["cam"], target="normal")["cam"] if outputs < 3 else found["cam"]
    np.testing.assert_allclose(found["cam"].maps, named.maps, rtol=1e-5)


def test_a_bare_network_takes_nothing_else() -> None:
    with pytest.raises(ReaderError, match="a bare network takes a tensor, given ndarray"):
        explain(modules_only(), np.zeros((2, 32, 32)), ["cam"])
    for images in (torch.zeros(3, 32, 32), torch.zeros(1, 2, 32, 32)):
        with pytest.raises(ReaderError, match=r"wanted \(n, 1, h, w\) or \(n, 3, h, w\)"):
            explain(modules_only(), images, ["cam"])


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no method is called 'gradcam'; did you mean 'grad-cam'"):
        explain(classifier(), IMAGES, ["gradcam"])
    with pytest.raises(UnknownNameError, match="no target is called 'abnormale'; did you mean 'abnormal'"):
        explain(classifier(), IMAGES, ["cam"], target="abnormale")
    with pytest.raises(ModelError, match="needs labels, 5 of 5"):
        explain(classifier(), IMAGES, ["cam"], target="expected")


def test_a_refusal_comes_before_any_film_is_read() -> None:
    class Unread(Sequence):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: Any) -> Any:
            pytest.fail("a film was read")

    with pytest.raises(MethodRefusedError, match="use grad-cam"):
        explain(classifier(small_vgg()), Unread(), ["cam"])
    with pytest.raises(MethodRefusedError, match="uses SiLU"):
        explain(classifier(modules_only(activation=nn.SiLU)), Unread(), ["guided-backprop"])


def test_provenance_says_how_a_map_was_made() -> None:
    model = classifier()
    about = explain(model, IMAGES[:1], ["cam"], target="abnormal")["cam"].provenance
    assert about["weights_sha256"] == model.provenance["weights_sha256"]
    assert about["layer"] == "norm+relu"
    assert about["target"] == "abnormal"
    assert about["score"] == "logit of the class"
    assert about["recipe"] == model.recipe.to_json()
    assert "torch" in about["versions"]


@pytest.mark.slow
def test_five_hundred_explanations_leave_nothing_behind() -> None:
    model, images = classifier(), IMAGES[:1, :, :32, :32]
    methods = ["grad-cam", "guided-backprop", "activations", "cam", "integrated-gradients"]

    def living() -> int:
        gc.collect()
        tensors = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
        return sum(each.numel() for each in tensors if not is_lazy(each))

    explain(model, images, methods, target="abnormal")
    before = living()
    kept = explain(model, images, methods, target="abnormal")
    for _ in range(499):
        kept = explain(model, images, methods, target="abnormal")
    assert len(kept) == len(methods)
    assert living() == before
    control = model.logits(images)
    assert living() == before + control.numel()


@pytest.mark.skipif(freed_memory._glibc() is None, reason="no glibc, or memory is set by a variable")
@pytest.mark.parametrize(("method", "users"), [("grad-cam", 0), ("saliency", 1), ("occlusion", 1)])
def test_freed_memory_is_kept_where_that_saves_time(method: str, users: int) -> None:
    seen: list[int] = []
    explain(small_resnet(), noise(1, 3, 32, 32), [method], progress=lambda *_: seen.append(freed_memory._users))
    assert seen == [users]
    assert freed_memory._users == 0
