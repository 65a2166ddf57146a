"""Results on disk: the same as in memory, whatever interrupts the work; nothing else is taken for them."""

import json
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.module_state import state_of, unusual
from tests.small_networks import functional, hand_written, noise
from workbench.attribution import explain, shards
from workbench.attribution.shards import LOCK_NAME, Shards, load_explanations
from workbench.core import files
from workbench.core.case import Case
from workbench.core.errors import OptionError, ReaderError
from workbench.core.explanation import Activations, Explanation, load_explanation
from workbench.core.manifest import Manifest
from workbench.imaging.pixels import write_png
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.models.scores import wrap_scores
from workbench.runs.locks import file_lock

NAMES = ("normal", "abnormal")
METHODS = ("grad-cam", "activations", "integrated-gradients")


def classifier(net: nn.Module | None = None, size: int = 32, **recipe: Any) -> Classifier:
    return wrap(net or hand_written(functional), class_names=NAMES, recipe=Recipe(size=size, **recipe))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Ten films in five studies, of which two films cannot be read."""
    generator = np.random.default_rng(0)
    cases = []
    for index in range(10):
        write_png(tmp_path / "films" / f"{index}.png", generator.random((20 + index, 30)).astype(np.float32))
        study = f"s{index % 5}"
        cases.append(Case(f"c{index}", study, study, f"{index}.png", label=NAMES[index % 2]))
    for index in (0, 6):
        (tmp_path / "films" / f"{index}.png").write_bytes(b"no film at all")
    return Manifest("toy", NAMES, ("abnormal",), tmp_path / "films", tuple(cases))


class Interruption:
    """Raises what Ctrl-C raises after so many batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def __call__(self, done: int, total: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert list(found) == list(wanted)
    for key, each in wanted.items():
        assert found[key].about == each.about
        assert found[key].arrays.keys() == each.arrays.keys()
        for name, values in each.arrays.items():
            assert found[key].arrays[name].dtype == values.dtype
            np.testing.assert_array_equal(found[key].arrays[name], values, err_msg=f"{key} {name}")


@pytest.mark.parametrize("unit", ["image", "study-mean"])
def test_on_disk_and_in_memory_are_the_same(tmp_path: Path, manifest: Manifest, unit: str) -> None:
    asked = {"methods": METHODS, "target": ["predicted", "abnormal - normal"], "unit": unit, "batch_size": 4}
    model = classifier()
    wanted = explain(model, manifest, **asked)
    found = explain(model, manifest, **asked, out=tmp_path / "out")
    assert_same(found, wanted)
    first = found["grad-cam [predicted]"]
    assert isinstance(first, Explanation)
    assert [each.what for each in first.skipped] == ["c0", "c6"]
    assert isinstance(first.maps, np.memmap)
    assert first.on_film(0).shape == (21, 30) if unit == "image" else True
    stages = found["activations [predicted]"].stages
    assert all(isinstance(each, np.memmap) for stage in stages for each in (stage.maps, stage.channels))
    assert_same(load_explanations(tmp_path / "out"), wanted)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "shards" not in names
    assert "grad-cam-abnormal-normal" in names
    alone = load_explanation(tmp_path / "out" / "grad-cam-abnormal-normal")
    assert isinstance(alone, Explanation)
    np.testing.assert_array_equal(alone.maps, found["grad-cam [abnormal - normal]"].maps)


@pytest.mark.parametrize("unit", ["image", "study-mean"])
@pytest.mark.parametrize("batches", [1, 2, 4])
def test_interrupted_work_goes_on_without_making_a_film_twice(
    tmp_path: Path, manifest: Manifest, unit: str, batches: int
) -> None:
    model = classifier()
    asked: dict[str, Any] = {"methods": ["grad-cam", "activations"], "unit": unit, "target": "expected"}
    wanted = explain(model, manifest, **asked)
    asked["out"] = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        explain(model, manifest, **asked, batch_size=2, progress=Interruption(batches))
    with pytest.raises(ReaderError, match="not finished; ask for them again to go on"):
        load_explanations(tmp_path / "out")
    notes = [json.loads(np.load(path)["about"].tobytes()) for path in (tmp_path / "out" / "shards").iterdir()]
    kept = sum(len(note["case_ids"]) for note in notes)
    assert kept > 0
    seen = Counted(model.module)
    steps: list[tuple[int, int]] = []
    found = explain(model, manifest, **asked, batch_size=3, progress=lambda *each: steps.append(each))
    assert seen.stop() == len(wanted["grad-cam"]) - kept == 8 - kept
    assert steps[-1] == (10, 10)
    for key, each in wanted.items():
        assert found[key].case_ids == each.case_ids
        assert found[key].skipped == each.skipped
        for name, values in each.arrays.items():
            np.testing.assert_allclose(found[key].arrays[name], values, rtol=1e-4, atol=1e-5)
    again = Counted(model.module)
    assert_same(explain(model, manifest, **asked), found)
    assert again.stop() == 0


class Counted:
    """Counts the images that a network sees."""

    def __init__(self, module: nn.Module) -> None:
        self.images = 0
        self.handle = module.register_forward_hook(self._count)

    def _count(self, _module: nn.Module, inputs: Any, _out: Any) -> None:
        self.images += len(inputs[0])

    def stop(self) -> int:
        self.handle.remove()
        return self.images


def test_a_killed_writer_leaves_whole_shards(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What dies while it writes leaves nothing under the final name; what was written before is kept."""
    model = classifier()
    written: list[Path] = []

    def dies(path: Path, content: bytes) -> None:
        if len(written) == 2:
            path.with_name(f".{path.name}.tmp").write_bytes(content[:100])
            raise SystemExit
        written.append(path)
        files.write_bytes(path, content)

    monkeypatch.setattr(shards, "write_bytes", dies)
    with pytest.raises(SystemExit):
        explain(model, manifest, METHODS, batch_size=2, out=tmp_path / "out")
    monkeypatch.undo()
    assert_same(
        explain(model, manifest, METHODS, batch_size=2, out=tmp_path / "out"),
        explain(model, manifest, METHODS, batch_size=2),
    )


@pytest.mark.parametrize("lost", ["about.json", "grad-cam/about.json", "grad-cam/maps.npy"])
def test_an_interruption_while_joining_is_made_good(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    model = classifier()
    wanted = explain(model, manifest, METHODS, batch_size=4)

    def dies(path: Path, content: Any) -> None:
        if path == tmp_path / "out" / lost:
            raise KeyboardInterrupt
        files.write_json(path, content)

    class DyingWriter(shards.ArrayWriter):
        def add(self, part: np.ndarray) -> None:
            super().add(part)
            if self._file.name.rpartition("/")[2].startswith(".maps.npy"):
                raise KeyboardInterrupt

    if lost.endswith(".npy"):
        monkeypatch.setattr(shards, "ArrayWriter", DyingWriter)
    else:
        monkeypatch.setattr(shards, "write_json", dies)
    with pytest.raises(KeyboardInterrupt):
        explain(model, manifest, METHODS, batch_size=4, out=tmp_path / "out")
    monkeypatch.undo()
    counted = Counted(model.module)
    assert_same(explain(model, manifest, METHODS, batch_size=4, out=tmp_path / "out"), wanted)
    assert counted.stop() == 0
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_another_request_is_refused_in_one_line(tmp_path: Path, manifest: Manifest) -> None:
    model = classifier()
    asked: dict[str, Any] = {"methods": ["grad-cam"], "out": tmp_path / "out"}
    explain(model, manifest, **asked)
    torch.manual_seed(1)
    others: dict[str, tuple[Classifier, Any, dict[str, Any]]] = {
        "weights": (classifier(hand_written(functional)), manifest, {}),
        "recipe": (classifier(model.module, flip=True), manifest, {}),
        "methods": (model, manifest, {"methods": ["cam"]}),
        "targets": (model, manifest, {"target": "expected"}),
        "unit": (model, manifest, {"unit": "study-mean"}),
        "precision": (model, manifest, {"precision": "fast"}),
        "films": (model, manifest[:9], {}),
    }
    with torch.no_grad():
        others["weights"][0].module.head.bias.add_(1)
    for what, (other, films, change) in others.items():
        with pytest.raises(OptionError, match=rf"was begun with {what} .*; give another folder") as caught:
            explain(other, films, **(asked | change))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400


def test_weights_that_moved_since_are_another_model(tmp_path: Path) -> None:
    model = classifier()
    images = noise(2, 3, 32, 32)
    explain(model, images, out=tmp_path / "out")
    with torch.no_grad():
        next(model.module.parameters()).mul_(2)
    with pytest.raises(OptionError, match="begun with weights"):
        explain(model, images, out=tmp_path / "out")


def test_a_function_of_the_same_name_must_have_the_same_code(tmp_path: Path) -> None:
    def brightness(share: float) -> Classifier:
        text = f"def said(films):\n    light = {share} * films.mean((1, 2))\n    return np.stack([1 - light, light], 1)"
        names: dict[str, Any] = {"np": np}
        exec(text, names)
        return wrap_scores(names["said"], class_names=NAMES, input_size=16)

    films = np.random.default_rng(0).random((2, 16, 16)).astype(np.float32)
    wanted = explain(brightness(0.5), films, ["occlusion"], out=tmp_path / "out")
    assert_same(explain(brightness(0.5), films, ["occlusion"], out=tmp_path / "out"), wanted)
    with pytest.raises(OptionError, match=r"begun with function .*; give another folder"):
        explain(brightness(0.9), films, ["occlusion"], out=tmp_path / "out")


def test_equal_ids_do_not_make_equal_films(tmp_path: Path) -> None:
    model = classifier()
    for number, films in enumerate([noise(2, 3, 32, 32), np.zeros((2, 20, 20), dtype=np.uint8)]):
        explain(model, films, out=tmp_path / str(number))
        with pytest.raises(OptionError, match="begun with films"):
            explain(model, films + 1, out=tmp_path / str(number))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("keep me")
    with pytest.raises(OptionError, match="holds something else; give a new or an empty folder"):
        explain(classifier(), noise(1, 3, 32, 32), out=tmp_path / "mine")
    with pytest.raises(OptionError, match="holds something else"):
        explain(classifier(), noise(1, 3, 32, 32), out=tmp_path / "mine" / "thesis.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_damage_is_one_line(tmp_path: Path, manifest: Manifest) -> None:
    asked: dict[str, Any] = {"methods": ["grad-cam"], "batch_size": 2, "out": tmp_path / "out"}
    model = classifier()
    with pytest.raises(KeyboardInterrupt):
        explain(model, manifest, **asked, progress=Interruption(4))
    folder = tmp_path / "out" / "shards"
    shutil.copytree(folder, tmp_path / "whole")
    damages = {
        "000001.npz": lambda path: path.write_bytes(path.read_bytes()[:200]),
        "000002.npz": lambda path: path.unlink(),
        "000003.npz": lambda path: path.write_bytes(b""),
    }
    for name, damage in damages.items():
        damage(folder / name)
        with pytest.raises(ReaderError, match=r"not a shard of explanations .*; give another folder") as caught:
            explain(model, manifest, **asked)
        assert "\n" not in str(caught.value)
        shutil.copy(tmp_path / "whole" / name, folder / name)
    explain(model, manifest, **asked)
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    for results in ({"grad-cam": "../elsewhere"}, {"grad-cam": "absent"}, ["grad-cam"], 3):
        (tmp_path / "out" / "about.json").write_text(json.dumps(about | {"results": results}))
        with pytest.raises(ReaderError) as caught:
            load_explanations(tmp_path / "out")
        assert "\n" not in str(caught.value)


def test_films_of_which_none_can_be_read(tmp_path: Path, manifest: Manifest) -> None:
    for _ in range(2):
        with pytest.raises(ReaderError, match="none of 2 films could be read; first: c0: "):
            explain(classifier(), manifest.select(["c0", "c6"]), out=tmp_path / "out")


def test_names_that_no_file_may_have(tmp_path: Path) -> None:
    names = ("../../normal", "ABNORMAL/é\n", "abnormal")
    model = wrap(hand_written(functional, outputs=3), class_names=names, input_size=32)
    found = explain(model, noise(1, 3, 32, 32), target=names, out=tmp_path / "in" / "out")
    assert list(found) == [f"grad-cam [{name}]" for name in names]
    inside = [path.name for path in (tmp_path / "in" / "out").iterdir() if path.is_dir()]
    assert sorted(inside) == ["grad-cam-..-..-normal", "grad-cam-ABNORMAL", "grad-cam-abnormal-2"]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_work_that_went_on_elsewhere_says_so(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier()
    with pytest.raises(KeyboardInterrupt):
        explain(model, manifest, batch_size=4, out=tmp_path / "out", progress=Interruption(1))
    monkeypatch.setattr("workbench.attribution.plan.library_versions", lambda: {"torch": "another"})
    about = explain(model, manifest, batch_size=4, out=tmp_path / "out")["grad-cam"].provenance
    assert about["versions"] != {"torch": "another"}
    assert about["also_made_with"] == [{"device": "cpu", "versions": {"torch": "another"}}]


def peak_bytes(folder: Path, films: list[Path]) -> int:
    model = classifier(size=96)
    explain(model, films[:4], ["saliency"], batch_size=4, out=folder / "warm")
    tracemalloc.start()
    try:
        explain(model, films, ["saliency"], batch_size=4, out=folder / "out")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_films(tmp_path: Path) -> None:
    """NumPy's arrays are traced, as the maps are that are kept in memory where there is no folder."""
    film = tmp_path / "film.png"
    write_png(film, np.random.default_rng(0).random((40, 40)).astype(np.float32))
    few, many = (peak_bytes(tmp_path / str(count), [film] * count) for count in (8, 64))
    maps = (64 - 8) * 96 * 96 * 4
    assert many - few < maps / 3
    model = classifier(size=96)
    tracemalloc.start()
    found = explain(model, [film] * 64, ["saliency"], batch_size=4)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert isinstance(found["saliency"], Explanation)
    assert kept > maps  # the control: in memory they all are


def test_nothing_stays_behind_after_an_interruption(tmp_path: Path, manifest: Manifest) -> None:
    net = unusual(hand_written(functional))
    model = classifier(net)
    before = state_of(net)
    with pytest.raises(KeyboardInterrupt):
        explain(model, manifest, METHODS, batch_size=2, out=tmp_path / "out", progress=Interruption(3))
    assert state_of(net) == before
    handle = net.register_forward_hook(interrupt)
    during = state_of(net)
    with pytest.raises(KeyboardInterrupt):
        explain(model, noise(2, 3, 32, 32), METHODS)
    assert state_of(net) == during
    handle.remove()
    explain(model, manifest, METHODS, batch_size=2, out=tmp_path / "out")
    assert state_of(net) == before


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


AT_WORK = """
import sys, time
from tests.attribution.test_shards import classifier, noise
from workbench.attribution import explain

def pause(done, total):
    print(done, flush=True)
    time.sleep(600)

explain(classifier(), noise(3, 3, 32, 32), batch_size=1, out=sys.argv[1], progress=pause)
"""


def test_a_folder_is_one_process_s_until_it_ends_or_is_killed(tmp_path: Path) -> None:
    model, images, out = classifier(), noise(3, 3, 32, 32), tmp_path / "out"
    command = [sys.executable, "-c", AT_WORK, str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "1\n"
            before = sorted(out.rglob("*"))
            with pytest.raises(OptionError, match="another process is at work on it") as refused:
                explain(model, images, batch_size=1, out=out)
        finally:
            first.kill()
    assert str(refused.value) == (
        f"out: {out}: another process is at work on it (process {first.pid} on {gethostname()}); give another folder"
    )
    assert sorted(out.rglob("*")) == before
    steps: list[int] = []
    found = explain(model, images, batch_size=1, out=out, progress=lambda done, total: steps.append(done))
    assert steps == [2, 3]
    np.testing.assert_allclose(found["grad-cam"].maps, explain(model, images)["grad-cam"].maps, rtol=1e-4, atol=1e-6)


def test_what_is_finished_is_read_although_somebody_holds_the_folder(tmp_path: Path) -> None:
    model, images, out = classifier(), noise(1, 3, 32, 32), tmp_path / "out"
    wanted = explain(model, images, out=out)
    with file_lock(out / LOCK_NAME):
        assert_same(explain(model, images, out=out), wanted)


def test_a_shard_keeper_counts_what_it_holds(tmp_path: Path) -> None:
    keeper = Shards(tmp_path / "out", {"films": "a"})
    assert (keeper.done, keeper.finished, keeper.provenance) == (0, False, {})
    assert keeper.results() == {}
    results = explain(classifier(), noise(2, 3, 32, 32), METHODS)
    keeper.add(results, ())
    again = Shards(tmp_path / "out", {"films": "a"})
    assert again.done == 2
    assert again.provenance == keeper.provenance
    assert isinstance(again.results()["activations"], Activations)
    assert Shards(tmp_path / "out", {"films": "a"}).finished
