"""The number format that this machine's CPU computes in."""

from __future__ import annotations

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# As Linux names them on x86 and on Arm.
_BFLOAT16_FEATURES = {"avx512_bf16", "amx_bf16", "bf16"}


def cpu_dtype() -> str:
    """``bfloat16`` where the CPU multiplies in it; else ``float32``: emulation is far slower."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "float32"
    told = (line for line in lines if line.lower().startswith(("flags", "features")))
    features = {word for line in told for word in line.split()}
    return "bfloat16" if features & _BFLOAT16_FEATURES else "float32"
