"""Streamed outputs at the terminal."""

import io

from rich.console import Console

from agentrt.cli.live import LiveOutputs
from agentrt.cli.progress import RunProgress
from agentrt.graph import NodeFinished, NodeRetried, Token


def shown(events, *, terminal: bool = True, live: bool = True):
    written = io.StringIO()
    view = RunProgress(Console(file=io.StringIO()))
    out = Console(file=written, force_terminal=terminal, no_color=True, width=80)
    with LiveOutputs(view, out, live=live) as outputs:
        for event in events:
            outputs.event(event)
    return written.getvalue(), outputs.shown


def test_the_pieces_are_printed_as_they_come() -> None:
    written, kept = shown([Token("say", "Hello [b]", "answer"), Token("say", " you", "answer")])
    assert "answer" in written
    assert "Hello [b] you\n" in written
    assert kept == {"answer": "Hello [b] you"}


def test_only_streamed_outputs_are_and_only_one_at_a_time() -> None:
    pieces = [Token("plan", "secret"), Token("a", "one", "a"), Token("b", "two", "b")]
    written, kept = shown([*pieces, NodeFinished("a", 0.1), Token("b", "three", "b")])
    assert "secret" not in written
    assert kept == {"a": "one", "b": "three"}


def test_an_answer_that_is_tried_again_begins_anew() -> None:
    again = NodeRetried("a", 1, "broke off")
    written, kept = shown([Token("a", "on", "a"), again, Token("a", "one", "a")])
    assert written.count("\n") >= 2
    assert kept == {"a": "one"}


def test_off_a_terminal_and_with_json_nothing_is_printed_before_the_end() -> None:
    piece = [Token("a", "one", "a")]
    assert shown(piece, terminal=False) == ("", {})
    assert shown(piece, live=False) == ("", {})
