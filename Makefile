# agentrt: `make run` runs the main job, `make test` passes the tests; both set up what they need.

PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin
WORKFLOW ?= workflows/research.yaml
# pip's settings, where the environment has them, hold for the installer as well.
FIND_LINKS = $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS))
# Pinned lists without a resolver: an install takes seconds to minutes, not tens of them.
INSTALL = $(BIN)/python -m uv pip install --quiet --python $(BIN)/python --no-deps $(FIND_LINKS)

.PHONY: help install dev peers phoenix run test lint serve stop bench agentdojo contenders crash draft docs clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(BIN)/.uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@touch $@

$(BIN)/.runtime: requirements/cpu.txt requirements/build.txt pyproject.toml | $(BIN)/.uv
	@echo "installing the runtime (about 4 GB, some minutes)"
	$(INSTALL) -r requirements/cpu.txt
	$(INSTALL) -r requirements/build.txt
	$(INSTALL) --no-build-isolation -e .
	@touch $@

$(BIN)/.dev: requirements/dev.txt $(BIN)/.runtime
	$(INSTALL) -r requirements/dev.txt
	@touch $@

.venv-phoenix/.done: requirements/phoenix.txt | $(BIN)/.uv
	$(PYTHON) -m venv .venv-phoenix
	$(BIN)/python -m uv pip install --quiet --python .venv-phoenix/bin/python --no-deps $(FIND_LINKS) -r $<
	@touch $@

.venv-langchain/.done: requirements/langchain.txt | $(BIN)/.uv
	$(BIN)/python -m uv pip install --quiet --no-deps --target .venv-langchain $(FIND_LINKS) -r $<
	@touch $@

.venv-agentdojo/.done: requirements/agentdojo.txt | $(BIN)/.uv
	$(PYTHON) -m venv .venv-agentdojo
	$(BIN)/python -m uv pip install --quiet --python .venv-agentdojo/bin/python --no-deps $(FIND_LINKS) -r $<
	@touch $@

.venv-contenders/.done: requirements/contenders.txt | $(BIN)/.uv
	$(PYTHON) -m venv .venv-contenders
	$(BIN)/python -m uv pip install --quiet --python .venv-contenders/bin/python --no-deps $(FIND_LINKS) -r $<
	@touch $@

install: $(BIN)/.runtime ## Install the runtime into .venv
dev: $(BIN)/.dev ## Install what tests and linters need as well

run: $(BIN)/.runtime ## Answer a research question on a local vLLM (WORKFLOW=… for another)
	$(BIN)/agentrt run $(WORKFLOW)

peers: .venv-langchain/.done ## Install what the retrieval benchmark compares with

phoenix: .venv-phoenix/.done ## Install the collector that the OpenTelemetry test sends to

test: $(BIN)/.dev .venv-phoenix/.done ## Run all tests, on real vLLM too
	$(BIN)/python -m pytest tests

lint: $(BIN)/.dev ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

serve: $(BIN)/.runtime ## Leave a model server running, so that runs start at once
	$(BIN)/agentrt serve --detach

stop: $(BIN)/.runtime ## Stop it
	$(BIN)/agentrt stop

bench: $(BIN)/.runtime ## Measure speculation by task kind, and in a whole agent run
	$(BIN)/python benchmarks/speculation.py
	$(BIN)/python benchmarks/research.py

agentdojo: $(BIN)/.runtime .venv-agentdojo/.done ## Run AgentDojo's attacks against the boundary
	$(BIN)/python benchmarks/agentdojo.py

contenders: .venv-contenders/.done ## Install what benchmarks/step_cost.py compares agentrt with

crash: $(BIN)/.dev ## Kill a run at every boundary and at random, and see that it gets through
	$(BIN)/python benchmarks/crash.py

DRAFT_STEPS ?= 2400
DRAFT_DEVICE ?= cpu
draft: $(BIN)/.runtime ## Train the drafter anew (DRAFT_STEPS=… for fewer steps, DRAFT_DEVICE=cuda on a GPU)
	$(BIN)/python server/draft/make.py --steps $(DRAFT_STEPS) --device $(DRAFT_DEVICE)

docs: $(BIN)/.dev ## Write the generated parts of docs/
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/tables.py

clean: ## Remove the environment and caches inside this folder
	rm -rf $(VENV) .venv-agentdojo .venv-contenders .venv-langchain .venv-phoenix .agentrt
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
