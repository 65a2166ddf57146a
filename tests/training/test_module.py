import numpy as np
import pytest
import torch
from torch import nn

from workbench.core.errors import RunError
from workbench.models.classifier import Classifier
from workbench.training.module import ClassifierTraining, EpochOutputs, first_of_each, measures
from workbench.training.options import TrainingOptions

BATCH = [torch.rand(4, 32, 32), torch.tensor([0, 1, 0, 1]), torch.arange(4)]


def statistics(classifier: Classifier) -> list[torch.Tensor]:
    norms = [part for part in classifier.module.modules() if isinstance(part, nn.BatchNorm2d)]
    return [norm.running_mean.clone() for norm in norms]


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_keeps_its_statistics(classifier: Classifier, frozen: bool) -> None:
    module = ClassifierTraining(classifier, TrainingOptions(freeze_batch_norm=frozen))
    before = statistics(classifier)
    module.train()
    module.training_step(BATCH, 0).backward()
    same = [torch.equal(old, new) for old, new in zip(before, statistics(classifier), strict=True)]
    assert all(same) if frozen else not any(same)
    assert classifier.module.training
    gradients = [parameter.grad for parameter in classifier.module.parameters()]
    assert all(gradient is not None for gradient in gradients)  # scale and shift are still learnt


def test_a_step_gives_the_loss_of_the_head(classifier: Classifier) -> None:
    module = ClassifierTraining(classifier, TrainingOptions(channels_last=False)).eval()
    with torch.no_grad():
        loss = module.training_step(BATCH, 0)
        logits = classifier.module(classifier.recipe.normalise(BATCH[0]))
    torch.testing.assert_close(loss, nn.functional.cross_entropy(logits, BATCH[1]))


def test_channels_last_changes_the_layout_alone(classifier: Classifier) -> None:
    plain = ClassifierTraining(classifier, TrainingOptions(channels_last=False)).eval().training_step(BATCH, 0)
    last = ClassifierTraining(classifier, TrainingOptions(channels_last=True)).eval().training_step(BATCH, 0)
    assert classifier.module.features.conv0.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(plain, last)


def test_outputs_come_back_in_order_and_only_once() -> None:
    outputs = EpochOutputs()
    outputs.add(torch.zeros(2, 1, requires_grad=True), torch.tensor([0, 1]), torch.tensor([5, 3]))
    outputs.add(torch.ones(1, 1), torch.tensor([1]), torch.tensor([4]))
    logits, labels, indices = outputs.taken()
    assert (logits.flatten().tolist(), labels.tolist(), indices.tolist()) == ([0, 0, 1], [0, 1, 1], [5, 3, 4])
    assert not logits.requires_grad
    outputs.add(torch.ones(1, 1), torch.tensor([0]), torch.tensor([9]))
    assert outputs.taken()[2].tolist() == [9]


def test_films_seen_twice_count_once() -> None:
    logits = torch.tensor([[2.0], [0.0], [1.0], [0.0]])
    found, labels = first_of_each(logits, torch.tensor([1, 0, 1, 0]), torch.tensor([2, 0, 1, 0]))
    assert found.flatten().tolist() == [0.0, 1.0, 2.0]
    assert labels.tolist() == [0, 1, 1]


def test_measures_are_loss_accuracy_and_auroc(classifier: Classifier) -> None:
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 3.0], [0.0, -2.0]])
    loss, accuracy, auroc = measures(classifier, logits, torch.tensor([0, 0, 1, 1]))
    odds = np.array([-1.0, 1.0, 3.0, -2.0])
    signed = np.where([True, True, False, False], -odds, odds)
    assert loss == pytest.approx(np.log1p(np.exp(-signed)).mean(), abs=1e-12)
    assert accuracy == 0.5
    assert auroc == 0.5  # of the four pairs the film with odds 3 wins both, the one with -2 none


def test_one_kind_of_films_has_no_auroc(classifier: Classifier) -> None:
    assert measures(classifier, torch.zeros(3, 2), torch.tensor([1, 1, 1]))[2] is None


def test_a_diverged_training_says_so(classifier: Classifier) -> None:
    module = ClassifierTraining(classifier, TrainingOptions(learning_rate=0.5))
    with pytest.raises(RunError, match=r"the training loss of epoch 1 is nan: .* below 0\.5"):
        module._check_finite(float("nan"), 1.0)
    module._check_finite(0.1, 1.0)
