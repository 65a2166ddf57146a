"""The case figure, the row before and after, and the contact sheet, on phantoms made of simple arrays."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, Explanation, StageActivations
from workbench.core.geometry import scaling
from workbench.plots.before_after import EditedView, before_after
from workbench.plots.case_figure import case_figure
from workbench.plots.explanation_sheet import Row, explanation_sheet
from workbench.plots.overlays import coloured

SIZES = ((120, 80), (60, 150), (100, 100))
BOX = (50, 30, 60, 42)


@pytest.fixture(autouse=True)
def _no_open_figures():
    before = plt.get_fignums()
    yield
    assert plt.get_fignums() == before


@pytest.fixture
def films():
    generator = np.random.default_rng(0)
    return [generator.random(size).astype(np.float32) * 0.5 for size in SIZES]


@pytest.fixture
def explanation(films):
    generator = np.random.default_rng(1)
    shares = generator.random(3)
    return Explanation(
        method="grad-cam",
        case_ids=("case-a", "case-b", "case-c"),
        targets=np.ones(3, dtype=np.int64),
        maps=generator.normal(size=(3, 6, 6)).astype(np.float32),
        to_film=np.stack([scaling(film.shape[1] / 6, film.shape[0] / 6) for film in films]),
        film_sizes=np.array(SIZES),
        probabilities=np.stack([1 - shares, shares], axis=1),
        provenance={"class_names": ["normal", "abnormal"]},
    )


def activations_of(explanation, stages, maps=16):
    generator = np.random.default_rng(2)
    found = tuple(
        StageActivations(
            f"block{stage}",
            f"End of block {stage}",
            generator.random((3, maps, 2**stage, 2**stage)).astype(np.float32),
            generator.integers(0, 1024, (3, maps)),
        )
        for stage in range(1, stages + 1)
    )
    sizes = explanation.film_sizes
    return Activations("layer-activations", explanation.case_ids, found, explanation.to_film, sizes, (6, 6))


def words_of(picture):
    return [text.get_text() for text in picture.texts]


@pytest.mark.parametrize("stages", [3, 4, 5, 6, 7])
def test_case_figure_has_a_panel_a_letter_and_sixteen_maps_for_each_stage(films, explanation, stages):
    for index, film in enumerate(films):
        picture = case_figure(film, explanation, activations_of(explanation, stages), index, label="abnormal")
        assert len(picture.axes) == 2 + stages + 2  # film, map, stages; two colour bars
        letters = [words for words in words_of(picture) if words.startswith("(") and len(words) == 3]
        assert letters == [f"({letter})" for letter in "abcdefghi"[: 2 + stages]]
        grids = [axes for axes in picture.axes if len(axes.images) == 16]
        assert len(grids) == stages
        assert picture.png().startswith(b"\x89PNG")


def test_panels_do_not_overlap_and_films_are_not_stretched(films, explanation):
    for index, film in enumerate(films):
        picture = case_figure(film, explanation, activations_of(explanation, 5), index, label=None)
        boxes = [axes.get_position() for axes in picture.axes]
        for place, box in enumerate(boxes):
            assert -1e-9 <= box.x0 < box.x1 <= 1 + 1e-9
            assert -1e-9 <= box.y0 < box.y1 <= 1 + 1e-9
            for other in boxes[place + 1 :]:
                apart = min(box.x1, other.x1) - max(box.x0, other.x0) <= 1e-9
                assert apart or min(box.y1, other.y1) - max(box.y0, other.y0) <= 1e-9
        width, height = picture.get_size_inches() * [boxes[0].width, boxes[0].height]
        assert height / width == pytest.approx(film.shape[0] / film.shape[1])


def test_feature_maps_run_from_blue_to_red_over_their_own_or_their_stage_s_values(films, explanation):
    activations = activations_of(explanation, 3)
    maps = activations.stages[2].maps[0]
    for map_scale in ("map", "stage"):
        picture = case_figure(films[0], explanation, activations, 0, label=None, map_scale=map_scale)
        grid = [axes for axes in picture.axes if len(axes.images) == 16][2]
        for image, values in zip(grid.images, maps, strict=True):
            over = values if map_scale == "map" else maps
            expected = coloured(values, colormap="bwr", scale=(float(over.min()), float(over.max())))
            np.testing.assert_allclose(image.get_array(), expected, atol=1e-6)
        assert any(("its own lowest" in words) == (map_scale == "map") for words in [" ".join(words_of(picture))])


def test_tiles_have_the_shape_of_the_film(films, explanation):
    for index, film in enumerate(films):
        picture = case_figure(film, explanation, activations_of(explanation, 3), index, label=None)
        left, right, bottom, top = next(axes for axes in picture.axes if len(axes.images) == 16).images[0].get_extent()
        assert (bottom - top) / (right - left) == pytest.approx(film.shape[0] / film.shape[1])


def test_stage_with_fewer_channels_and_a_dead_map_is_drawn(films, explanation):
    activations = activations_of(explanation, 3, maps=6)
    activations.stages[0].maps[:] = 0.0
    picture = case_figure(films[0], explanation, activations, 0, label=None)
    dead = next(axes for axes in picture.axes if len(axes.images) == 6).images[0].get_array()
    np.testing.assert_allclose(dead, np.broadcast_to([0, 0, 1], dead.shape), atol=1e-6)


def test_case_figure_says_film_verdict_and_scale(films, explanation):
    picture = case_figure(
        films[0], explanation, activations_of(explanation, 3), 0, label="normal", arrow_box=BOX, title="Case 1"
    )
    words = " ".join(words_of(picture)).replace("\u00a0", " ")
    share = explanation.probabilities[0].max()
    for wanted in ("case-a", "Case 1", "Grad-CAM", "labelled normal", f"p = {share:.3f}", "class abnormal"):
        assert wanted in words
    bar = next(axes for axes in picture.axes if axes.get_xticklabels() and axes.images[0].get_extent()[0] != 0)
    low, high = bar.get_xlim()
    film_map = explanation.on_film(0)
    assert (low, high) == pytest.approx((film_map.min(), film_map.max()), rel=1e-6)
    assert picture.axes[0].texts, "no arrow"


def test_case_is_found_among_other_activations(films, explanation):
    activations = activations_of(explanation, 3)
    turned = replace(
        activations,
        case_ids=activations.case_ids[::-1],
        to_film=activations.to_film[::-1],
        stages=tuple(replace(each, maps=each.maps[::-1], channels=each.channels[::-1]) for each in activations.stages),
    )
    one, other = (case_figure(films[1], explanation, each, 1, label=None).png() for each in (activations, turned))
    assert one == other


def test_case_figure_refuses_what_does_not_belong_together(films, explanation):
    activations = activations_of(explanation, 3)
    wrong = [
        (films[1], explanation, activations),
        (films[0], explanation, replace(activations, case_ids=("x", "y", "z"))),
        (films[0], explanation, replace(activations, stages=())),
    ]
    for film, explained, active in wrong:
        with pytest.raises(OptionError) as refused:
            case_figure(film, explained, active, 0, label=None)
        assert "\n" not in str(refused.value)


def test_inputs_are_not_modified(films, explanation):
    activations = activations_of(explanation, 3)
    arrays = [films[0], explanation.maps, *(stage.maps for stage in activations.stages)]
    before = [array.copy() for array in arrays]
    mask = np.zeros(SIZES[0], dtype=bool)
    mask[10:20, 10:20] = True
    case_figure(films[0], explanation, activations, 0, label=None, arrow_box=mask, masks={"fracture": mask}).png()
    for array, old in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)


def views_of(film, film_map):
    mask = np.zeros(film.shape, dtype=bool)
    mask[5:15, 5:20] = True
    return [
        EditedView("film as it is", film, film_map, 0.97),
        EditedView("flag covered", film, film_map * 0.25, 0.12, {"flag": mask}),
        EditedView("control patch covered", film, film_map * 0.5, 0.96, {"control": mask}),
    ]


def test_before_after_prints_changes_and_shares_one_scale(films):
    film_map = np.ones_like(films[0])
    picture = before_after(views_of(films[0], film_map), title="case-a")
    assert len(picture.axes) == 7
    words = words_of(picture)
    assert "−0.850" in words
    assert "−0.010" in words
    assert sum("p = " in each for each in words) == 3
    strongest = [axes.images[0].get_array()[60, 60].astype(int) for axes in picture.axes[1:6:2]]
    assert len({tuple(each) for each in strongest}) == 3  # equal maps but for a factor: own scales would look alike


def test_before_after_refuses_in_one_line(films):
    for views in ([], views_of(films[0], np.zeros((3, 3))), [EditedView("x", films[0] * 300, films[0], 0.5)]):
        with pytest.raises(OptionError) as refused:
            before_after(views, title="case-a")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("scale", ["own", "shared", (-2.0, 3.0)])
def test_sheet_has_films_times_methods_panels_and_a_bar_a_method(films, explanation, scale):
    rows = [Row(film, {"fracture": film > 0.49}, "labelled abnormal") for film in films]
    positive = replace(explanation, method="cam", maps=np.abs(explanation.maps))
    picture = explanation_sheet(rows, {"cam": positive, "grad-cam": explanation}, scale=scale)
    assert len(picture.axes) == 3 * (1 + 2) + 2
    words = words_of(picture)
    assert {"CAM", "Grad-CAM", *explanation.case_ids} <= set(words)
    printed = [each for each in words if " to " in each]
    assert len(printed) == (6 if scale == "own" else 0)
    assert picture.png().startswith(b"\x89PNG")


def test_sheet_scales_are_shared_only_where_asked(films, explanation):
    rows = [Row(film, {}) for film in films]
    growing = np.ones((3, 6, 6), dtype=np.float32) * np.array([1, 2, 4], dtype=np.float32)[:, None, None]
    films_black = [Row(np.zeros_like(row.pixels), {}) for row in rows]
    colours = {}
    for scale in ("own", "shared", (0.0, 8.0)):
        picture = explanation_sheet(films_black, {"cam": replace(explanation, maps=growing)}, scale=scale)
        seen = [axes.images[0].get_array()[20, 20] for axes in picture.axes[3:6]]
        colours[scale] = len({tuple(each) for each in np.asarray(seen).tolist()})
    assert colours == {"own": 1, "shared": 3, (0.0, 8.0): 3}


def test_sheet_refuses_what_does_not_belong_together(films, explanation):
    rows = [Row(film, {}) for film in films]
    wrong = [
        ([], {"cam": explanation}),
        (rows, {}),
        (rows[:2], {"cam": explanation}),
        (rows[::-1], {"cam": explanation}),
    ]
    wrong.append(([replace(rows[0], masks={"flag": np.zeros((2, 2), dtype=bool)}), *rows[1:]], {"cam": explanation}))
    for given_rows, explanations in wrong:
        with pytest.raises(OptionError) as refused:
            explanation_sheet(given_rows, explanations)
        assert "\n" not in str(refused.value)
