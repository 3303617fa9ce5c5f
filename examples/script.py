"""Run a workflow from a script. With no server named, agentrt starts one itself."""

import os

from agentrt import Runtime

WORKFLOW = """
name: hello
inputs: {topic: {type: string}}
nodes:
  say: {kind: llm, prompt: "Write one sentence about {{ inputs.topic }}.",
        sampling: {max_tokens: 40}}
outputs: {answer: "{{ say }}"}
"""


def main() -> None:
    url = os.environ.get("OPENAI_BASE_URL")
    server = {"base_url": url, "model": os.environ["OPENAI_MODEL"]} if url else {}
    key = os.environ.get("OPENAI_API_KEY", "none")
    with Runtime(**server, api_key=key) as runtime:
        result = runtime.run(WORKFLOW, {"topic": "bees"})
    print(result.outputs["answer"])
    print(f"{result.breakdown.wall_s:.2f} s, decode {result.breakdown.share('decode'):.0%}")


if __name__ == "__main__":
    main()
