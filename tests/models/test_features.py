"""Frozen features: what a linear head would see, for the films that can be read."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.module_state import state_of, unusual
from tests.small_networks import hand_written
from workbench.core.errors import ModelError
from workbench.core.manifest import Manifest
from workbench.models.classifier import Classifier, predict, wrap
from workbench.models.features import pooled_features


def test_features_times_the_heads_weights_are_the_logits(compact: Classifier, films: Manifest) -> None:
    features, readable, skipped = pooled_features(compact, films, batch_size=4)
    predictions, _ = predict(compact, films)
    assert features.shape == (6, 158)
    assert tuple(case.case_id for case in readable) == predictions.case_ids
    assert [each.what for each in skipped] == ["c3"]
    head = compact.module.classifier
    logits = features @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    np.testing.assert_allclose(logits, predictions.outputs, atol=1e-4)


def test_the_batch_size_does_not_matter_and_the_network_is_left_as_found(compact: Classifier, films: Manifest) -> None:
    unusual(compact.module)
    before = state_of(compact.module)
    wanted, _, _ = pooled_features(compact, films)
    found, _, _ = pooled_features(compact, films, batch_size=1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert state_of(compact.module) == before


def test_what_has_no_features(compact: Classifier, films: Manifest) -> None:
    flat = wrap(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)), class_names=films.class_names, input_size=32)
    with pytest.raises(ModelError, match="Sequential has no spatial layer"):
        pooled_features(flat, films)
    with pytest.raises(ModelError, match="toy: none of 1 films could be read; first: c3"):
        pooled_features(compact, films.select(["c3"]))
    with pytest.raises(ModelError, match="toy: none of 0 films"):
        pooled_features(compact, films.where(()))


def test_a_tensor_no_module_hands_on_is_not_taken_for_its_neighbour(films: Manifest) -> None:
    net = hand_written(lambda net, x: net.head(torch.relu(net.second(net.stem(x)) * 2).mean((2, 3))))
    with pytest.raises(ModelError, match="no spatial layer"):
        pooled_features(wrap(net, class_names=films.class_names, input_size=32), films)
