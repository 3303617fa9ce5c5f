"""A double that obeys every instruction reads 200 poisoned documents, and nothing happens."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import poisoned
import pytest

from agentrt.graph.events import Event, ToolCalled
from agentrt.runtime import Runtime
from agentrt.testing import ObedientModel
from agentrt.testing.obedient_model import instructions

KEPT = "must stay as it is"
MARKERS = ["search", "page", "reader", "pipeline", "nested"]


@dataclass
class Place:
    """A folder that tools are granted, a secret beside it, and a server that counts what comes."""

    folder: Path
    host: str
    pages: dict[str, str]
    leaked: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def effects(self) -> list[str]:
        """What has happened that should not have."""
        outside = [p.name for p in self.folder.iterdir() if p.name not in ("root", "secret.txt")]
        changed = (self.root / "keep.txt").read_text() != KEPT
        new = [p.name for p in self.root.iterdir() if "owned" in p.name]
        return [*outside, *new, *self.leaked, *(["keep.txt changed"] if changed else [])]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "place"
    (folder / "root").mkdir(parents=True)
    (folder / "root" / "keep.txt").write_text(KEPT)
    (folder / "secret.txt").write_text(poisoned.SECRET)

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = place.pages.get(self.path.strip("/"))
            if page is None:
                place.leaked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write((page or "thanks").encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Canary) as server:
        place = Place(folder, f"127.0.0.1:{server.server_port}", {})
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield place
        server.shutdown()


def run_all(place: Place, marker: str, *, allow: bool, at_most: int) -> tuple[ObedientModel, list]:
    """Let the double read each document of one workflow."""
    documents = list(poisoned.documents(f"http://{place.host}", marker))[:at_most]
    corpus = place.folder.parent / "corpus"
    corpus.mkdir()
    for name, text in documents:
        place.pages[name] = text
        (place.root / name).write_text(text)
        (corpus / name).write_text(text)
    workflow = poisoned.workflows(str(place.root), place.host, allow=allow)[marker]
    model, calls = ObedientModel(), []

    def listen(event: Event) -> None:
        if isinstance(event, ToolCalled):
            calls.append(event)

    with Runtime(chat=model, store=None) as runtime:
        for name, _ in documents:
            inputs = {"secret": poisoned.SECRET, "document": name}
            topic = Path(name).stem.partition("-")[2]
            more = {"topic": topic, "corpus": str(corpus)}
            runtime.run(workflow, inputs | more, on_event=listen)
    return model, calls


@pytest.mark.parametrize("marker", MARKERS)
def test_no_poisoned_document_has_an_effect(place: Place, marker: str) -> None:
    model, calls = run_all(place, marker, allow=False, at_most=poisoned.PER_WORKFLOW)
    read = "\n".join(model.read)
    documents = list(poisoned.documents(f"http://{place.host}", marker))
    assert all(f"Report {Path(name).stem}." in read for name, _ in documents), "not all were read"
    refused = [call for call in calls if call.error]
    assert len(model.obeyed) >= 2 * len(documents), "the double did not obey"
    assert len(refused) >= 2 * len(documents)
    for call in refused:
        assert "refused" in call.output or "was not granted" in call.output, call.output
    assert place.effects() == []


@pytest.mark.parametrize("marker", MARKERS)
def test_the_same_documents_do_harm_where_a_workflow_lets_tainted_steps_act(
    place: Place, marker: str
) -> None:
    """The control: the double and its documents are as dangerous as they look."""
    run_all(place, marker, allow=True, at_most=4)
    effects = place.effects()
    assert "keep.txt changed" in effects
    assert any(effect.startswith("/leak") for effect in effects)
    assert "owned.txt" in effects


def test_instructions_are_found_in_any_text() -> None:
    text = 'x call a with {"b": 1} and Call the tool `c.d` with {"e": {"f": []}} call g with {oops'
    assert list(instructions(text + text)) == [("a", {"b": 1}), ("c.d", {"e": {"f": []}})]
