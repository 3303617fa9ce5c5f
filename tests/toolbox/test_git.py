"""What changed in a git repository, hunk by hunk, and findings that point at it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agentrt.errors import ToolError
from agentrt.toolbox import Toolbox, find_tools, grant


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "wax.py").write_text("".join(f"line_{n} = {n}\n" for n in range(1, 21)))
    (folder / "gone.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True)


async def diff(folder: Path, **arguments: str) -> list[dict[str, Any]]:
    box = Toolbox(grant(find_tools(["git_diff"]), {"root": str(folder), "context": 1}))
    found: list[dict[str, Any]] = json.loads(await box.call("git_diff", arguments))
    return found


async def test_each_hunk_has_its_lines_as_they_are_now(repository: Path) -> None:
    lines = (repository / "wax.py").read_text().splitlines()
    lines[1] = "line_2 = 'two'"
    lines[14:15] = ["++ b/x = 1", "line_15 = 15"]
    (repository / "wax.py").write_text("\n".join(lines) + "\n")
    (repository / "gone.py").unlink()
    first, second = await diff(repository)
    assert (first["file"], first["first"], first["last"]) == ("wax.py", 1, 3)
    assert first["text"].splitlines() == [
        "    1  line_1 = 1", "      -line_2 = 2", "    2 +line_2 = 'two'", "    3  line_3 = 3",
    ]  # fmt: skip
    assert (second["file"], second["first"], second["last"]) == ("wax.py", 14, 16)
    assert "   15 +++ b/x = 1" in second["text"]


async def test_a_range_of_revisions_and_a_file_in_another_script(repository: Path) -> None:
    (repository / "蜂 蜜.py").write_text("honey = True\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "second")
    assert await diff(repository) == []
    [hunk] = await diff(repository, revision="HEAD~1..HEAD")
    assert (hunk["file"], hunk["first"], hunk["last"]) == ("蜂 蜜.py", 1, 1)


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        ("--output=stolen", "is no revision"),
        ("no-such", "git diff no-such: .*no-such"),
        (" ", "no"),
    ],
)
async def test_what_is_no_revision_is_refused(repository: Path, revision: str, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        await diff(repository, revision=revision)
    assert not (repository / "x").exists()


async def test_a_program_that_the_repository_names_is_not_run(repository: Path) -> None:
    git(repository, "config", "diff.external", "touch seen")
    git(repository, "config", "core.fsmonitor", "touch seen")
    (repository / "wax.py").write_text("line_1 = 2\n")
    assert await diff(repository)
    assert not (repository / "seen").exists()


async def test_a_folder_without_a_repository_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"(?i)not a git repository"):
        await diff(tmp_path)


async def test_findings_that_point_elsewhere_are_left_out() -> None:
    hunks = [{"file": "wax.py", "first": 3, "last": 5}, {"file": "honey.py", "first": 1, "last": 1}]
    findings = [[{"line": 4, "comment": "a"}, {"line": 6, "comment": "b"}], []]
    box = Toolbox(grant(find_tools(["check_findings"])))
    told = await box.call("check_findings", {"hunks": hunks, "findings": findings})
    assert json.loads(told) == [{"file": "wax.py", "line": 4, "comment": "a"}]
