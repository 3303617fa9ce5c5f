"""Files inside a root: what is opened, and what a link that is swapped in changes."""

import os
from pathlib import Path

import pytest

from agentrt.errors import ToolError
from agentrt.toolbox import paths
from agentrt.toolbox.paths import inside, list_inside, open_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "root" / "sub" / "a.txt").write_text("inside")
    (tmp_path / "outside.txt").write_text("outside")
    return tmp_path / "root"


def content(root: Path, given: str) -> str:
    with os.fdopen(open_inside(root, given), "r") as file:
        return file.read()


def test_files_and_links_inside_are_opened(root: Path) -> None:
    (root / "link.txt").symlink_to("sub/a.txt")
    assert content(root, "sub/a.txt") == content(root, "./link.txt") == "inside"
    assert inside(root, "link.txt") == root / "sub" / "a.txt"


def test_a_root_may_be_reached_by_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert content(tmp_path / "alias", "sub/a.txt") == "inside"


def test_folders_are_listed_without_links(root: Path) -> None:
    (root / "out").symlink_to("/etc")
    (root / "b").write_text("")
    assert list_inside(root) == ["b", "sub/"]
    assert list_inside(root, "sub") == ["a.txt"]


@pytest.mark.parametrize("part", ["sub", "sub/a.txt"])
def test_a_link_swapped_in_after_the_check_is_not_followed(
    root: Path, tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = paths.inside
    (tmp_path / "a.txt").write_text("outside")

    def check_then_swap(base: Path, given: str) -> Path:
        real = checked(base, given)
        (root / part).rename(root / "moved")
        (root / part).symlink_to(tmp_path if part == "sub" else tmp_path / "a.txt")
        return real

    monkeypatch.setattr(paths, "inside", check_then_swap)
    with pytest.raises(ToolError, match=r"refused: the path 'sub/a.txt'"):
        content(root, "sub/a.txt")


def test_nothing_is_emptied_that_is_no_regular_file(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(ToolError, match=r"no such device|no regular file"):
        open_inside(root, "pipe", os.O_WRONLY | os.O_TRUNC)
    with pytest.raises(ToolError, match="no regular file"):
        open_inside(root, "pipe")
