"""One real vLLM server for all end-to-end tests."""

from pathlib import Path

import pytest

from agentrt.serving import load_profile, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory):
    """The default profile, served by vLLM on the CPU for the length of the session."""
    state: Path = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTRT_STATE", str(state))
        with serve(load_profile("cpu-smollm2")) as running:
            yield running
