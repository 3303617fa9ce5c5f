"""Preparing the packaged model: whole or not there, whatever happens."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentrt.errors import ServingError
from agentrt.serving import load_profile
from agentrt.serving.prepare import is_whole, model_folder, prepare, prepared_model
from agentrt.serving.profile import PackagedModel


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PackagedModel:
    monkeypatch.setenv("AGENTRT_CACHE", str(tmp_path / "cache"))
    found = load_profile("cpu-smollm2").model
    assert isinstance(found, PackagedModel)
    return found


def test_kill_9_while_converting_leaves_no_half_model(model: PackagedModel) -> None:
    folder = model_folder(model)
    converting = subprocess.Popen(
        [sys.executable, "-m", "agentrt.serving.prepare", "cpu-smollm2"], env={**os.environ}
    )
    deadline = time.monotonic() + 60
    while not list(folder.parent.glob(f"{folder.name}.tmp-*")):
        assert time.monotonic() < deadline
        assert converting.poll() is None
        time.sleep(0.02)
    converting.send_signal(signal.SIGKILL)
    converting.wait()
    assert not folder.exists()
    assert not is_whole(folder)

    assert prepare(model) == folder
    assert is_whole(folder, verify=True)
    assert not list(folder.parent.glob("*.tmp-*")), "what the kill left is swept up"


def test_a_file_that_lost_bytes_is_noticed(model: PackagedModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"whole")
    manifest = '{"files": {"weights": {"bytes": 5, "sha256": "x"}}}'
    (folder / "agentrt-manifest.json").write_text(manifest)
    assert is_whole(folder)
    assert not is_whole(folder, verify=True), "the sum is another one"
    (folder / "weights").write_bytes(b"who")
    assert not is_whole(folder)


def test_another_file_than_the_expected_one_is_refused(model: PackagedModel) -> None:
    profile = load_profile("cpu-smollm2")
    other = model.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ServingError, match="not the expected file: its checksum differs"):
        prepared_model(profile.model_copy(update={"model": other}), lambda _: None)
    assert not model_folder(other).exists()
