"""What must be cheap stays cheap: importing torch costs more than a second, and nobody waits that long for help."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "lightning", "captum", "sklearn", "scipy", "pandas", "matplotlib", "plotly")
HELP = "import sys; sys.argv = ['workbench', '--help']\nfrom workbench.cli.commands import main\n"


def loaded(code: str) -> set[str]:
    """Return which heavy libraries a fresh interpreter has loaded after running the code."""
    report = f"import sys; print('\\nloaded', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    *_, last = done.stdout.splitlines()
    return set(last.split()[1:])


@pytest.mark.parametrize(
    "code",
    [
        "import workbench",
        "import workbench; dir(workbench); workbench.Manifest, workbench.Case, workbench.read_manifest",
        "import workbench.core.manifest",
        "import workbench.core.predictions, workbench.core.explanation, workbench.core.coco",
        f"{HELP}try: main()\nexcept SystemExit as stop: assert not stop.code, stop.code",
    ],
    ids=["workbench", "public names", "manifest", "core", "--help"],
)
def test_nothing_heavy_is_loaded(code):
    assert loaded(code) == set()


def test_the_way_of_looking_sees_torch():
    assert "torch" in loaded("import workbench; workbench.Classifier")


def test_every_public_name_leads_somewhere():
    import workbench

    assert {name: getattr(workbench, name) for name in workbench.__all__}.keys() == set(workbench.__all__)
    assert dir(workbench) == sorted(workbench.__all__)
    with pytest.raises(AttributeError, match="module 'workbench' has no attribute 'nothing'"):
        workbench.nothing  # noqa: B018 - asking is the test
