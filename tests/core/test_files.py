import hashlib
import json
import math

import pytest

from workbench.core.errors import ReaderError
from workbench.core.files import (
    atomic_path,
    digest_of,
    path_inside,
    project_path,
    project_root,
    read_json,
    safe_name,
    sha256_of,
    write_bytes,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_writing_makes_folders_and_leaves_only_the_file(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "Größe\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "Größe\n".encode()
    assert names(tmp_path) == ["a", "b.txt"]


def test_a_failing_writer_leaves_the_old_file_and_no_temporary(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half of the new")
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_writer_that_writes_nothing_fails_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(FileNotFoundError), atomic_path(path):
        pass
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, {"a": [1.0, -math.inf]}, object()])
def test_what_json_cannot_hold_writes_nothing(tmp_path, bad):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", bad)
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert names(tmp_path) == ["a.json"]


def test_json_comes_back_equal(tmp_path):
    content = {"x": [1, 2.5, None, True, "ü\n"], "y": {"z": 1e-300}}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b"{'a': 1}"],
    ids=["empty", "cut", "not UTF-8", "nested too deeply", "huge number", "Python"],
)
def test_what_is_no_json_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ReaderError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: not readable as JSON (")
    assert "\n" not in str(caught.value)


def test_a_missing_json_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ReaderError, match=r"none\.json: no such file"):
        read_json(tmp_path / "none.json")
    with pytest.raises(ReaderError, match="not readable as JSON"):
        read_json(tmp_path)


def test_sha256_is_of_the_bytes(tmp_path):
    content = bytes(range(256)) * 5000
    write_bytes(tmp_path / "a", content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_digest_knows_values_and_nothing_of_key_order():
    one = {"a": 1, "b": {"c": [1, 2], "d": None}}
    other = {"b": {"d": None, "c": [1, 2]}, "a": 1}
    assert digest_of(one) == digest_of(other) == digest_of(json.loads(json.dumps(one)))
    assert digest_of(one) != digest_of(other | {"a": 2})
    assert digest_of([1, 2]) != digest_of([2, 1])
    assert digest_of("1") != digest_of(1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_of(math.nan)


@pytest.mark.parametrize("good", ["a.png", "b/a.png", "b/../a.png", "./a.png", "", "..a/b"])
def test_paths_inside_their_root(tmp_path, good):
    root = tmp_path / "root"
    root.mkdir()
    assert path_inside(root, good).is_relative_to(root.resolve())


@pytest.mark.parametrize(
    "bad", ["../a.png", "b/../../a.png", "/etc/passwd", "..", "../root-2/a", "link/a", "a\0b", "loop"]
)
def test_paths_that_leave_their_root_are_refused(tmp_path, bad):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "root-2").mkdir()
    (root / "link").symlink_to(tmp_path / "root-2")
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(ReaderError):
        path_inside(root, bad)


def test_a_link_inside_the_root_and_a_linked_root_are_fine(tmp_path):
    (tmp_path / "root" / "films").mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to(tmp_path / "root" / "films")
    (tmp_path / "shelf").symlink_to(tmp_path / "root")
    assert path_inside(tmp_path / "shelf", "link/a.png") == tmp_path.resolve() / "root" / "films" / "a.png"


def test_project_paths_start_from_the_folder_that_holds_the_manifests(tmp_path, monkeypatch):
    (tmp_path / "data_manifests").mkdir()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    (tmp_path / "notebooks" / "here.csv").touch()
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert project_root() == tmp_path
    assert project_path("data_manifests/a.csv") == tmp_path / "data_manifests" / "a.csv"
    assert project_path("/a.csv").as_posix() == "/a.csv"
    monkeypatch.chdir(tmp_path / "notebooks")
    assert project_path("here.csv").resolve() == tmp_path / "notebooks" / "here.csv"


def test_without_manifests_the_project_is_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert project_root() == tmp_path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("grad-cam++ [abnormal - normal]", "grad-cam++-abnormal---normal"),
        ("../../etc/passwd", "etc-passwd"),
        ("XR_WRIST/patient1/image 1", "XR_WRIST-patient1-image-1"),
        (" .hidden:\0\n", "hidden"),
        ("???", "film"),
        ("é" * 300, "é" * 60),
    ],
)
def test_safe_names_are_single_file_names(text, name, tmp_path):
    assert safe_name(text) == name
    write_text(tmp_path / safe_name(text), "")
    assert names(tmp_path) == [name]
