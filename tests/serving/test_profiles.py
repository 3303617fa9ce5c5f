"""Serving profiles: what is refused, and the exact command."""

import hashlib
from pathlib import Path

import pytest

from agentrt.bundled import shelf
from agentrt.errors import ProfileError
from agentrt.serving import load_profile, printable, profile_names, serve, why_not_here
from agentrt.serving.drafter import check_drafter
from agentrt.serving.server import stage, telling_line


def test_the_profiles_that_ship_are_valid() -> None:
    assert profile_names() == [
        "cpu-smollm2",
        "cpu-smollm2-baseline",
        "rtx5090-gemma4-baseline",
        "rtx5090-gemma4-dflash",
    ]
    assert load_profile("cpu-smollm2").method == "dflash"
    baseline = load_profile("cpu-smollm2-baseline")
    assert baseline.method is None
    assert baseline.flags == load_profile("cpu-smollm2").flags


def test_the_command_of_the_headline() -> None:
    line = printable(load_profile("rtx5090-gemma4-dflash"))
    assert "vllm serve cyankiwi/gemma-4-26B-A4B-it-AWQ-4bit" in line
    assert '"method": "dflash", "model": "z-lab/gemma-4-26B-A4B-it-DFlash"' in line
    assert '"num_speculative_tokens": 13' in line
    assert "--max-num-batched-tokens 8192" in line
    assert "--host 127.0.0.1" in line
    assert "--speculative-config" not in printable(load_profile("rtx5090-gemma4-baseline"))


def test_a_gpu_profile_is_refused_without_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    profile = load_profile("rtx5090-gemma4-dflash")
    assert "needs a GPU with 32 GiB" in str(why_not_here(profile))
    with pytest.raises(ProfileError, match="can't run here: it needs a GPU"), serve(profile):
        pass


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("nme: x\n", r"p.yaml:1: unknown field 'nme' .did you mean 'name'"),
        ("name: x\nengine: vlm\n", r"p.yaml:2: 'engine'"),
        ("name: [\n", r"p.yaml:2: not valid YAML"),
        ("name: x\nengine: vllm\n", r"p.yaml:1: the profile lacks 'model'"),
    ],
)
def test_a_wrong_profile_names_file_and_line(tmp_path: Path, change: str, message: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(change)
    with pytest.raises(ProfileError, match=message):
        load_profile(str(file))


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ProfileError, match="did you mean 'cpu-smollm2'"):
        load_profile("cpu-smolm2")


def test_the_log_is_read_for_people() -> None:
    assert stage("") == "importing"
    assert stage("Starting to load model x\nwarmup model") == "warming up"
    log = "x\nValueError: the model is too large\nRuntimeError: Engine core initialization failed."
    assert telling_line(log) == "ValueError: the model is too large".removeprefix("Value")


class TestADrafterBesideItsProfile:
    @pytest.fixture
    def profile(self, tmp_path: Path) -> Path:
        folder = tmp_path / "drafter"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
        digest = hashlib.sha256(b"weights").hexdigest()
        (folder / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n")
        text = (shelf("server") / "cpu-smollm2-baseline.yaml").read_text()
        drafter = "speculation: {method: dflash, model: drafter, num_speculative_tokens: 5}"
        path = tmp_path / "mine.yaml"
        path.write_text(text.replace("speculation: null", drafter))
        return path

    def test_it_is_named_by_its_whole_path(self, profile: Path) -> None:
        loaded = load_profile(str(profile))
        assert loaded.speculation["model"] == str(profile.parent / "drafter")
        check_drafter(loaded)

    def test_a_changed_file_is_refused(self, profile: Path) -> None:
        weights = profile.parent / "drafter" / "model.safetensors"
        weights.write_bytes(b"other weights")
        with pytest.raises(ProfileError, match="is not the file that SHA256SUMS names"):
            check_drafter(load_profile(str(profile)))
        weights.unlink()
        with pytest.raises(ProfileError, match="the drafter lacks"):
            check_drafter(load_profile(str(profile)))

    def test_a_sequential_head_that_is_not_there_is_refused(self, profile: Path) -> None:
        text = profile.read_text() + "lookup: {drafter: 5, head: sequential/head.safetensors}\n"
        profile.write_text(text)
        with pytest.raises(ProfileError, match=r"lookup\.head: there is no .*head\.safetensors"):
            check_drafter(load_profile(str(profile)))
        (profile.parent / "drafter" / "sequential").mkdir()
        (profile.parent / "drafter" / "sequential" / "head.safetensors").write_bytes(b"weights")
        check_drafter(load_profile(str(profile)))

    def test_a_name_that_is_no_folder_is_left_to_vllm(self, profile: Path) -> None:
        profile.write_text(profile.read_text().replace("model: drafter", "model: some/name"))
        loaded = load_profile(str(profile))
        assert loaded.speculation["model"] == "some/name"
        check_drafter(loaded)


def test_evidence_names_a_drafter_and_not_where_it_lies() -> None:
    profile = load_profile("cpu-smollm2")
    assert profile.told_speculation["model"] == "draft/model"
    assert Path(profile.speculation["model"]).is_absolute()
    assert load_profile("cpu-smollm2-baseline").told_speculation is None


@pytest.mark.parametrize(("compiler", "eager"), [("g++", False), ("no-such-compiler", True)])
def test_a_model_is_compiled_where_the_machine_can(
    compiler: str, eager: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "g++").write_text("")
    (tmp_path / "g++").chmod(0o755)
    (tmp_path / "Python.h").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", compiler)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert load_profile("cpu-smollm2").flags["enforce-eager"] is eager


@pytest.mark.parametrize(
    ("cpuinfo", "dtype"),
    [
        ("flags\t\t: fma avx2 avx512f avx512_bf16\n", "bfloat16"),
        ("flags\t\t: fma avx2\nbugs\t\t: none\n", "float32"),
        ("Features\t: fp asimd bf16\n", "bfloat16"),
        (None, "float32"),
    ],
)
def test_a_model_is_served_in_what_the_cpu_computes_in(
    cpuinfo: str | None, dtype: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo)
    monkeypatch.setattr("agentrt.serving.precision._CPUINFO", file)
    assert load_profile("cpu-smollm2").flags["dtype"] == dtype
    assert load_profile("cpu-smollm2-baseline").flags["dtype"] == dtype
