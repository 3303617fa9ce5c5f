"""``agentrt serve``, ``stop`` and ``status``."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from types import FrameType
from typing import Annotated

import typer

from agentrt.cli.console import err, out, print_json, reported
from agentrt.cli.options import JsonOption, ProfileOption, SpeculationOption


def serve(
    profile: ProfileOption = "cpu-smollm2",
    speculation: SpeculationOption = "on",
    print_command: Annotated[
        bool, typer.Option("--print-command", help="Print the server's command, and stop.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Leave it running; `agentrt stop` ends it.")
    ] = False,
) -> None:
    """Serve a profile; runs of the same profile then use this server.

    It listens on loopback only, on a free port, with a random key.

    Examples:

      agentrt serve --detach

      agentrt serve --profile rtx5090-gemma4-dflash --print-command
    """
    with reported():
        from agentrt.cli.progress import RunProgress
        from agentrt.serving import load_profile, printable
        from agentrt.serving import serve as serve_profile

        loaded = load_profile(profile)
        if print_command:
            wanted = loaded if speculation == "on" else loaded.without_speculation()
            out.print(printable(wanted), soft_wrap=True, highlight=False, markup=False)
            return
        signal.signal(signal.SIGTERM, _interrupt)
        with ExitStack() as stack:
            with RunProgress(err) as progress:
                serving = serve_profile(
                    loaded,
                    speculation=speculation == "on",
                    shared=True,
                    detach=detach,
                    on_progress=progress.say,
                )
                server = stack.enter_context(serving)
            out.print(f"{server.model} at {server.base_url} (pid {server.pid})", highlight=False)
            if detach:
                return
            out.print("Ctrl-C stops it; the key is in `agentrt status --json`.", style="dim")
            while server.alive():
                time.sleep(0.5)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def stop(
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Only servers of this profile.")
    ] = None,
) -> None:
    """Stop the servers that agentrt started.

    Examples:

      agentrt stop
    """
    with reported():
        from agentrt.serving import stop_servers

        stopped = stop_servers(profile)
        for server in stopped:
            out.print(f"stopped {server.profile} (pid {server.pid})", highlight=False)
        if not stopped:
            out.print("no server runs")


def status(as_json: JsonOption = False) -> None:
    """List the servers that run.

    Examples:

      agentrt status --json
    """
    with reported(as_json=as_json):
        from dataclasses import asdict

        from agentrt.serving import running_servers

        servers = running_servers()
        if as_json:
            print_json([asdict(server) for server in servers])
            return
        for server in servers:
            kind = "shared" if server.shared else "private"
            out.print(
                f"{server.profile}: {server.model} at {server.base_url}, speculation "
                f"{server.speculation or 'off'}, {kind}, pid {server.pid}",
                highlight=False,
            )
        if not servers:
            out.print("no server runs")
