"""Functions that give probabilities: exact where they work, one line where they do not."""

import functools
import os
import subprocess
import sys
from typing import Any
from xmlrpc.client import ServerProxy

import numpy as np
import pytest
import torch

from workbench.core.errors import ModelError
from workbench.core.manifest import Manifest
from workbench.evaluation.evaluate import evaluate
from workbench.imaging.recipes import Recipe
from workbench.models.checkpoints import save_classifier
from workbench.models.classifier import layers, predict
from workbench.models.scores import function_digest, wrap_scores

NAMES = ("normal", "abnormal")


def by_brightness(films: np.ndarray) -> np.ndarray:
    """Say abnormal as strongly as the upper half is bright."""
    abnormal = films[:, : films.shape[1] // 2].mean(axis=(1, 2))
    return np.stack([1 - abnormal, abnormal], axis=1)


def test_the_functions_own_probabilities_come_back() -> None:
    classifier = wrap_scores(by_brightness, class_names=NAMES, input_size=32)
    films = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = classifier.head.probabilities(classifier.logits(classifier.recipe.normalise(films)))
    np.testing.assert_allclose(found.numpy(), by_brightness(films.numpy()), rtol=1e-5)
    assert not classifier.differentiable
    assert classifier.provenance["weights_sha256"] == ""
    assert "not known" in classifier.provenance["weights"]
    assert classifier.architecture == "by_brightness"


def test_certainty_stays_finite() -> None:
    classifier = wrap_scores(lambda films: np.tile([1.0, 0.0], (len(films), 1)), class_names=NAMES, input_size=32)
    logits = classifier.logits(torch.zeros(2, 1, 32, 32))
    assert logits.isfinite().all()
    assert classifier.head.probabilities(logits).numpy() == pytest.approx(np.tile([1.0, 0.0], (2, 1)), abs=1e-30)


def test_it_sees_films_as_the_recipe_places_them_grey_and_not_normalised() -> None:
    seen: list[np.ndarray] = []

    def watching(films: np.ndarray) -> np.ndarray:
        seen.append(films)
        return by_brightness(films)

    recipe = Recipe(size=48, fit="pad", normalisation="imagenet", channels=3)
    classifier = wrap_scores(watching, class_names=NAMES, recipe=recipe)
    film = np.linspace(0, 1, 48 * 48, dtype=np.float32).reshape(48, 48)
    image, _ = classifier.recipe.prepare(film)
    classifier.logits(image[None])
    assert (classifier.recipe.fit, classifier.recipe.size) == ("pad", 48)
    assert seen[-1].dtype == np.float32
    np.testing.assert_allclose(seen[-1], film[None], atol=1e-6)


def test_predict_evaluate_and_layers_work(films: Manifest) -> None:
    classifier = wrap_scores(by_brightness, class_names=NAMES, input_size=32)
    predictions, skipped = predict(classifier, films, batch_size=2)
    assert len(predictions) + len(skipped) == len(films)
    assert predictions.provenance["weights_sha256"] == ""
    labelled = films.select([case.case_id for case in films if case.label])
    assert evaluate(predict(classifier, labelled)[0], labelled).interval("auroc").estimate is not None
    assert len(layers(classifier)) == 0


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (lambda films: np.zeros(len(films)), r"an array \(2,\); wanted probabilities \(2, 2\)"),
        (lambda films: np.zeros((len(films), 3)), r"an array \(2, 3\); wanted probabilities \(2, 2\)"),
        (lambda films: np.full((len(films), 2), np.nan), "NaN or infinity"),
        (lambda films: np.full((len(films), 2), 0.7), "rows sum to 1.4"),
        (lambda films: np.tile([1.5, -0.5], (len(films), 1)), "least value is -0.5"),
        (lambda films: None, r"returned an array \(\)|returned NoneType"),
        (lambda films: "normal", "returned str, which holds no numbers"),
    ],
)
def test_what_are_no_probabilities_is_one_line(said: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        wrap_scores(said, class_names=NAMES, input_size=32)
    assert "\n" not in str(caught.value)


def test_it_cannot_be_saved(tmp_path: Any) -> None:
    with pytest.raises(ModelError, match=r"not of the zoo.*wb\.adopt"):
        save_classifier(wrap_scores(by_brightness, class_names=NAMES, input_size=32), tmp_path)


def function_of(text: str) -> Any:
    """Return the function ``said`` of a source text, which stands on the lines of a file of its own."""
    names: dict[str, Any] = {}
    exec(compile(text, f"<{len(text)}>", "exec"), names)
    return names["said"]


SAID = """
def said(films, low=0.25, *, kind="mean"):
    return [film.mean() > low for film in films if kind in {"mean", "max", "min"}]
"""


def test_digest_of_a_function_is_that_of_its_code() -> None:
    digest = function_digest(function_of(SAID))
    assert len(digest) == 64
    assert function_digest(function_of(f"import math\n\n{SAID}")) == digest
    changes = [
        ("0.25", "0.5"),
        (".mean()", ".max()"),
        (">", ">="),
        ('"max", "min"', '"max"'),
        ('kind="mean"', 'kind="max"'),
    ]
    others = {function_digest(function_of(SAID.replace(*change))) for change in changes}
    assert len(others | {digest}) == 1 + len(changes)


def test_digest_sees_through_decorators_partial_arguments_and_objects() -> None:
    class Scorer:
        def __call__(self, films: np.ndarray) -> np.ndarray:
            return by_brightness(films)

        def scored(self, films: np.ndarray) -> np.ndarray:
            return by_brightness(films)

    digest = function_digest(by_brightness)
    assert function_digest(torch.no_grad()(by_brightness)) == digest
    assert function_digest(functools.partial(by_brightness)) == digest
    assert function_digest(Scorer()) == function_digest(Scorer().scored) not in ("", digest)


def test_what_is_not_written_in_python_has_no_digest() -> None:
    assert function_digest(len) == function_digest(functools.partial(len)) == ""


def test_a_server_s_method_that_has_every_attribute_is_not_followed() -> None:
    server = ServerProxy("http://127.0.0.1:1")
    assert function_digest(server.scores) == function_digest(server.other)


def test_digest_is_the_same_in_another_process() -> None:
    script = (
        "import sys; from workbench.models.scores import function_digest as f; names = {};"
        "exec(sys.argv[1], names); print(f(names['said']))"
    )
    command = [sys.executable, "-c", script, SAID]
    seeds = [os.environ | {"PYTHONHASHSEED": seed} for seed in ("1", "2")]
    found = {subprocess.run(command, env=each, check=True, capture_output=True, text=True).stdout for each in seeds}
    assert found == {f"{function_digest(function_of(SAID))}\n"}
