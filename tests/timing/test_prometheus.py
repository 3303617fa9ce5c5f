"""Metrics for programs that embed a runtime."""

from prometheus_client import CollectorRegistry

from agentrt.runtime import Runtime
from agentrt.testing import Reply
from agentrt.timing.prometheus import PrometheusHook


def test_runs_and_model_calls_are_counted_and_timed(fake_server) -> None:
    server = fake_server([Reply("hello there", acceptance_length=2.5, ttft_s=0.02)])
    registry = CollectorRegistry()
    workflow = {
        "name": "w",
        "nodes": {"a": {"kind": "llm", "prompt": "x"}},
        "outputs": {"o": "{{ a }}"},
    }
    hooks = [PrometheusHook(registry)]
    with Runtime(
        base_url=server.base_url, model="m", api_key=server.api_key, hooks=hooks
    ) as runtime:
        results = [runtime.run(workflow) for _ in range(2)]

    def value(metric: str, **labels: str) -> float | None:
        return registry.get_sample_value(metric, labels)

    assert value("agentrt_run_seconds_count", name="w", status="ok") == 2
    assert value("agentrt_node_seconds_count", name="a", status="ok") == 2
    made = sum(result.llm.output_tokens for result in results)
    assert value("agentrt_llm_tokens_total", model="m", direction="out") == made
    assert value("agentrt_llm_acceptance_length_sum", model="m") == 5.0
    waited = value("agentrt_llm_ttft_seconds_sum", model="m")
    assert waited is not None
    assert waited >= 0.04
