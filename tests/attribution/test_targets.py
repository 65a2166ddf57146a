"""Targets: chosen once per film, from the clean pass."""

import pytest
import torch

from tests.small_networks import modules_only
from workbench.attribution.targets import class_choice
from workbench.core.errors import ModelError, UnknownNameError
from workbench.models.classifier import Classifier, wrap

LABELS = torch.tensor([1, 0, 1])
UNKNOWN = torch.tensor([1, -1, -1])


def classifier(*, outputs: int, positive: str) -> Classifier:
    return wrap(modules_only(outputs=outputs), class_names=("well", "ill"), positive=(positive,), input_size=32)


@pytest.mark.parametrize("positive", ["well", "ill"])
def test_the_predicted_class_of_one_logit(positive: str) -> None:
    choose = class_choice(classifier(outputs=1, positive=positive), "predicted")
    index = ("well", "ill").index(positive)
    assert choose(torch.tensor([[2.0], [-2.0]]), LABELS[:2]).tolist() == [index, 1 - index]


def test_the_predicted_class_of_several_logits() -> None:
    choose = class_choice(classifier(outputs=2, positive="ill"), "predicted")
    assert choose(torch.tensor([[2.0, 1.0], [-3.0, -1.0], [0.0, 5.0]]), UNKNOWN).tolist() == [0, 1, 1]


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_named_class_and_the_expected_one(outputs: int) -> None:
    model, logits = classifier(outputs=outputs, positive="ill"), torch.zeros(3, outputs)
    assert class_choice(model, "well")(logits, UNKNOWN).tolist() == [0, 0, 0]
    assert class_choice(model, "ill")(logits, UNKNOWN).tolist() == [1, 1, 1]
    assert class_choice(model, "expected")(logits, LABELS).tolist() == [1, 0, 1]


def test_what_is_refused() -> None:
    model = classifier(outputs=2, positive="ill")
    with pytest.raises(ModelError, match="needs labels, 2 of 3 films have none; use 'predicted'"):
        class_choice(model, "expected")(torch.zeros(3, 2), UNKNOWN)
    with pytest.raises(UnknownNameError, match="no target is called 'predict'; did you mean 'predicted'"):
        class_choice(model, "predict")
