"""Write the generated parts of the docs: the command-line reference and the language's schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent


def command_reference() -> str:
    """Every command with its arguments, options and examples, as Markdown."""
    import typer.main

    from agentrt.cli.main import app

    root: Any = typer.main.get_command(app)
    lines = ["# Command line", "", "Written by `make docs` from the program itself.", ""]
    for name, command in _leaves("agentrt", root):
        lines += [f"## `{name}`", "", *_description(command), *_parameters(command)]
    return "\n".join(lines).rstrip() + "\n"


def schema_text() -> str:
    """The JSON Schema of workflow files."""
    from agentrt.spec import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


GENERATED = {"cli.md": command_reference, "workflow.schema.json": schema_text}


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for child, sub in command.commands.items():
        yield from _leaves(f"{name} {child}", sub)


def _description(command: Any) -> list[str]:
    text, _, examples = (command.help or "").partition("Examples:")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    return [text.strip(), "", *(["```text", *lines, "```", ""] if lines else [])]


def _parameters(command: Any) -> list[str]:
    rows = []
    for parameter in command.params:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
        rows.append(f"- `{names}` {getattr(parameter, 'help', None) or ''}".rstrip())
    return [*rows, ""]


def main() -> None:
    """Write each generated file."""
    for name, make in GENERATED.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
