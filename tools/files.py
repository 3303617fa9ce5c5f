"""Reading, writing and listing inside one granted folder."""

import os

from pydantic import BaseModel, ConfigDict

from agentrt.toolbox import WorkflowPath, tool
from agentrt.toolbox.paths import list_inside, open_inside

MAX_BYTES = 1_000_000


class FilesOptions(BaseModel):
    """What a grant of ``files`` may say."""

    model_config = ConfigDict(extra="forbid")

    root: WorkflowPath
    write: bool = False


@tool(family="files", effects=("read",), options=FilesOptions)
def list_files(options: FilesOptions, path: str = ".") -> list[str]:
    """List a folder; the path is relative to the granted one. Folders end in a slash."""
    return list_inside(options.root, path)


@tool(family="files", effects=("read",), options=FilesOptions)
def read_file(path: str, options: FilesOptions) -> str:
    """Read a text file; the path is relative to the granted folder."""
    with os.fdopen(open_inside(options.root, path), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES:,} bytes")
    if b"\0" in data:
        raise ValueError(f"{path} is no text file")
    return data.decode("utf-8", errors="replace")


@tool(
    family="files",
    effects=("write",),
    replay="idempotent",
    options=FilesOptions,
    when=lambda options: options.write,
)
def write_file(path: str, text: str, options: FilesOptions) -> str:
    """Write a text file, replacing what it held; its folder must be there."""
    data = text.encode()
    if len(data) > MAX_BYTES:
        raise ValueError(f"the text is larger than {MAX_BYTES:,} bytes")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(open_inside(options.root, path, flags, mode=0o644), "wb") as file:
        file.write(data)
    return f"wrote {len(data):,} bytes to {path}"
