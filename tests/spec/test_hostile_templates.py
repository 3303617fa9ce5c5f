"""Nothing in a workflow is evaluated outside the template sandbox."""

from pathlib import Path

import pytest

from agentrt.errors import RunError, SpecError
from agentrt.runtime import Runtime
from agentrt.testing import ScriptedModel

HOSTILE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ inputs.__class__.__init__.__globals__ }}",
    "{{ inputs.text.format.__globals__ }}",
    "{{ '{0.__class__}'.format(inputs) }}",
    "{{ ('%c' * 9) | attr('__class__') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('touch MARK') }}",
    "{{ lipsum.__globals__['os'].system('touch MARK') }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ (1).__class__.__base__ }}",
    "{{ inputs.items.__func__ }}",
    "{{ inputs.pop('text') }}",
    "{{ inputs.update({'text': 1}) }}",
    "{{ range(99999999) | list }}",
    "{% for n in range(9999999) %}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'x' import y %}",
    "{% extends '/etc/passwd' %}",
    "{{ __import__('os').system('touch MARK') }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ eval('1') }}",
    "{% set x = inputs.__class__ %}{{ x.mro() }}",
    "{{ inputs.text | map(attribute='__class__') | first }}",
]


def with_template(field: str, text: str):
    node = {"kind": "llm", "prompt": "x"}
    more = {}
    match field:
        case "prompt" | "for_each" | "system":
            node[field] = text
        case "fallback":
            node["fallback"] = {"deep": [text]}
        case "vars":
            more["vars"] = {"v": [text]}
        case "arguments":
            node = {"kind": "tool", "tool": "calculator", "arguments": {"expression": text}}
        case "when":
            node = {"kind": "branch", "cases": [{"when": text, "to": "other"}, {"to": "other"}]}
        case "until" | "value" | "carry" | "start":
            node = {
                "kind": "loop", "max_rounds": 2, "until": "{{ false }}", "value": "x",
                "start": {"c": 1}, "nodes": {"n": {"kind": "llm", "prompt": "x"}},
            }  # fmt: skip
            node[field] = {"c": text} if field in ("carry", "start") else text
    return {
        "name": "w",
        "inputs": {"text": {"default": "hello"}},
        **more,
        "nodes": {"say": node, "other": {"kind": "llm", "prompt": "x"}},
        "outputs": {"o": text if field == "outputs" else "{{ say }}"},
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_template_gets_nowhere(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises((SpecError, RunError)),
        Runtime(chat=ScriptedModel(lambda *_: "x"), store=None) as runtime,
    ):
        runtime.run(with_template("prompt", text))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "field",
    ["prompt", "system", "for_each", "fallback", "vars", "arguments", "when", "until", "value",
     "carry", "start", "outputs"],
)  # fmt: skip
def test_each_field_with_a_template_is_sandboxed(field: str) -> None:
    text = "{{ ''.__class__.__mro__ }}"

    def answer(name, messages):
        return "" if field == "fallback" and name == "say" else "x"

    with (
        pytest.raises((SpecError, RunError), match="unsafe"),
        Runtime(chat=ScriptedModel(answer)) as runtime,
    ):
        runtime.run(with_template(field, text))
