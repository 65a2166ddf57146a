"""What was skipped is kept beside the manifest."""

import pytest

from workbench.core.case import Case
from workbench.core.errors import ManifestError, Skipped
from workbench.core.manifest import Manifest, read_manifest, write_manifest
from workbench.core.skipped import read_skipped, skipped_path, write_skipped

SOME = (
    Skipped("a, b.png", 'of "no" use'),
    Skipped("table.csv:3", "two\r\nlines"),
    Skipped("\N{REPLACEMENT CHARACTER}", ""),
)


def test_it_is_read_back_letter_by_letter(tmp_path):
    write_skipped(tmp_path / "set.skipped.csv", SOME)
    assert read_skipped(tmp_path / "set.skipped.csv") == SOME


def test_no_file_means_nothing_skipped(tmp_path):
    assert read_skipped(tmp_path / "set.skipped.csv") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: the columns place, reason are wanted"),
        ("what,why\nx,y\n", ":1: the columns"),
        ("place,reason\nx\n", ":2: a place and a reason are wanted"),
        ('place,reason\n"x\n', ":2: a place"),
        (b"place,reason\n\xff", "not readable as CSV"),
    ],
)
def test_another_file_is_refused(tmp_path, text, words):
    path = tmp_path / "set.skipped.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ManifestError, match=words):
        read_skipped(path)


def test_a_manifest_writes_it_and_removes_a_stale_one(tmp_path):
    manifest = Manifest("set", ("a", "b"), ("b",), tmp_path, (Case("1", "p", "s", "1.png"),), skipped=SOME)
    write_manifest(manifest, tmp_path / "set.csv")
    assert skipped_path(tmp_path / "set.csv") == tmp_path / "set.skipped.csv"
    assert read_skipped(tmp_path / "set.skipped.csv") == SOME
    again = read_manifest(tmp_path / "set.csv", tmp_path)
    assert (again.cases, again.skipped) == (manifest.cases, ())
    write_manifest(again, tmp_path / "set.csv")
    assert not (tmp_path / "set.skipped.csv").exists()
