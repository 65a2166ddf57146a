"""Manifests and predictions made of plain lists."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions

Made = tuple[Predictions, Manifest]


@pytest.fixture(scope="session")
def make() -> Callable[..., Made]:
    """Return a function from truth and probability of n cases to predictions and their manifest."""

    def made(
        truth: Sequence[int],
        probability: Sequence[float],
        *,
        patients: Sequence[str] | None = None,
        studies: Sequence[str] | None = None,
        body_parts: Sequence[str] | None = None,
        tags: Sequence[tuple[str, ...]] | None = None,
        note: str = "",
    ) -> Made:
        n = len(truth)
        patients = patients or [f"p{i}" for i in range(n)]
        studies = studies or [f"s{i}" for i in range(n)]
        body_parts, tags = body_parts or ["wrist"] * n, tags or [()] * n
        names = ("normal", "abnormal")
        cases = tuple(
            Case(
                f"c{i}",
                patients[i],
                studies[i],
                f"{i}.png",
                label=None if truth[i] < 0 else names[truth[i]],
                body_part=body_parts[i],
                tags=tags[i],
            )
            for i in range(n)
        )
        abnormal = np.asarray(probability, dtype=np.float64)
        predictions = Predictions(
            case_ids=tuple(case.case_id for case in cases),
            labels=np.asarray(truth, dtype=np.int64),
            outputs=np.zeros((n, 1), dtype=np.float32),
            probabilities=np.stack([1 - abnormal, abnormal], axis=1),
            class_names=names,
            positive=("abnormal",),
            head="sigmoid",
        )
        return predictions, Manifest("made", names, ("abnormal",), Path(), cases, note=note)

    return made


@pytest.fixture(scope="session")
def made_at_random(make: Callable[..., Made]) -> Callable[..., Made]:
    """Return a function that draws films of patients whose scores share a part by patient."""

    def made(patients: int, *, films: int = 4, signal: float = 1.5, seed: int = 0, parts: int = 3) -> Made:
        generator = np.random.default_rng(seed)
        owner = np.repeat(np.arange(patients), films)
        truth = (np.arange(patients) % 2)[owner]
        score = signal * truth + generator.normal(size=patients)[owner] + generator.normal(size=len(owner))
        return make(
            truth.tolist(),
            (1 / (1 + np.exp(-score + signal / 2))).tolist(),
            patients=[f"p{i}" for i in owner],
            studies=[f"s{i // 2}" for i in range(len(owner))],
            body_parts=[f"part-{i // 2 % parts}" for i in owner],
            tags=[("kind:crack",) if t and i % 3 else () for i, t in zip(owner, truth, strict=True)],
        )

    return made
