import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.core.errors import ReaderError
from workbench.core.predictions import Predictions, load_predictions, repr_float


def small(**change) -> Predictions:
    values = {
        "case_ids": ("a", 'b,\n"c"', "d"),
        "labels": np.array([2, 0, -1], dtype=np.int64),
        "outputs": np.array([[1, -2, 0.1], [0.3, 7e-30, -0.0], [3e30, 1, 2]], dtype=np.float32),
        "probabilities": np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]]),
        "class_names": ("normal", "broken", "worn"),
        "positive": ("broken", "worn"),
        "head": "softmax",
        "provenance": {"weights_sha256": "00", "recipe": {"size": 320}},
    }
    return Predictions(**(values | change))


def same(one: Predictions, other: Predictions) -> bool:
    arrays_equal = all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in ("labels", "outputs", "probabilities")
    )
    names = ("case_ids", "class_names", "positive", "head", "provenance")
    return arrays_equal and all(getattr(one, name) == getattr(other, name) for name in names)


def test_abnormal_is_the_sum_over_positive_classes():
    np.testing.assert_allclose(small().abnormal, [0.9, 0.5, 2 / 3])
    np.testing.assert_array_equal(small().truth, [1, 0, -1])
    np.testing.assert_array_equal(small(positive=("normal",)).truth, [0, 1, -1])


def test_select_orders_every_array():
    chosen = small().select(["d", "a"])
    assert chosen.case_ids == ("d", "a")
    np.testing.assert_array_equal(chosen.labels, [-1, 2])
    np.testing.assert_array_equal(chosen.outputs, small().outputs[[2, 0]])
    np.testing.assert_array_equal(chosen.probabilities, small().probabilities[[2, 0]])
    assert len(small().select([])) == 0
    with pytest.raises(KeyError):
        small().select(["nobody"])


def test_saved_predictions_come_back_to_the_last_bit(tmp_path):
    small().save(tmp_path / "predictions.csv")
    assert same(load_predictions(tmp_path / "predictions.csv"), small())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.csv", "predictions.json"]


def test_a_single_logit_and_no_case_at_all_come_back(tmp_path):
    single = small(
        outputs=np.array([[1.5], [2.5], [np.inf]], dtype=np.float32),
        probabilities=np.array([[0.5, 0.5]] * 3),
        class_names=("normal", "worn"),
        positive=("worn",),
        labels=np.array([0, 1, -1], dtype=np.int64),
    )
    for predictions in (single, single.select([])):
        predictions.save(tmp_path / "a.csv")
        assert same(load_predictions(tmp_path / "a.csv"), predictions)


@settings(deadline=None)
@given(
    arrays(np.float64, 3, elements=st.floats(0, 1)),
    arrays(np.float32, 3, elements=st.floats(width=32, allow_nan=False)),
)
def test_any_number_comes_back_to_the_last_bit(tmp_path_factory, probabilities, outputs):
    path = tmp_path_factory.mktemp("any") / "a.csv"
    one = small().select(["a"])
    predictions = small(case_ids=("a",), labels=one.labels, outputs=outputs[None], probabilities=probabilities[None])
    predictions.save(path)
    assert same(load_predictions(path), predictions)


def test_frame_says_labels_by_name():
    frame = small().to_frame()
    assert list(frame.columns) == ["case_id", "label", "p_normal", "p_broken", "p_worn", "abnormal"]
    assert frame["label"].tolist()[:2] == ["worn", "normal"]
    assert frame["label"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("csv", "json"),
    [
        (None, ""),
        ("", None),
        (None, "[]"),
        (None, "{}"),
        (None, '{"class_names": null, "positive": [], "head": "softmax", "provenance": {}}'),
        (None, '{"class_names": ["a", "b"], "positive": ["a"], "head": "softmax", "provenance": {}}'),
        ("case_id,label\n", None),
        ("case_id,label,output_0,output_1,output_2,p_normal,p_broken,p_worn\na,0,1,2,3,x,0,0\n", None),
        ("case_id,label,output_0,output_1,output_2,p_normal,p_broken,p_worn\na,0,1,2,3,0,0\n", None),
        ("case_id,label,output_0,output_1,output_2,p_normal,p_broken,p_worn\na,worn,1,2,3,1,0,0\n", None),
        ('case_id,label,output_0,output_1,output_2,p_normal,p_broken,p_worn\n"a"b,0,1,2,3,1,0,0\n', None),
        ("case_id,label,output_0,output_1,output_2,p_broken,p_normal,p_worn\na,0,1,2,3,1,0,0\n", None),
    ],
)
def test_what_are_no_predictions_is_refused_in_one_line(tmp_path, csv, json):
    path = tmp_path / "a.csv"
    small().save(path)
    if csv is not None:
        path.write_text(csv)
    if json is not None:
        path.with_suffix(".json").write_text(json)
    with pytest.raises(ReaderError) as caught:
        load_predictions(path)
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_missing_files_are_refused(tmp_path):
    small().save(tmp_path / "a.csv")
    (tmp_path / "a.csv").unlink()
    with pytest.raises(ReaderError, match="No such file"):
        load_predictions(tmp_path / "a.csv")
    with pytest.raises(ReaderError, match="no such file"):
        load_predictions(tmp_path / "b.csv")


def test_shortest_text_of_a_number():
    assert repr_float(np.float64(0.1)) == "0.1"
    assert float(repr_float(np.float32(0.1))) == np.float32(0.1)
