"""Model roles, routes that a model chooses, and answers that break their schema."""

import pytest

from agentrt.errors import BudgetError, OutputError, ProfileError, SpecError, UserError
from agentrt.llm import Endpoint
from agentrt.runtime import Runtime
from agentrt.testing import Reply, ScriptedModel

ROLES = """
name: roles
models:
  fast: {{{fast}}}
  writer: {{}}
nodes:
  plan: {{kind: llm, model: fast, prompt: plan}}
  write: {{kind: llm, model: writer, prompt: "{{{{ plan }}}}"}}
outputs: {{text: "{{{{ write }}}}"}}
"""

ROUTES = """
name: routes
inputs: {mail: {type: string, default: The invoice is wrong}}
nodes:
  route:
    kind: branch
    choose: {system: You sort mail., prompt: "{{ inputs.mail }}"}
    cases:
      - {to: billing, description: about money}
      - {to: other}
  billing: {kind: llm, prompt: billing}
  other: {kind: llm, prompt: other}
outputs: {route: "{{ route }}", answer: "{{ billing or other }}"}
"""

FACTS = {
    "name": "w",
    "nodes": {
        "facts": {
            "kind": "llm",
            "prompt": "x",
            "schema": {
                "type": "object",
                "properties": {"years": {"type": "array", "items": {"type": "integer"}}},
                "required": ["years"],
            },
        }
    },
    "outputs": {"facts": "{{ facts }}"},
}


def run(spec, model, inputs=None, **options):
    with Runtime(chat=model, **options) as runtime:
        return runtime.run(spec, inputs)


# -- roles -------------------------------------------------------------------------------------


def test_a_role_with_an_address_is_asked_there_with_the_key_of_the_environment(
    fake_server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fake_server([Reply("planned")])
    monkeypatch.setenv("FAST_KEY", server.api_key)
    fast = f"base_url: '{server.base_url}', model: small, api_key_env: FAST_KEY"
    default = ScriptedModel(["written"])
    result = run(ROLES.format(fast=fast), default)
    assert result.outputs == {"text": "written"}
    assert server.requests[0]["model"] == "small"
    assert default.calls[0][1][0]["content"] == "planned"
    assert server.api_key not in str(result.trace)


def test_a_missing_key_ends_it_before_anything_runs(fake_server) -> None:
    server = fake_server([Reply("planned")])
    fast = f"base_url: '{server.base_url}', model: small, api_key_env: FAST_KEY"
    with pytest.raises(UserError, match=r"role 'fast' needs its key in \$FAST_KEY"):
        run(ROLES.format(fast=fast), ScriptedModel([]))
    assert not server.requests


def test_a_role_that_is_mapped_to_nothing_is_the_default_servers_and_that_is_said() -> None:
    said = []
    model = ScriptedModel(["planned", "written"])
    result = run(ROLES.format(fast=""), model, on_progress=said.append)
    assert result.outputs == {"text": "written"}
    assert said[0] == "the model role 'fast' is mapped to nothing: the default server has it"
    assert result.trace.header.attributes["roles"]["writer"] == "the default server"


@pytest.mark.parametrize("given", ["fast", "fast and writer"])
def test_a_default_model_that_is_not_asked_is_not_connected_to(given: str) -> None:
    models = {"fast": ScriptedModel(["planned"]), "writer": ScriptedModel(["written"])}
    runtime = Runtime("no-such-profile", models={n: models[n] for n in given.split(" and ")})
    runtime.expect(runtime.load(ROLES.format(fast="")))
    if given == "fast":
        with pytest.raises(ProfileError, match="no-such-profile"), runtime:
            pass
        return
    with runtime:
        assert runtime.run(ROLES.format(fast="")).outputs == {"text": "written"}
        with pytest.raises(UserError, match="route asks the default model, which this Runtime was"):
            runtime.run(ROUTES)


def test_a_role_may_be_mapped_from_outside_whatever_the_file_says(fake_server) -> None:
    server = fake_server([Reply("from the server")])
    writer = ScriptedModel(["written"])
    given = Endpoint(server.base_url, "other", server.api_key)
    fast = "base_url: 'http://127.0.0.1:9/v1', model: gone"
    result = run(
        ROLES.format(fast=fast), ScriptedModel([]), models={"fast": given, "writer": writer}
    )
    assert result.outputs == {"text": "written"}
    assert writer.calls[0][1][0]["content"] == "from the server"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROLES.format(fast="").replace("model: fast", "model: fst"),
         r"no model role is called 'fst' \(did you mean 'fast'"),
        (ROLES.format(fast="base_url: 'http://x/v1'"), "base_url and model go together"),
        (ROLES.format(fast="api_key: secret"), "unknown field 'api_key'"),
    ],
)  # fmt: skip
def test_roles_are_checked(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        run(text, ScriptedModel([]))


# -- routes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["billing", "other"])
def test_a_model_chooses_a_route_and_is_held_to_their_names(route: str) -> None:
    model = ScriptedModel([{"route": route}, "done"])
    assert run(ROUTES, model).outputs == {"route": route, "answer": "done"}
    system, question = model.calls[0][1]
    assert system["content"] == "You sort mail."
    assert "The invoice is wrong" in question["content"]
    assert "- billing: about money\n- other: other" in question["content"]
    assert model.calls[1][0] == route


def test_the_schema_of_the_request_admits_the_routes_and_nothing_else(fake_server) -> None:
    server = fake_server([Reply('{"route": "other"}'), Reply("done")])
    with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
        runtime.run(ROUTES)
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["route"] == {"enum": ["billing", "other"]}


def test_a_route_that_there_is_not_is_repaired_or_fails() -> None:
    assert run(ROUTES, ScriptedModel(['{"route": "x"}', {"route": "other"}, "done"])).outputs
    with pytest.raises(OutputError, match=r"node 'route': .* at \$\.route: 'y' is not one of"):
        run(ROUTES, ScriptedModel(['{"route": "x"}', '{"route": "y"}']))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("about money}", "x, when: '{{ true }}'}"), "with 'choose' a case has no 'when'"),
        (("to: billing", "to: biling"), r"no node is called 'biling' \(did you mean 'billing'"),
        (("inputs.mail", "inputs.mial"), "no input is called 'mial'"),
        (("choose: {system: You sort mail., prompt", "choose: {promt"), "unknown field 'promt'"),
    ],
)  # fmt: skip
def test_choices_are_checked(change, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        run(ROUTES.replace(*change), ScriptedModel([]))


# -- answers under a schema --------------------------------------------------------------------


def test_an_answer_that_breaks_its_schema_is_repaired_once_with_the_error_shown() -> None:
    model = ScriptedModel(['{"years": ["old"]}', '{"years": [1825]}'])
    result = run(FACTS, model)
    assert result.outputs == {"facts": {"years": [1825]}}
    assert [name for name, _ in model.calls] == ["facts", "facts repair"]
    asked = model.calls[1][1]
    assert asked[-2] == {"role": "assistant", "content": '{"years": ["old"]}'}
    assert "at $.years[0]: 'old' is not of type 'integer'" in asked[-1]["content"]
    assert [s.name for s in result.trace.spans if s.kind == "llm"] == ["facts", "facts repair"]


def test_the_second_broken_answer_fails_with_node_place_and_fault() -> None:
    model = ScriptedModel(['{"years": ["old"]}', "{}", '{"years": []}'])
    with pytest.raises(OutputError, match=r"node 'facts': .* at \$: 'years' is a required prop"):
        run(FACTS, model)
    assert len(model.calls) == 2


def test_what_is_no_json_and_what_was_cut_off_is_repaired_too(fake_server) -> None:
    for broken in (Reply("Sure!"), Reply('{"years": [1', finish_reason="length")):
        server = fake_server([broken, Reply('{"years": []}')])
        with Runtime(base_url=server.base_url, model="m", api_key=server.api_key) as runtime:
            assert runtime.run(FACTS).outputs == {"facts": {"years": []}}


def test_a_retry_may_be_for_broken_answers_alone() -> None:
    node = FACTS["nodes"]["facts"] | {"retry": {"times": 1, "wait_s": 0, "on": ["schema"]}}
    spec = {**FACTS, "nodes": {"facts": node}}
    assert run(spec, ScriptedModel(["{}", "{}", '{"years": [1]}'])).outputs["facts"] == {
        "years": [1]
    }
    with pytest.raises(OutputError):
        run(spec, ScriptedModel(["{}"] * 4))


def test_a_repair_is_a_call_that_the_budget_counts() -> None:
    with pytest.raises(BudgetError, match="llm_calls 1"):
        run({**FACTS, "budget": {"llm_calls": 1}}, ScriptedModel(["{}", '{"years": []}']))
