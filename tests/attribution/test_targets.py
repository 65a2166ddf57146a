"""Targets: chosen once per film, from the clean pass."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.small_networks import modules_only
from workbench.attribution.targets import target_rule
from workbench.core.errors import ModelError, OptionError, UnknownNameError
from workbench.models.classifier import Classifier, wrap

LABELS = torch.tensor([1, 0, 1])
UNKNOWN = torch.tensor([1, -1, -1])


def rule_of(model: Classifier, target: str) -> Callable[[Tensor, Tensor], Tensor]:
    rule = target_rule(model, target)
    return lambda logits, labels: rule(logits, labels, torch.arange(len(logits))).classes


def classifier(*, outputs: int, positive: str) -> Classifier:
    return wrap(modules_only(outputs=outputs), class_names=("well", "ill"), positive=(positive,), input_size=32)


@pytest.mark.parametrize("positive", ["well", "ill"])
def test_the_predicted_class_of_one_logit(positive: str) -> None:
    choose = rule_of(classifier(outputs=1, positive=positive), "predicted")
    index = ("well", "ill").index(positive)
    assert choose(torch.tensor([[2.0], [-2.0]]), LABELS[:2]).tolist() == [index, 1 - index]


def test_the_predicted_class_of_several_logits() -> None:
    choose = rule_of(classifier(outputs=2, positive="ill"), "predicted")
    assert choose(torch.tensor([[2.0, 1.0], [-3.0, -1.0], [0.0, 5.0]]), UNKNOWN).tolist() == [0, 1, 1]


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_named_class_and_the_expected_one(outputs: int) -> None:
    model, logits = classifier(outputs=outputs, positive="ill"), torch.zeros(3, outputs)
    assert rule_of(model, "well")(logits, UNKNOWN).tolist() == [0, 0, 0]
    assert rule_of(model, "ill")(logits, UNKNOWN).tolist() == [1, 1, 1]
    assert rule_of(model, "expected")(logits, LABELS).tolist() == [1, 0, 1]


def test_what_is_refused() -> None:
    model = classifier(outputs=2, positive="ill")
    with pytest.raises(ModelError, match="needs labels, 2 of 3 films have none; use 'predicted'"):
        rule_of(model, "expected")(torch.zeros(3, 2), UNKNOWN)
    with pytest.raises(UnknownNameError, match="no target is called 'predict'; did you mean 'predicted'"):
        rule_of(model, "predict")
    with pytest.raises(OptionError, match="a difference has two sides, given 3"):
        rule_of(model, "ill - well - ill")
    with pytest.raises(OptionError, match="unit: 'patient' is not one of image, study-mean"):
        target_rule(model, "ill", unit="patient")


LOGITS = torch.tensor([[2.0, 1.0, -1.0], [-3.0, -1.0, 4.0], [0.0, 5.0, 1.0]])


def three_classes() -> Classifier:
    return wrap(modules_only(outputs=3), class_names=("well", "ill", "hurt"), input_size=32)


def test_the_runner_up_is_the_second_most_probable_class() -> None:
    assert rule_of(three_classes(), "runner-up")(LOGITS, UNKNOWN).tolist() == [1, 1, 2]


def test_a_difference_is_one_logit_minus_the_other() -> None:
    films = torch.arange(3)
    chosen = target_rule(three_classes(), "predicted - expected")(LOGITS, torch.tensor([0, 1, 2]), films)
    assert chosen.classes.tolist() == [0, 2, 1]
    assert chosen.scores(LOGITS).tolist() == [0.0, 5.0, 4.0]  # right, then wrong twice
    chosen = target_rule(three_classes(), "hurt - well")(LOGITS, UNKNOWN, films)
    assert chosen.scores(LOGITS).tolist() == [-3.0, 7.0, 1.0]


def test_a_difference_of_a_single_logit_is_its_log_odds() -> None:
    model, logits = classifier(outputs=1, positive="ill"), torch.tensor([[2.0], [-1.0]])
    chosen = target_rule(model, "well - ill")(logits, UNKNOWN[:2], torch.arange(2))
    assert chosen.scores(logits).tolist() == [-2.0, 1.0]


def log_odds(probability: Tensor) -> Tensor:
    return probability.log() - (1 - probability).log()


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("name", ["ill", "well"])
def test_a_studys_score_is_the_log_odds_of_its_mean_probability(outputs: int, name: str) -> None:
    """The coefficients are its derivative by each view's logits; here by central differences in float64."""
    model, studies = classifier(outputs=outputs, positive="ill"), torch.tensor([0, 1, 0])
    logits = torch.tensor([[0.3, 1.2], [2.0, -1.0], [-0.5, 0.4]], dtype=torch.float64)[:, :outputs].contiguous()
    index = model.class_names.index(name)

    def score(values: Tensor) -> Tensor:
        probabilities = model.head.probabilities(values)[:, index]
        return log_odds(probabilities[[0, 2]].mean()) + log_odds(probabilities[1])

    found = target_rule(model, name, unit="study-mean")(logits, UNKNOWN, studies).coefficients
    for place in range(logits.numel()):
        step = torch.zeros_like(logits).flatten()
        step[place] = 1e-5
        slope = (score(logits + step.view_as(logits)) - score(logits - step.view_as(logits))) / 2e-5
        assert found.flatten()[place].item() == pytest.approx(slope.item(), abs=1e-6)


def test_a_study_has_one_class_even_where_its_views_disagree() -> None:
    logits = torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 1.0, 0.0]])
    chosen = target_rule(three_classes(), "predicted", unit="study-mean")(logits, UNKNOWN, torch.tensor([0, 0, 1]))
    assert chosen.classes.tolist() == [0, 0, 1]
