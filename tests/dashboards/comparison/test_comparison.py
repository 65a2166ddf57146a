"""The model comparison without a browser: state in, state out."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.core.errors import MethodRefusedError
from workbench.core.manifest import read_manifest
from workbench.dashboards.comparison.comparison import ModelComparison, compare
from workbench.dashboards.comparison.disagreement_list import DisagreementFilters, disagreement_frame, who_is_right
from workbench.dashboards.comparison.export_panel import packed
from workbench.dashboards.comparison.numbers import comparison_numbers
from workbench.evaluation.comparison import compare_predictions
from workbench.evaluation.intervals import Resampling
from workbench.models.classifier import predict

FEW = Resampling(50)


@pytest.fixture(scope="module")
def said(flag_reader, lesion_reader, balanced):
    models = {"reads flag": flag_reader, "reads <lesion>": lesion_reader}
    return {name: predict(model, balanced)[0] for name, model in models.items()}


@pytest.fixture(scope="module")
def open_comparison():
    opened: list[ModelComparison] = []

    def opening(*arguments, **options):
        opened.append(compare(*arguments, resampling=FEW, **options))
        opened[-1].state.work.wait()
        return opened[-1]

    yield opening
    for each in opened:
        each.state.close()


@pytest.fixture(scope="module")
def opened_once(open_comparison, flag_reader, lesion_reader, balanced):
    """A comparison with all films classified."""
    found = open_comparison({"reads flag": flag_reader, "reads <lesion>": lesion_reader}, balanced)
    found.state.split = ""
    classified(found)
    return found


@pytest.fixture
def shown(opened_once):
    """It, and afterwards as it was: opening one takes seconds under the type checks of the tests."""
    yield opened_once
    state = opened_once.state
    state.filters, state.target, state.shared_scale, state.subtracted = (
        DisagreementFilters(),
        "abnormal",
        True,
        "scaled",
    )
    opened_once.beside.pair.value = "0"
    state.unit, state.split = "image", ""
    state.work.wait()
    state.case_id = state.frame["case_id"].iloc[0]


def classified(comparison):
    comparison.state.work.wait()
    comparison.state.classify()
    comparison.state.work.wait()  # for the predictions
    comparison.state.work.wait()  # for the numbers that follow them


# the numbers


def test_numbers_are_those_of_the_evaluation_package(said, balanced):
    numbers = comparison_numbers(said, balanced, resampling=FEW)
    expected = compare_predictions(said, balanced, resampling=FEW, learned=numbers.learned)
    assert numbers.comparison == expected
    assert numbers.reason == ""
    overall = numbers.overall().set_index(["model", "metric"])["estimate"]
    assert overall["reads <lesion>", "auroc"] == 1
    assert set(numbers.scores()["group"]) == {"hand", "wrist", "elbow", "overall"}
    assert numbers.table("patient").loc["cases", "reads flag"].endswith("12 patients")


def test_a_model_that_did_not_learn_is_marked_and_not_compared(said, balanced):
    numbers = comparison_numbers(said, balanced, resampling=FEW)
    assert numbers.learned == {"reads flag": False, "reads <lesion>": True}
    assert numbers.marked["reads flag"] == "reads flag (did not learn)"
    assert "reads flag" in numbers.comparison.note
    known = comparison_numbers(said, balanced, resampling=FEW, learned={"reads flag": True})
    assert len(known.comparison.pairs) == 1


def test_models_without_a_common_film_are_scored_each_on_its_own(said, balanced):
    first, second = said.values()
    ids = [case.case_id for case in balanced]
    numbers = comparison_numbers({"a": first.select(ids[:10]), "b": second.select(ids[10:])}, balanced, resampling=FEW)
    assert "no film was predicted by all" in numbers.reason
    assert numbers.comparison is None
    assert set(numbers.evaluations) == {"a", "b"}


def test_labels_that_differ_are_said_not_raised(said, balanced):
    first, second = said.values()
    turned = replace(second, labels=1 - second.labels)
    numbers = comparison_numbers({"a": first, "b": turned}, balanced, resampling=FEW)
    assert "b:" in numbers.reason
    assert set(numbers.evaluations) == {"a"}


# the list


def test_the_list_says_who_is_right(said, balanced):
    frame = disagreement_frame(said, balanced)
    assert list(frame["apart"]) == sorted(frame["apart"], reverse=True)
    row = frame.iloc[0]
    assert row["disputed"]
    assert row["right"] == "only reads <lesion>"
    disputed = DisagreementFilters(disputed=True, label="normal", right="only reads <lesion>").apply(frame)
    assert len(disputed)
    assert set(disputed["label"]) == {"normal"}
    unlabelled = {name: replace(each, labels=np.full_like(each.labels, -1)) for name, each in said.items()}
    films = balanced.where(replace(case, label=None) for case in balanced)
    assert set(disagreement_frame(unlabelled, films)["right"]) == {""}


def test_who_is_right_in_words():
    assert who_is_right(["a", "b"], ["a", "b"]) == "all"
    assert who_is_right([], ["a", "b"]) == "none"
    assert who_is_right(["b"], ["a", "b", "c"]) == "only b"
    assert who_is_right(["a", "c"], ["a", "b", "c"]) == "a and c"


# the dashboard


def test_it_opens_without_predictions_and_classifies_on_demand(open_comparison, flag_reader, lesion_reader, balanced):
    found = open_comparison({"a": flag_reader, "b": lesion_reader}, balanced)
    assert found.classify.description == f"Classify {2 * len(balanced.split(found.state.split))} films"
    assert "at least two models" in found.message.value
    classified(found)
    assert found.classify.layout.display == "none"
    assert found.state.numbers.comparison is not None
    assert found.message.value == ""


def test_tabs_show_tables_charts_and_the_note(shown):
    assert set(shown.metrics.charts()) == {"metrics", "body-parts"}
    assert set(shown.curves.charts()) == {"roc", "precision-recall", "calibration"}
    assert "AUROC" in shown.metrics.table.value
    assert "did not learn" in shown.metrics.table.value
    assert "reads flag" in shown.tests.note.value
    assert "reads &lt;lesion&gt;" in shown.models.value
    assert "<lesion>" not in shown.models.value + shown.metrics.table.value + shown.tests.note.value


def test_the_unit_and_the_films_can_be_chosen(shown):
    shown.state.unit = "patient"
    shown.state.work.wait()
    assert shown.metrics.unit.value == "patient"
    assert shown.state.numbers.comparison.cases == 12
    shown.split.value = "other"
    shown.state.work.wait()
    assert {case.split for case in shown.state.numbers.films} == {"other"}
    assert shown.metrics.dots.label.startswith("Metrics, other")


def test_filters_and_clicks_move_the_case(shown):
    shown.list.disputed.value = True
    assert shown.state.rows["disputed"].all()
    assert 0 < len(shown.state.rows) < 24
    shown.list.choices["right"].value = "only reads <lesion>"
    shown.list.table.selected_rows = [2]
    assert shown.state.case_id == shown.state.rows["case_id"].iloc[2]
    picked = shown.state.rows["case_id"].iloc[0]
    shown.list.pairs._heard(None, {"picked": picked}, [])
    assert shown.state.case_id == picked
    assert list(shown.list.table.selected_rows) == [0]
    shown.list.pairs._heard(None, {"picked": "no such case"}, [])
    shown.list.pairs._heard(None, {"picked": {"a": 1}}, [])
    assert shown.state.case_id == picked
    shown.state.filters = DisagreementFilters(right="none", label="nothing")
    assert shown.state.case_id == ""
    assert "No film is listed" in shown.beside.difference.message or shown.beside.viewers["reads flag"].message


def test_films_stand_side_by_side_on_one_scale_or_each_on_its_own(shown):
    # both readers see as much of a film with both things, so one without a flag
    case = next(case for case in shown.state.compared.films if case.has("evidence") and not case.has("flag"))
    shown.state.case_id = case.case_id

    def scales():
        return [tuple(viewer._shown.layers[0].scale) for viewer in shown.beside.viewers.values()]

    assert len(set(scales())) == 1
    maps = [shown.state.explanation(name, case.case_id).maps for name in shown.state.names]
    assert scales()[0][1] == pytest.approx(max(np.abs(each).max() for each in maps))
    shown.beside.scale.value = False
    assert scales()[0] != scales()[1]
    assert {viewer.link_group for viewer in shown.beside.viewers.values()} == {"comparison"}


def test_the_difference_says_what_is_subtracted(shown):
    flagged = next(case for case in shown.state.compared.films if case.has("flag") and case.has("evidence"))
    shown.state.case_id = flagged.case_id
    layer = shown.beside.difference._shown.layers[0]
    assert "each ÷ its greatest magnitude" in layer.title
    assert shown.beside.difference.title == "reads flag − reads <lesion>"
    rows, columns = np.nonzero(flagged.mask("flag"))
    assert layer.values[rows.mean().astype(int), columns.mean().astype(int)] > 0.3
    rows, columns = np.nonzero(flagged.mask("evidence"))
    assert layer.values[rows.mean().astype(int), columns.mean().astype(int)] < -0.3
    shown.beside.subtracted.value = "raw"
    assert "raw values" in shown.beside.difference._shown.layers[0].title
    shown.beside.pair.value = "none"
    assert shown.beside.difference not in shown.beside._films.children


def test_probabilities_and_shares_stand_in_one_table(shown):
    flagged = next(case for case in shown.state.compared.films if case.has("flag") and case.has("evidence"))
    shown.state.case_id = flagged.case_id
    table = shown.beside.frame
    assert list(table.index) == ["reads flag", "reads <lesion>"]
    flag, evidence = (
        next(name for name in table.columns if name.startswith(f"on {each}")) for each in ("flag", "evid")
    )
    share = table.map(lambda text: float(str(text).rstrip(" %")) if str(text).endswith("%") else text)
    assert share.loc["reads flag", flag] > 20 > share.loc["reads <lesion>", flag]
    assert share.loc["reads <lesion>", evidence] > 20 > share.loc["reads flag", evidence]


def test_a_model_that_gives_no_map_is_named_and_the_other_is_shown(shown, monkeypatch):
    session = shown.state.compared.models["reads flag"].session

    def refuse(*_, **__):
        raise MethodRefusedError("grad-cam needs <layers>; use occlusion")

    monkeypatch.setattr(session, "explanation", refuse)
    shown.state.step(1)
    assert "reads flag: grad-cam needs &lt;layers&gt;" in shown.beside.said.value
    assert not shown.beside.viewers["reads flag"]._shown.layers
    assert shown.beside.viewers["reads <lesion>"]._shown.layers
    assert "no map" in shown.beside.difference.message
    monkeypatch.undo()


def test_a_film_that_cannot_be_read_is_said_and_the_next_is_shown(
    open_comparison, flag_reader, lesion_reader, balanced
):
    films = balanced.where([replace(balanced[0], image="gone.png"), *balanced.cases[1:]])
    found = open_comparison({"a": flag_reader, "b": lesion_reader}, films)
    found.state.split = ""
    classified(found)
    assert balanced[0].case_id in found.message.value
    assert len(found.state.frame) == 23
    found.state.case_id = balanced[0].case_id
    assert all("gone.png" in viewer.message for viewer in found.beside.viewers.values())
    found.state.step(1)
    assert found.beside.viewers["a"].message == ""


def test_attribution_moves_and_is_forgotten_when_the_question_changes(shown):
    shown.moved.count.value = 6
    shown.moved.start()
    shown.moved.work.wait()
    found = shown.moved.found
    assert len(found.table) <= 6
    assert found.changes["reads flag", "reads <lesion>"].high < 0
    assert "attribution" in shown.moved.charts()
    assert "points" in shown.moved.table.value
    shown.state.target = "predicted"
    assert shown.moved.found is None
    assert shown.moved.charts() == {}


def test_cost_is_measured_on_demand(shown):
    assert "not measured" in shown.cost.table.value
    shown.cost.start()
    shown.cost.work.wait()
    assert set(shown.cost.times_ms) == {"reads flag", "reads <lesion>"}
    assert all(time > 0 for times in shown.cost.times_ms.values() for time in times)
    assert "thread" in shown.cost.frame().loc["measured on", "reads flag"]


def test_the_selection_and_the_figures_are_exported(shown, tmp_path):
    shown.list.disputed.value = True
    files = shown.export.files()
    listed = list(shown.state.rows["case_id"])
    assert list(pd.read_csv(io.BytesIO(files["films.csv"]))["case_id"]) == listed
    with zipfile.ZipFile(io.BytesIO(packed(files))) as archive:
        archive.extractall(tmp_path)
    again = read_manifest(tmp_path / "manifest" / "selection.csv", shown.state.compared.films.root)
    assert [case.case_id for case in again] == listed
    assert [case.annotations for case in again] == [
        case.annotations for case in shown.state.compared.films.select(listed)
    ]
    page = files["charts.html"].decode()
    assert page.count("<section>") == len(shown._charts())
    assert files["films/reads-lesion.png"].startswith(b"\x89PNG")
    assert {"tables/metrics.csv", "tables/pairs.csv", "tables/cost.csv"} <= set(files)


def test_what_is_downloaded_goes_to_the_browser(shown, monkeypatch):
    sent = []
    monkeypatch.setattr(shown.export.download, "send", lambda content, buffers: sent.append((content, buffers)))
    shown.export.selection.click()
    shown.export.give.click()
    shown.export.work.wait()
    assert [content["name"] for content, _ in sent] == ["films.csv", "comparison.zip"]
    assert sent[0][1] == [shown.export.selection_csv()]


def test_charts_share_one_library_that_the_page_asks_for(shown, monkeypatch):
    chart, sent = shown.metrics.dots, []
    monkeypatch.setattr(chart, "send", lambda content, buffers: sent.append(len(buffers[0])))
    chart._heard(None, {"want": "library"}, [])
    chart._heard(None, "nonsense", [])
    assert len(sent) == 1
    assert len(chart.content) < 100_000
    assert "plotly.js v" not in str(chart.get_state()["content"])
