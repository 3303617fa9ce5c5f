"""What changed in a git repository, and whether what is said of it points at a changed line."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agentrt.errors import ToolError
from agentrt.toolbox import WorkflowPath, tool
from agentrt.toolbox.sandbox import run_confined

_FILE = re.compile(r"\+\+\+ (?:b/(?P<name>.*?)\t?|/dev/null)")
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class GitOptions(BaseModel):
    """What a grant of ``git_diff`` may say."""

    model_config = ConfigDict(extra="forbid")

    root: WorkflowPath = Field(description="the folder that holds .git")
    context: int = Field(default=3, ge=0, le=50, description="unchanged lines around a change")
    unconfined: bool = False


@tool(effects=("read",), options=GitOptions)
async def git_diff(options: GitOptions, revision: str = "HEAD") -> list[dict[str, Any]]:
    """What changed since a revision, or in a range of them: a list of hunks.

    Each has its file, the first and last line it covers there now, and its text, in which each
    line that is there now begins with its number.
    """
    if revision.startswith("-") or not revision.strip():
        raise ValueError(f"{revision!r} is no revision")
    # Nothing that a repository's own settings name is run.
    settings = ("core.fsmonitor=false", "core.quotePath=false", "safe.directory=*")
    command = [
        "git", *(word for setting in settings for word in ("-c", setting)), "diff", "--no-color",
        "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/",
        f"--unified={options.context}", revision, "--",
    ]  # fmt: skip
    done = await run_confined(
        command, cwd=options.root, timeout_s=60, writable=False, unconfined=options.unconfined
    )
    if done.code or done.stopped:
        raise ToolError(f"git diff {revision}: {(done.stopped or done.stderr).strip()}")
    return _hunks(done.stdout)


@tool(effects=("read",))
def check_findings(
    hunks: list[dict[str, Any]], findings: list[list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Findings with the file that they are about; those that point outside their hunk are left out.

    The n-th list of findings is about the n-th hunk; each finding has a ``line``.
    """
    return [
        {"file": hunk["file"], **finding}
        for hunk, found in zip(hunks, findings, strict=True)
        for finding in found
        if hunk["first"] <= finding["line"] <= hunk["last"]
    ]


def _hunks(diff: str) -> list[dict[str, Any]]:
    hunks, file, old, new, number = list[dict[str, Any]](), "", 0, 0, 0
    for line in diff.split("\n"):
        sign = line[:1]
        if not old and not new:
            if header := _FILE.fullmatch(line):
                file = header["name"] or ""
            elif begin := _HUNK.match(line):
                old, number, new = int(begin[1] or 1), int(begin[2]), int(begin[3] or 1)
                last = number + new - 1
                hunks.append({"file": file, "first": number, "last": last, "lines": list[str]()})
        elif sign in ("-", "+", " "):
            hunks[-1]["lines"].append(f"{'' if sign == '-' else number:>5} {line}")
            old, new = old - (sign != "+"), new - (sign != "-")
            number += sign != "-"
    # What leaves no line behind gives nothing to point at.
    left = (hunk for hunk in hunks if hunk["last"] >= hunk["first"])
    return [{**hunk, "text": "\n".join(hunk.pop("lines"))} for hunk in left]
