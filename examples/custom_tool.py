"""Give a workflow a tool of your own: a typed function with a docstring."""

from agentrt import Runtime, tool


@tool
def word_count(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


WORKFLOW = """
name: count
inputs: {text: {type: string}}
nodes:
  count: {kind: tool, tool: word_count, arguments: {text: "{{ inputs.text }}"}}
outputs: {words: "{{ count }}"}
"""


class NoModel:
    """This workflow calls no model, so none is started."""

    async def complete(self, *args: object, **options: object) -> None:
        raise AssertionError("no model is needed here")


def main() -> None:
    with Runtime(chat=NoModel(), tools=[word_count]) as runtime:
        print(runtime.run(WORKFLOW, {"text": "three little words"}).outputs["words"])


if __name__ == "__main__":
    main()
