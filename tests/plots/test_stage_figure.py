"""The stage figure by itself: the film, a panel a stage, and the key."""

import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, StageActivations
from workbench.core.geometry import scaling
from workbench.plots.overlays import coloured
from workbench.plots.stage_figure import stage_figure


@pytest.fixture
def activations():
    generator = np.random.default_rng(0)
    stages = tuple(
        StageActivations(f"block{side}", f"stage {side}", generator.random((1, 16, side, side)), np.arange(16)[None])
        for side in (8, 4, 2)
    )
    sizes, to_film = np.array([[90, 60]]), scaling(60 / 32, 90 / 32)[None]
    about = {"architecture": "tiny-net"}
    return Activations("activations", ("case-a",), stages, to_film, sizes, (32, 32), about)


def test_film_and_stages_have_a_panel_each(activations):
    picture = stage_figure(np.zeros((90, 60), dtype=np.float32), activations, 0, title="wrist")
    words = [text.get_text() for text in picture.texts]
    assert {"(a)", "(b)", "(c)", "(d)", "Film", "stage 8", "stage 2", "case-a   wrist"} <= set(words)
    assert "What each stage of tiny-net saw" in words
    assert "(b) to (d)" in " ".join(words)
    grids = [axes for axes in picture.axes if len(axes.images) == 16]
    assert len(grids) == 3
    values = activations.stages[0].maps[0, 3]
    wanted = coloured(values, colormap="bwr", scale=(float(values.min()), float(values.max())))
    np.testing.assert_allclose(grids[0].images[3].get_array(), wanted)


def test_film_of_another_size_and_no_stage_are_refused(activations):
    with pytest.raises(OptionError, match="made for"):
        stage_figure(np.zeros((60, 90), dtype=np.float32), activations, 0)
    empty = Activations("activations", ("a",), (), activations.to_film, activations.film_sizes, (32, 32))
    with pytest.raises(OptionError, match="no stage"):
        stage_figure(np.zeros((90, 60), dtype=np.float32), empty, 0)
