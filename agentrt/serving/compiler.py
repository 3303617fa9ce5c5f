"""Whether this machine can compile a model for its CPU."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path


def can_compile() -> bool:
    """Whether there are a C++ compiler and Python's headers, which torch's compiler calls for."""
    compiler = os.environ.get("CXX", "g++")
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return shutil.which(compiler) is not None and headers.is_file()
