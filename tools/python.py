"""Running Python that a model wrote, in a process apart from everything else."""

import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from agentrt.toolbox import WorkflowPath, tool
from agentrt.toolbox.sandbox import Limits, run_confined


class PythonOptions(BaseModel):
    """What a grant of ``python`` may say."""

    model_config = ConfigDict(extra="forbid")

    root: WorkflowPath | None = Field(
        default=None, description="a folder to work in; without it, an empty one that is removed"
    )
    write: bool = False
    timeout_s: float = Field(default=30.0, gt=0, le=590)
    memory_mb: int = Field(default=1000, ge=50)
    unconfined: bool = False


@tool(effects=("execute",), options=PythonOptions, timeout_s=600)
async def python(code: str, options: PythonOptions) -> str:
    """Run Python code, with its standard library only, and give what it prints."""
    with tempfile.TemporaryDirectory(prefix="agentrt-python-") as scratch:
        done = await run_confined(
            [_interpreter(), "-I", "-"],
            cwd=options.root or Path(scratch),
            timeout_s=options.timeout_s,
            writable=options.write or options.root is None,
            limits=Limits(memory=options.memory_mb * 1_000_000),
            unconfined=options.unconfined,
            stdin=code,
        )
    return done.told()


def _interpreter() -> str:
    """The Python under any virtual environment, whose packages stay outside."""
    return str(Path(sys.base_prefix).resolve() / "bin" / f"python3.{sys.version_info.minor}")
