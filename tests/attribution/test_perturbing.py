"""Scores of changed films: which ones, in which chunks, in which format, and that nothing depends on the batch."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.small_networks import functional, hand_written, noise
from workbench.attribution import METHODS, explain
from workbench.attribution.methods import AbstractMethod
from workbench.attribution.occlusion import Occlusion
from workbench.attribution.perturbing import CHUNK, chunks, perturbed_scores
from workbench.attribution.rise import RISE
from workbench.attribution.score_model import ScoreModel
from workbench.core.errors import MethodRefusedError
from workbench.models.classifier import wrap
from workbench.models.scores import wrap_scores
from workbench.passes.layers import evaluation_mode
from workbench.passes.single_pass import Chosen

SIDE, COUNT = 24, 19
IMAGES = noise(3, 3, SIDE, SIDE)
SHIFTS = noise(COUNT, seed=1)


def score_model_of(module: nn.Module, classes: list[int]) -> ScoreModel:
    classifier = wrap(module, class_names=("normal", "abnormal"), input_size=SIDE)
    wanted = torch.tensor(classes)
    ids = tuple(f"film-{index}" for index in range(len(classes)))
    return ScoreModel(classifier, Chosen(wanted, classifier.head.coefficients(wanted)), ids)


def brightened(index: int, which: Tensor) -> Tensor:
    return IMAGES[index] + SHIFTS[which, None, None, None]


class Flattening(nn.Sequential):
    """A network whose ``view`` refuses tensors with the channels last."""

    def forward(self, images: Tensor) -> Tensor:
        return self[1](self[0](images).view(len(images), -1))


def flattening() -> nn.Module:
    return Flattening(nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * SIDE**2, 2))


@pytest.mark.parametrize("build", [lambda: hand_written(functional), flattening])
def test_each_variant_gets_the_score_of_its_own_film(build) -> None:
    score_model, classes = score_model_of(build(), [1, 0, 1]), [1, 0, 1]
    found = perturbed_scores(score_model, IMAGES, brightened, count=COUNT)
    assert found.scores.shape == (3, COUNT)
    with torch.no_grad(), evaluation_mode(score_model.classifier.module):
        for index, wanted in enumerate(classes):
            clean = score_model.classifier.module(IMAGES[index : index + 1])[0, wanted]
            torch.testing.assert_close(found.clean[index], clean, rtol=1e-4, atol=1e-5)
            for variant, shift in enumerate(SHIFTS):
                alone = score_model.classifier.module(IMAGES[index : index + 1] + shift)[0, wanted]
                torch.testing.assert_close(found.scores[index, variant], alone, rtol=1e-4, atol=1e-5)


def test_a_film_scores_the_same_in_any_batch() -> None:
    score_model = score_model_of(hand_written(functional), [1, 0, 1])
    alone = score_model_of(score_model.classifier.module, [1])
    together = perturbed_scores(score_model, IMAGES, brightened, count=COUNT)
    single = perturbed_scores(alone, IMAGES[2:], lambda _, which: brightened(2, which), count=COUNT)
    assert torch.equal(together.scores[2], single.scores[0])


@pytest.mark.parametrize("count", [1, CHUNK, CHUNK + 1, 81])
def test_chunks_hold_every_number_once_and_none_is_large(count: int) -> None:
    parts = chunks(count)
    assert torch.equal(torch.cat(parts), torch.arange(count))
    assert len(parts) == -(-count // CHUNK)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(chunks(count, torch.device("cuda"))) <= 2


def test_no_graph_is_kept_and_the_images_stay() -> None:
    before = IMAGES.clone()
    found = perturbed_scores(score_model_of(hand_written(functional), [0, 0, 0]), IMAGES, brightened, count=3)
    assert not found.scores.requires_grad
    assert torch.equal(IMAGES, before)


def test_methods_that_only_perturb_serve_any_function_of_films() -> None:
    """Abnormal is what is bright in the upper left quarter: so say both maps, and gradient methods refuse."""

    def by_corner(films: np.ndarray) -> np.ndarray:
        bright = 0.1 + 0.8 * films[:, : SIDE // 2, : SIDE // 2].mean(axis=(1, 2))
        return np.stack([1 - bright, bright], axis=1)

    classifier = wrap_scores(by_corner, class_names=("normal", "abnormal"), input_size=SIDE)
    films = np.full((2, 2 * SIDE, 3 * SIDE), 0.5, dtype=np.float32)
    methods = [method for method in METHODS if not METHODS.get(method).uses_gradients]
    assert {"occlusion", "rise"} <= set(methods)
    found = explain(classifier, films, [Occlusion(), RISE(masks=300)], target="abnormal")
    for maps in (found["occlusion"].maps, found["rise"].maps):
        half, across = maps.shape[1] // 2, maps.shape[2] // 2
        inside, outside = maps[:, :half, :across], maps[:, half + half // 3 :, across + across // 3 :]
        assert inside.mean() > 0.02
        assert np.abs(outside).max() < 0.5 * inside.mean()
    with pytest.raises(MethodRefusedError, match="use occlusion"):
        explain(classifier, films, ["grad-cam"])


@pytest.mark.parametrize("method", [Occlusion(), RISE(masks=64)], ids=["occlusion", "rise"])
def test_half_precision_changes_the_scores_but_not_what_is_made_of_them(method: AbstractMethod) -> None:
    classifier = wrap(hand_written(functional), class_names=("normal", "abnormal"), input_size=SIDE)
    exact, half = (
        next(iter(explain(classifier, IMAGES, [method], target="abnormal", precision=each).values()))
        for each in ("exact", "fast")
    )
    correlation = np.corrcoef(exact.maps.ravel(), half.maps.ravel())[0, 1]
    assert correlation > 0.9
