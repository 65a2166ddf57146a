import importlib.metadata
import json
import platform
import re
import subprocess
from pathlib import Path, PurePosixPath

import numpy as np

from workbench.core import provenance
from workbench.core.provenance import git_revision, library_versions, plain


def test_versions_are_those_installed():
    versions = library_versions()
    assert versions["python"] == platform.python_version()
    assert versions["torch"] == importlib.metadata.version("torch")
    assert versions["radiograph-workbench"] == importlib.metadata.version("radiograph-workbench")


def test_absent_libraries_are_left_out(monkeypatch):
    monkeypatch.setattr(provenance, "LIBRARIES", ("numpy", "no-such-library"))
    assert sorted(library_versions()) == ["numpy", "python"]


def test_git_revision_is_a_commit_or_nothing(monkeypatch):
    assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", git_revision())

    def absent(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", absent)
    assert git_revision() == ""


def test_plain_values_pass_json():
    content = {"path": PurePosixPath("a/b"), 3: (1, 2.5, None, True), "deep": [{"x": (Path("c"),)}]}
    expected = {"path": "a/b", "3": [1, 2.5, None, True], "deep": [{"x": ["c"]}]}
    assert plain(content) == expected
    assert json.loads(json.dumps(plain(content))) == expected


def test_numbers_of_numpy_stay_numbers():
    assert plain({"n": np.int64(3), "x": np.float32(0.5), "yes": np.bool_(True)}) == {"n": 3, "x": 0.5, "yes": True}
    json.dumps(plain(np.int64(3)))
