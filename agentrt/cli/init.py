"""``agentrt init``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from agentrt.bundled import shelf
from agentrt.cli.console import err, out, print_json, reported, write_whole
from agentrt.cli.options import JsonOption
from agentrt.errors import UserError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_SCHEMA = ".agentrt/workflow.schema.json"


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the workflow is called.")],
    folder: Annotated[
        Path, typer.Option("--folder", "-C", help="Where to put it; made if need be.")
    ] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Write a commented workflow that runs as it is, to begin from.

    NAME.yaml has a model call, and a call of a tool that NAME_tools.py holds. Neither is written
    over what is there. The language's schema is put into .agentrt, for editors.

    Examples:

      agentrt init summary

      agentrt init triage --folder flows --json
    """
    with reported(as_json=as_json):
        texts = _starter(name)
        taken = [str(folder / file) for file in texts if (folder / file).exists()]
        if taken:
            raise UserError(f"{', '.join(taken)}: there already; choose another name")
        write_whole(folder / _SCHEMA, _schema())
        for file, text in texts.items():
            write_whole(folder / file, text.encode())
    written = [str(folder / file) for file in texts]
    then = [f"agentrt {verb} {folder / name}.yaml" for verb in ("validate", "run")]
    if as_json:
        print_json({"files": written, "schema": str(folder / _SCHEMA), "next": then})
        return
    for file in written:
        out.print(file, highlight=False, markup=False, soft_wrap=True)
    err.print(f"next: {then[1]}", style="dim", highlight=False, markup=False, soft_wrap=True)


def _starter(name: str) -> Mapping[str, str]:
    """The starter's files under another name, the one that needs the others last.

    Raises:
        UserError: it is no name.
    """
    import yaml

    if not _NAME.fullmatch(name) or not isinstance(yaml.safe_load(name), str):
        raise UserError(f"{name!r} is no name: letters, digits, - and _, such as my-summary")
    folder, module = shelf("workflows") / "starter", name.replace("-", "_")
    tools = (folder / "starter_tools.py").read_text(encoding="utf-8")
    modeline, _, text = (folder / "starter.yaml").read_text(encoding="utf-8").partition("\n")
    modeline = f"{modeline.partition('=')[0]}={_SCHEMA}"
    text = text.replace("starter_tools", f"{module}_tools").replace("starter", name)
    return {
        f"{module}_tools.py": tools.replace("starter", name),
        f"{name}.yaml": f"{modeline}\n{text}",
    }


def _schema() -> bytes:
    from agentrt.spec import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False).encode() + b"\n"
