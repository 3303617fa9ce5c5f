"""The drafter that a profile ships beside itself: found by relative path, checked before use."""

from __future__ import annotations

import hashlib
from pathlib import Path

from agentrt.errors import ProfileError
from agentrt.serving.profile import Profile


def check_drafter(profile: Profile) -> None:
    """Compare a local drafter's files with its ``SHA256SUMS``, and look for its sequential head.

    Raises:
        ProfileError: a file is missing or differs. A drafter that is not the one that was trained
            loads all the same, and then accepts nothing.
    """
    folder = Path(str((profile.speculation or {}).get("model", "")))
    head = profile.lookup.head if profile.lookup else None
    if head and not (folder / head).is_file():
        raise ProfileError(f"profile {profile.name!r}, lookup.head: there is no {folder / head}")
    sums = folder / "SHA256SUMS"
    if not folder.is_absolute() or not sums.is_file():
        return
    for line in sums.read_text(encoding="utf-8").splitlines():
        expected, name = line.split(maxsplit=1)
        file = folder / name
        if not file.is_file():
            raise ProfileError(f"{folder}: the drafter lacks {name}; `make draft` makes it anew")
        if hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            raise ProfileError(
                f"{file}: is not the file that {sums.name} names; fetch it again, or `make draft`"
            )
