import io
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest

from workbench.core.errors import ReaderError, Skipped
from workbench.core.explanation import ARRAYS, Explanation, load_explanation
from workbench.core.geometry import scaling, translation


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, ("trapped",))


def small(**change) -> Explanation:
    maps = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    values = {
        "method": "grad-cam",
        "case_ids": ("a", "b"),
        "targets": np.array([1, 0], dtype=np.int64),
        "maps": maps,
        "to_film": np.stack([scaling(2, 2), translation(1, 0) @ scaling(0.5, 3)]),
        "film_sizes": np.array([[6, 8], [9, 5]], dtype=np.int64),
        "probabilities": np.array([[0.25, 0.75], [1 / 3, 2 / 3]]),
        "provenance": {"layer": "features", "options": {"seed": 0}},
        "skipped": (Skipped("c.png", "empty"),),
    }
    return Explanation(**(values | change))


def test_saved_maps_come_back_to_the_last_bit(tmp_path):
    small().save(tmp_path / "e.npz")
    back = load_explanation(tmp_path / "e.npz")
    for name in ARRAYS:
        mine, theirs = getattr(small(), name), getattr(back, name)
        assert (mine.dtype, mine.shape, mine.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes())
    for name in ("method", "case_ids", "provenance", "skipped"):
        assert getattr(back, name) == getattr(small(), name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e.json", "e.npz"]


def test_signs_nan_and_infinity_survive(tmp_path):
    maps = np.array([[[np.nan, -np.inf, -0.0, 1e-45]]] * 2, dtype=np.float32)
    small(maps=maps).save(tmp_path / "e.npz")
    assert load_explanation(tmp_path / "e.npz").maps.tobytes() == maps.tobytes()


def test_a_pickle_is_refused_and_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small().save(tmp_path / "e.npz")
    hidden = {name: getattr(small(), name) for name in ARRAYS} | {"maps": np.array([Trap()], dtype=object)}
    content = io.BytesIO()
    np.savez(content, **hidden)
    for bad in (content.getvalue(), pickle.dumps(Trap())):
        (tmp_path / "e.npz").write_bytes(bad)
        with pytest.raises(ReaderError, match="not an explanation of the workbench"):
            load_explanation(tmp_path / "e.npz")
    assert not (tmp_path / "trapped").exists()
    np.load(io.BytesIO(content.getvalue()), allow_pickle=True)["maps"]  # the trap works where pickles are opened
    assert (tmp_path / "trapped").exists()


def damaged(content: bytes) -> dict[str, bytes]:
    middle = len(content) // 2
    single = io.BytesIO()
    np.save(single, np.zeros(3))
    lacking = io.BytesIO()
    np.savez(lacking, maps=np.zeros(3))
    return {
        "empty": b"",
        "cut": content[:middle],
        "changed": content[: middle - 20] + bytes(40) + content[middle + 20 :],
        "text": b"not an archive",
        "single array": single.getvalue(),
        "arrays missing": lacking.getvalue(),
    }


@pytest.mark.parametrize("kind", ["empty", "cut", "changed", "text", "single array", "arrays missing"])
def test_damaged_archives_are_refused_in_one_line(tmp_path, kind):
    path = tmp_path / "e.npz"
    small().save(path)
    path.write_bytes(damaged(path.read_bytes())[kind])
    with pytest.raises(ReaderError) as caught:
        load_explanation(path)
    assert str(caught.value).startswith(f"{path}: not an explanation of the workbench")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"method": "cam", "case_ids": [], "provenance": {}, "skipped": 3}'])
def test_damaged_facts_are_refused(tmp_path, text):
    small().save(tmp_path / "e.npz")
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(ReaderError):
        load_explanation(tmp_path / "e.npz")


def test_on_film_has_the_films_size_and_lies_where_the_affine_says():
    maps = np.zeros((2, 3, 4), dtype=np.float32)
    maps[0, 1, 1] = maps[1, 0, 3] = 1
    explanation = small(maps=maps)
    first, second = explanation.on_film(0), explanation.on_film(1)
    assert first.shape == (6, 8)
    assert second.shape == (9, 5)
    assert np.argwhere(first == first.max()).mean(axis=0).tolist() == [2.5, 2.5]  # pixel (1, 1), doubled
    assert np.argwhere(second == second.max()).tolist() == [[0, 2], [1, 2]]  # column 3: halved and moved by one


def test_frame_and_index():
    frame = small().to_frame()
    assert frame["case_id"].tolist() == ["a", "b"]
    np.testing.assert_allclose(frame["positive_mass"], np.clip(small().maps, 0, None).sum(axis=(1, 2)))
    assert small().index("b") == 1
    with pytest.raises(ValueError, match="not in tuple"):
        small().index("c")


def test_a_part_has_the_rows_of_its_cases_and_copies_no_map():
    whole = small()
    part = whole.part(1, 2)
    assert part.case_ids == whole.case_ids[1:]
    assert len(part) == len(whole) - 1
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[1:])
    assert np.shares_memory(part.maps, whole.maps)
    np.testing.assert_array_equal(part.on_film(0), whole.on_film(1))


def test_classes_are_numbered_where_nothing_names_them():
    count = small().probabilities.shape[1]
    assert replace(small(), provenance={}).class_names == tuple(f"class {index}" for index in range(count))
    names = tuple("abcdefgh"[:count])
    assert replace(small(), provenance={"class_names": list(names)}).class_names == names
