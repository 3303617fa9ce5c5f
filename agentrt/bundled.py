"""Where the shipped tools, workflows and serving profiles lie: in the wheel, or in the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Shelf = Literal["tools", "workflows", "server"]


def shelf(name: Shelf) -> Path:
    """The folder of shipped content of that name."""
    installed = Path(__file__).parent / "_bundled" / name
    return installed if installed.is_dir() else Path(__file__).parent.parent / name


def cache_root() -> Path:
    """Where prepared models and indexes are kept; ``AGENTRT_CACHE`` moves it."""
    import os

    import platformdirs

    configured = os.environ.get("AGENTRT_CACHE")
    return Path(configured) if configured else Path(platformdirs.user_cache_path("agentrt"))


def state_root() -> Path:
    """Where running servers are registered; ``AGENTRT_STATE`` moves it."""
    import os

    import platformdirs

    configured = os.environ.get("AGENTRT_STATE")
    return Path(configured) if configured else Path(platformdirs.user_state_path("agentrt"))


def settings_file() -> Path:
    """The user's settings for all workflows; ``AGENTRT_SETTINGS`` moves it."""
    import os

    import platformdirs

    configured = os.environ.get("AGENTRT_SETTINGS")
    return Path(configured or Path(platformdirs.user_config_path("agentrt"), "settings.yaml"))
