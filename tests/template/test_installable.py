"""The command line is installable from the repository: its wheel has all that it imports of ours."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

from harness.template import REPOSITORY


def dependencies_of(project: Path) -> set[str]:
    return set(tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"])


def test_the_wheel_answers_for_help_from_any_folder(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, REPOSITORY], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    ZipFile(wheel).extractall(tmp_path / "installed")
    told = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import callscribe, callscribe_tools, sys; print(callscribe.__path__, callscribe_tools.__path__);"
            "from callscribe_tools.operator.cli import app; app(['setup', '--help'])",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    ours = told.splitlines()[0]
    assert ours.count(str(tmp_path)) == 2
    assert "destroy" in told


def test_the_installed_simulator_has_its_scenarios(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, REPOSITORY], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    ZipFile(wheel).extractall(tmp_path / "installed")
    told = subprocess.run(
        [sys.executable, "-c", "from callscribe_tools.simulator.cli import app; app(['scenarios'])"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shipped = sorted(file.stem for file in (REPOSITORY / "tools" / "scenarios").glob("*.yaml"))
    assert [line.split()[0] for line in told.splitlines()] == shipped


def test_it_brings_what_the_shared_package_needs() -> None:
    assert dependencies_of(REPOSITORY / "layers" / "callscribe") <= dependencies_of(REPOSITORY)
