"""Files inside a granted folder, and none outside.

A path is resolved first, and then opened one component after the other without following links:
what is swapped in between the two makes the opening fail.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from pathlib import Path, PurePosixPath

from agentrt.errors import ToolError

MAX_PATH = 1024
_DRIVE = re.compile(r"^[A-Za-z]:")
_DEVICE = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$", re.IGNORECASE)
_SHOWN = 60


def inside(root: Path, given: str) -> Path:
    """The real path of ``given``, relative to a root that it can't leave. Nothing is opened.

    Raises:
        ToolError: it leads out, or is no plain relative path.
    """
    _refuse_odd(given)
    base = root.resolve()
    try:
        real = (base / given).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links, or a name that is too long
        raise _refused(given, "can't be resolved") from error
    if not real.is_relative_to(base):
        raise _refused(given, "leads out of the granted folder")
    return real


def open_inside(root: Path, given: str, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a regular file inside a root and give its descriptor.

    Args:
        flags: as for ``os.open``.
        mode: what a file that it makes may be used for.

    Raises:
        ToolError: it leads out, is no regular file, or can't be opened.
    """
    parts = inside(root, given).relative_to(root.resolve()).parts
    if not parts:
        raise _refused(given, "is the folder itself")
    folder = _open_folder(root.resolve(), parts[:-1], given)
    try:
        # Not blocking: else opening a pipe waits for whoever writes to it.
        safe = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        # Emptied only after it is known to be a regular file.
        found = os.open(parts[-1], safe & ~os.O_TRUNC, mode, dir_fd=folder)
    except OSError as error:
        raise _refused(given, _reason(error)) from error
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise _refused(given, "is no regular file")
        if flags & os.O_TRUNC:
            os.ftruncate(found, 0)
    except BaseException:
        os.close(found)
        raise
    return found


def list_inside(root: Path, given: str = ".") -> list[str]:
    """The names in a folder inside a root, sorted; folders end in a slash, links are left out.

    Raises:
        ToolError: it leads out, or is no folder.
    """
    base = root.resolve()
    folder = _open_folder(base, inside(root, given).relative_to(base).parts, given)
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                for entry in entries
                if not entry.is_symlink()
            )
    except OSError as error:
        raise _refused(given, _reason(error)) from error
    finally:
        os.close(folder)


def _open_folder(base: Path, parts: tuple[str, ...], given: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        folder = os.open(base, flags)
    except OSError as error:
        raise ToolError(f"the granted folder {base} can't be opened: {_reason(error)}") from error
    for part in parts:
        try:
            deeper = os.open(part, flags, dir_fd=folder)
        except OSError as error:
            raise _refused(given, _reason(error)) from error
        finally:
            os.close(folder)
        folder = deeper
    return folder


def _refuse_odd(given: str) -> None:
    """Refuse what is no plain relative path on any system, whatever this one makes of it."""
    if not given or len(given) > MAX_PATH:
        raise _refused(given, f"is empty or longer than {MAX_PATH} characters")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in given):
        raise _refused(given, "holds control characters")
    if "\\" in given or _DRIVE.match(given):
        raise _refused(given, "is a Windows path")
    if given.startswith(("/", "~")):
        raise _refused(given, "is not relative to the granted folder")
    parts = PurePosixPath(given).parts
    if ".." in parts:
        raise _refused(given, "goes upwards")
    if any(_DEVICE.match(part) for part in parts):
        raise _refused(given, "names a device")


def _refused(given: str, why: str) -> ToolError:
    shown = given if len(given) <= _SHOWN else given[:_SHOWN] + "…"
    return ToolError(f"refused: the path {shown!r} {why}")


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, NotADirectoryError):
        return "goes through what is no folder"
    return (error.strerror or str(error)).lower()
