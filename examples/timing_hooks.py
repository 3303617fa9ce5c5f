"""See each span as it opens and closes."""

import os

from agentrt import Runtime, Span

WORKFLOW = {
    "name": "hooks",
    "nodes": {"say": {"kind": "llm", "prompt": "Say hello.", "sampling": {"max_tokens": 20}}},
    "outputs": {"answer": "{{ say }}"},
}


def hook(moment: str, span: Span) -> None:
    took = f" after {span.duration_s:.3f} s" if moment == "close" else ""
    print(f"{moment}: {span.kind} {span.name}{took}")


def main() -> None:
    url = os.environ.get("OPENAI_BASE_URL")
    server = {"base_url": url, "model": os.environ["OPENAI_MODEL"]} if url else {}
    key = os.environ.get("OPENAI_API_KEY", "none")
    with Runtime(**server, api_key=key, hooks=[hook]) as runtime:
        runtime.run(WORKFLOW)


if __name__ == "__main__":
    main()
