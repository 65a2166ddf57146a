"""Heads: probabilities, losses and scores against plain formulas in float64."""

import numpy as np
import pytest
import torch

from tests.small_networks import noise
from workbench.core.errors import ModelError
from workbench.models.head import Head

SOFTMAX = Head("softmax", 3)
SIGMOIDS = (Head("sigmoid", 2, positive=0), Head("sigmoid", 2, positive=1))
LABELS = torch.tensor([0, 1, 1, 0, 1])


def logits_of(head: Head, *, scale: float = 3.0) -> torch.Tensor:
    return scale * noise(len(LABELS), head.outputs).double()


@pytest.mark.parametrize("head", [SOFTMAX, *SIGMOIDS])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_probabilities_sum_to_one(head: Head, scale: float) -> None:
    probabilities = head.probabilities(logits_of(head, scale=scale))
    assert probabilities.shape == (len(LABELS), head.classes)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(len(LABELS)).double())


def test_softmax_probabilities_equal_the_formula() -> None:
    logits = logits_of(SOFTMAX).numpy()
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(SOFTMAX.probabilities(torch.from_numpy(logits)).numpy(), expected)


@pytest.mark.parametrize("head", SIGMOIDS)
def test_a_single_logit_speaks_for_the_positive_class(head: Head) -> None:
    logits = logits_of(head)
    positive = 1 / (1 + np.exp(-logits[:, 0].numpy()))
    probabilities = head.probabilities(logits).numpy()
    np.testing.assert_allclose(probabilities[:, head.positive], positive)
    np.testing.assert_allclose(probabilities[:, 1 - head.positive], 1 - positive)


def test_cross_entropy_equals_the_formula() -> None:
    logits = logits_of(SOFTMAX)
    chosen = SOFTMAX.probabilities(logits)[torch.arange(len(LABELS)), LABELS]
    torch.testing.assert_close(SOFTMAX.loss(logits, LABELS), -chosen.log().mean())


@pytest.mark.parametrize("head", SIGMOIDS)
def test_binary_cross_entropy_is_that_of_the_labels_own_probability(head: Head) -> None:
    logits = logits_of(head)
    chosen = head.probabilities(logits)[torch.arange(len(LABELS)), LABELS]
    torch.testing.assert_close(head.loss(logits, LABELS), -chosen.log().mean())


@pytest.mark.parametrize("head", SIGMOIDS)
def test_the_loss_pulls_a_single_logit_towards_the_label(head: Head) -> None:
    logits = torch.zeros((2, 1), requires_grad=True)
    head.loss(logits, torch.tensor([head.positive, 1 - head.positive])).backward()
    assert logits.grad[0] < 0 < logits.grad[1]


def test_the_softmax_score_is_the_classs_logit() -> None:
    logits, classes = logits_of(SOFTMAX), torch.tensor([2, 0, 1, 1, 2])
    torch.testing.assert_close(SOFTMAX.score(logits, classes), logits[torch.arange(5), classes])


@pytest.mark.parametrize("head", SIGMOIDS)
def test_the_sigmoid_score_is_the_log_odds_of_the_class(head: Head) -> None:
    logits = logits_of(head)
    probabilities = head.probabilities(logits)
    for wanted in (0, 1):
        classes = torch.full((len(logits),), wanted)
        odds = probabilities[:, wanted] / probabilities[:, 1 - wanted]
        torch.testing.assert_close(head.score(logits, classes), odds.log())


@pytest.mark.parametrize("head", [SOFTMAX, *SIGMOIDS])
def test_the_score_is_linear_in_the_logits_with_these_coefficients(head: Head) -> None:
    logits = logits_of(head)
    score = head.score(logits, LABELS)
    torch.testing.assert_close(score, (head.coefficients(LABELS).double() * logits).sum(dim=1))
    torch.testing.assert_close(head.score(2 * logits, LABELS), 2 * score)


def test_what_is_refused() -> None:
    with pytest.raises(ModelError, match="no head is called 'tanh'; known: softmax, sigmoid"):
        Head("tanh")
    with pytest.raises(ModelError, match="two classes apart, given 3"):
        Head("sigmoid", 3)
    with pytest.raises(ModelError, match="positive class 'ill' is not one of normal, abnormal"):
        Head.of("softmax", ("normal", "abnormal"), ("ill",))


def test_the_head_of_classes() -> None:
    assert Head.of("sigmoid", ("abnormal", "normal"), ("abnormal",)) == Head("sigmoid", 2, positive=0)
    assert Head.of("sigmoid", ("normal", "abnormal"), ("abnormal",)) == Head("sigmoid", 2, positive=1)
    assert Head.of("softmax", ("a", "b", "c"), ()) == Head("softmax", 3)
