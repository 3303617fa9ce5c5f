# %% [markdown]
# # Where does an agent's time go?
# A notebook as a script: editors that know `# %%` run it cell by cell. The runtime stays open
# between cells, so only the first one waits for the server.

# %%
import os

from agentrt import Runtime

url = os.environ.get("OPENAI_BASE_URL")
server = {"base_url": url, "model": os.environ["OPENAI_MODEL"]} if url else {}
runtime = Runtime(**server, api_key=os.environ.get("OPENAI_API_KEY", "none")).__enter__()

# %% [markdown]
# ## One run
# Two questions are answered side by side, and a third call puts them together.

# %%
workflow = {
    "name": "two sides",
    "inputs": {"topic": {"type": "string"}},
    "nodes": {
        "pro": {
            "kind": "llm",
            "prompt": "Say one good thing about {{ inputs.topic }}.",
            "sampling": {"max_tokens": 40},
        },
        "con": {
            "kind": "llm",
            "prompt": "Say one bad thing about {{ inputs.topic }}.",
            "sampling": {"max_tokens": 40},
        },
        "both": {
            "kind": "llm",
            "prompt": "Put together:\n{{ pro }}\n{{ con }}",
            "sampling": {"max_tokens": 60},
        },
    },
    "outputs": {"answer": "{{ both }}"},
}
result = runtime.run(workflow, {"topic": "bees"})
print(result.outputs["answer"])

# %% [markdown]
# ## Its time
# The spans are plain objects: make a table of them, or a data frame.

# %%
for span in result.trace.spans:
    if span.kind == "llm":
        tokens = span.attributes["output_tokens"]
        print(f"{span.node:5} TTFT {span.attributes['ttft_s']:.3f} s, {tokens} tokens")

breakdown = result.breakdown
print("critical path:", " → ".join(breakdown.critical_path))
print({name: f"{breakdown.share(name):.0%}" for name in breakdown.seconds})

# %% [markdown]
# ## What would faster decoding bring?

# %%
from agentrt.bench.projection import Rates, project  # noqa: E402 - where a notebook needs it

for rate in (100, 600):
    print(f"{rate} tok/s: {project([result.trace], Rates(decode=rate)).speedup:.2f}x")

# %%
runtime.__exit__(None, None, None)
