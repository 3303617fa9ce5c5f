"""What pip installs carries its workflows, tools, profiles and drafter."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        folder,
        ROOT,
    ]
    subprocess.run([sys.executable, "-m", "pip", *map(str, words)], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )  # fmt: skip


def test_it_takes_no_top_level_name_but_its_own(installed: Path) -> None:
    names = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"agentrt"}


def test_shipped_workflows_and_profiles_are_found_from_anywhere(
    installed: Path, tmp_path: Path
) -> None:
    where = run(installed, tmp_path, "-c", "import agentrt; print(agentrt.__file__)")
    assert where.stdout.startswith(str(installed))
    checked = run(installed, tmp_path, "-m", "agentrt", "validate", "research")
    assert checked.returncode == 0, checked.stderr
    served = run(installed, tmp_path, "-m", "agentrt", "serve", "--print-command")
    assert served.returncode == 0, served.stderr
    assert str(installed) in served.stdout, "the drafter is the one in the wheel"
