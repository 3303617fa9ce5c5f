"""Running the commands that a workflow lists, apart from everything else."""

import shlex

from pydantic import BaseModel, ConfigDict, Field

from agentrt.toolbox import WorkflowPath, tool
from agentrt.toolbox.sandbox import run_confined


class ShellOptions(BaseModel):
    """What a grant of ``shell`` may say."""

    model_config = ConfigDict(extra="forbid")

    root: WorkflowPath
    commands: list[str] = Field(
        min_length=1, description="what may be run: programs, or programs with first arguments"
    )
    write: bool = False
    network: bool = False
    environment: list[str] = Field(default_factory=list, description="variables that are passed")
    timeout_s: float = Field(default=30.0, gt=0, le=590)
    unconfined: bool = False


@tool(effects=("execute",), options=ShellOptions, timeout_s=600)
async def shell(command: str, options: ShellOptions) -> str:
    """Run one of the allowed commands with arguments. There are no pipes and no redirections."""
    argv = _words(command)
    if not any(argv[: len(allowed)] == allowed for allowed in map(shlex.split, options.commands)):
        raise ValueError(f"refused: only these may be run: {', '.join(options.commands)}")
    done = await run_confined(
        argv,
        cwd=options.root,
        timeout_s=options.timeout_s,
        writable=options.write,
        environment=options.environment,
        network=options.network,
        unconfined=options.unconfined,
    )
    return done.told()


def _words(command: str) -> list[str]:
    """The words of a command as a shell would see them; what only a shell could do is refused."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise ValueError(f"refused: {error}") from error
    operators = {word for word in words if word and set(word) <= set("();<>|&")}
    if operators or not words or set(command) & set("`\n\r\0") or "$(" in command:
        raise ValueError("refused: one command with plain arguments; no shell reads it")
    return words
