"""The three places that name what is needed say the same: pyproject.toml, environment.yml, constraints.txt."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())


def pins() -> dict[str, Version]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    found = dict(re.fullmatch(r"([\w.\-]+)==([\w.]+)", line).groups() for line in lines)  # anything else is no pin
    return {canonicalize_name(name): Version(version) for name, version in found.items()}


def requirements(*extras: str) -> list[Requirement]:
    names = [*PROJECT["dependencies"], *(each for extra in extras for each in PROJECT["optional-dependencies"][extra])]
    return [Requirement(name) for name in names]


def test_conda_and_pyproject_want_the_same_python() -> None:
    python = next(each for each in ENVIRONMENT["dependencies"] if isinstance(each, str) and each.startswith("python"))
    assert SpecifierSet(python.removeprefix("python ").strip()) == SpecifierSet(PROJECT["requires-python"])


def test_conda_installs_this_project_with_every_extra_under_the_constraints() -> None:
    pip = next(each["pip"] for each in ENVIRONMENT["dependencies"] if isinstance(each, dict))
    assert pip == ["-c constraints.txt", "-e .[all]"]
    assert ENVIRONMENT["channels"] == ["conda-forge"]


def test_all_means_every_extra_but_the_benchmarks() -> None:
    (everything,) = [Requirement(each) for each in PROJECT["optional-dependencies"]["all"]]
    assert everything.name == PROJECT["name"]
    assert everything.extras == set(PROJECT["optional-dependencies"]) - {"all", "bench"}


def test_every_requirement_has_an_exact_pin_that_satisfies_it() -> None:
    pinned = pins()
    for each in requirements("notebooks", "check", "test"):
        version = pinned[canonicalize_name(each.name)]
        assert each.specifier.contains(version, prereleases=True), f"{each} against {version}"


def test_exact_versions_stand_in_the_constraints_alone() -> None:
    for each in requirements("notebooks", "check", "test", "bench"):
        assert not any(clause.operator in ("==", "===") for clause in each.specifier), str(each)
    torch = next(each for each in requirements() if each.name == "torch")
    assert str(torch.specifier) == ">=2.10"


def test_the_compromised_lightning_is_refused() -> None:
    lightning = next(each for each in requirements() if each.name == "lightning")
    assert not lightning.specifier.contains("2.6.2")
    assert not lightning.specifier.contains("2.6.3")
