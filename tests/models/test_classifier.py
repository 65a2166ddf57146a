"""Wrapping networks and predicting: what is found is used or skipped, in order, whatever the batch."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.module_state import state_of, unusual
from tests.small_networks import functional, hand_written, modules_only, noise
from workbench.core.case import Case
from workbench.core.errors import ModelError, OptionError
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import read_radiograph
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, layers, predict, wrap
from workbench.models.head import Head
from workbench.models.weights import weights_digest
from workbench.runs import freed_memory

NAMES = ("normal", "abnormal")


def test_wrap_finds_the_head_and_shares_the_network() -> None:
    two, one = modules_only(), modules_only(outputs=1)
    softmax, sigmoid = (wrap(net, class_names=NAMES, input_size=32) for net in (two, one))
    assert softmax.module is two
    assert (softmax.head, sigmoid.head) == (Head("softmax", 2, 1), Head("sigmoid", 2, 1))
    assert softmax.positive == ("abnormal",)
    assert softmax.recipe == Recipe(size=32)
    assert softmax.architecture == "Sequential"
    assert softmax.provenance["weights_sha256"] == weights_digest(two)
    assert softmax.parameter_count == sum(tensor.numel() for tensor in two.parameters())


def test_wrap_takes_positive_classes_anywhere() -> None:
    wrapped = wrap(modules_only(outputs=1), class_names=("ill", "well"), positive=("ill",), input_size=32)
    assert wrapped.head.positive == 0
    several = wrap(modules_only(outputs=3), class_names="abc", positive=("b", "a"), input_size=32)
    assert several.positive == ("b", "a")
    assert wrap(modules_only(), class_names=NAMES, positive=(), input_size=32).positive == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_names": ("a", "b", "c")}, "the network has 2 outputs, a softmax head of 3 classes 3"),
        ({"class_names": NAMES, "head": "sigmoid"}, "the network has 2 outputs, a sigmoid head of 2 classes 1"),
        ({"class_names": NAMES, "head": "tanh"}, "no head is called 'tanh'"),
        ({"class_names": NAMES, "positive": ("ill",)}, "positive class 'ill' is not one of normal, abnormal"),
        ({"class_names": NAMES, "recipe": Recipe(size=64)}, "input_size 32 and the recipe's size 64 differ"),
        ({"class_names": NAMES, "recipe": Recipe(size=32, channels=1)}, "refuses an input of shape"),
    ],
)
def test_wrap_refuses_in_one_line(arguments: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        wrap(modules_only(), input_size=32, **arguments)
    assert "\n" not in str(caught.value)


def test_class_names_and_head_must_agree() -> None:
    with pytest.raises(ModelError, match="3 class names for a head of 2 classes"):
        Classifier(nn.Identity(), Head(), ("a", "b", "c"), (), Recipe(), "identity")


def test_logits_leave_the_network_as_found() -> None:
    net = unusual(hand_written(functional))
    before = state_of(net)
    classifier = wrap(net, class_names=NAMES, input_size=32)
    logits = classifier.logits(noise(2, 3, 32, 32))
    assert state_of(net) == before
    with torch.no_grad():
        torch.testing.assert_close(logits, net.eval()(noise(2, 3, 32, 32)))
    with pytest.raises(RuntimeError):
        wrap(unusual(net), class_names=NAMES, input_size=32).logits(noise(2, 5, 32, 32))
    assert state_of(net)["modes"] == before["modes"]


def test_found_is_used_plus_skipped_in_order(compact: Classifier, films: Manifest) -> None:
    predictions, skipped = predict(compact, films)
    assert predictions.case_ids == ("c0", "c1", "c2", "c4", "c5", "c6")
    assert predictions.labels.tolist() == [0, 1, 0, 0, 1, -1]
    assert [each.what for each in skipped] == ["c3"]
    assert skipped[0].reason
    assert predictions.provenance["manifest_digest"] == films.digest
    assert predictions.provenance["weights_sha256"] == weights_digest(compact.module)


def test_each_row_is_the_networks_own_answer(compact: Classifier, films: Manifest) -> None:
    predictions, _ = predict(compact, films)
    for row, case_id in enumerate(predictions.case_ids):
        case = next(case for case in films if case.case_id == case_id)
        image, _ = compact.recipe.prepare(read_radiograph(films.path(case)).pixels)
        with torch.no_grad():
            logits = compact.module(image[None])
        np.testing.assert_allclose(predictions.outputs[row], logits[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(predictions.probabilities[row], logits.double().softmax(1)[0].numpy(), atol=1e-5)
    assert predictions.outputs.std(axis=0).min() > 0


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_batch_size_does_not_matter(compact: Classifier, films: Manifest, batch_size: int) -> None:
    wanted, _ = predict(compact, films)
    found, skipped = predict(compact, films, batch_size=batch_size)
    assert found.case_ids == wanted.case_ids
    assert len(skipped) == 1
    np.testing.assert_allclose(found.outputs, wanted.outputs, atol=1e-5)


def test_a_batch_size_below_one_is_refused(compact: Classifier, films: Manifest) -> None:
    with pytest.raises(OptionError, match="batch_size: 0 is below 1"):
        predict(compact, films, batch_size=0)


def test_the_order_of_the_manifest_is_kept(compact: Classifier, films: Manifest) -> None:
    wanted, _ = predict(compact, films)
    found, _ = predict(compact, films.where(reversed(films.cases)), batch_size=2)
    assert found.case_ids == wanted.case_ids[::-1]
    np.testing.assert_allclose(found.outputs, wanted.outputs[::-1], atol=1e-5)


def test_an_edit_changes_the_film_before_the_recipe(compact: Classifier, films: Manifest) -> None:
    edited = []

    def blackened(case: Case, pixels: np.ndarray) -> np.ndarray:
        edited.append((case.case_id, pixels.shape))
        return np.zeros_like(pixels)

    found, _ = predict(compact, films, edit=blackened)
    assert edited[0] == ("c0", (40, 50))
    assert len(edited) == len(found)
    with torch.no_grad():
        black = compact.module(compact.recipe.normalise(torch.zeros(1, 64, 64)))
    np.testing.assert_allclose(found.outputs, np.tile(black.numpy(), (len(found), 1)), atol=1e-5)


def test_progress_ends_at_all(compact: Classifier, films: Manifest) -> None:
    seen = []
    predict(compact, films, batch_size=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 7), (6, 7), (7, 7)]


def test_other_classes_are_refused_before_any_film_is_read(compact: Classifier, films: Manifest) -> None:
    other = Manifest("other", ("abnormal", "normal"), ("abnormal",), films.root, films.cases)
    with pytest.raises(ModelError, match="the model tells normal, abnormal apart, other has abnormal, normal"):
        predict(compact, other, progress=lambda *_: pytest.fail("a film was read"))


def test_nothing_readable_is_an_error_that_says_why(compact: Classifier, films: Manifest) -> None:
    with pytest.raises(ModelError, match="toy: none of 1 films could be read; first: c3: ") as caught:
        predict(compact, films.select(["c3"]))
    assert "\n" not in str(caught.value)


def test_nothing_at_all_is_an_error_too(compact: Classifier, films: Manifest) -> None:
    with pytest.raises(ModelError, match="toy: none of 0 films"):
        predict(compact, films.where(()))


def test_the_table_of_layers_marks_the_explained_one(compact: Classifier) -> None:
    frame = layers(compact).set_index("layer")
    assert frame.loc["features+relu", "role"] == "stage 3 (explained)"
    assert frame.loc["features.relu0", "role"] == "first convolution"
    assert tuple(frame.loc["features+relu", ["channels", "height", "width"]]) == (158, 4, 4)
    assert frame["role"].str.contains("explained").sum() == 1


@pytest.mark.skipif(freed_memory._glibc() is None, reason="no glibc, or memory is set by a variable")
def test_freed_memory_is_kept_while_films_are_classified(compact: Classifier, films: Manifest) -> None:
    seen: list[int] = []
    predict(compact, films, progress=lambda *_: seen.append(freed_memory._users))
    assert set(seen) == {1}
    assert freed_memory._users == 0
