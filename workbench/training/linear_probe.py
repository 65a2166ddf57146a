"""The yardstick of fine-tuning: a linear probe on the frozen features of the same network, films and split."""

import numpy as np

from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.linear_probe import fit_linear_probe
from workbench.models.classifier import Classifier, check_classes
from workbench.models.features import pooled_features


def probe_predictions(classifier: Classifier, training: Manifest, test: Manifest, *, seed: int = 0) -> Predictions:
    """Fit a linear probe on the films of one manifest and predict those of another.

    Parameters
    ----------
    classifier
        Frozen: a network with its pretrained weights and its recipe.
    training
        Labelled films; folds keep patients together.
    test
        Films to predict.
    seed
        Of the folds.

    Returns
    -------
    Predictions
        With a sigmoid head; unreadable films are left out.
    """
    check_classes(classifier, test)
    labelled = training.where(case for case in training if case.label is not None)
    features, used, _ = pooled_features(classifier, labelled)
    truth = np.array([case.label in used.positive for case in used], dtype=np.int64)
    probe = fit_linear_probe(features, truth, [case.patient_id for case in used], seed=seed)
    seen, found, _ = pooled_features(classifier, test)
    logits = probe.logits(seen)
    abnormal = probe.predict(seen)
    columns = [abnormal if name in classifier.positive else 1 - abnormal for name in classifier.class_names]
    return Predictions(
        case_ids=tuple(case.case_id for case in found),
        labels=np.array([found.class_index(case) for case in found], dtype=np.int64),
        outputs=logits[:, None].astype(np.float32),
        probabilities=np.stack(columns, axis=1),
        class_names=classifier.class_names,
        positive=classifier.positive,
        head="sigmoid",
        provenance={"probe": "linear", "features": classifier.provenance, "strength": probe.strength},
    )
