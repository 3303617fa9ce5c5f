"""Asking the person at the terminal, and reading answers given as words."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import click
from rich.prompt import Confirm, Prompt

from agentrt.cli.console import err
from agentrt.errors import InputError, RunCancelled
from agentrt.graph.person import Question

Paused = Callable[[], AbstractContextManager[None]]


def at_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return err.is_terminal and sys.stdin.isatty()


class Asker:
    """Asks one question at a time, with the live view out of the way."""

    def __init__(self, paused: Paused) -> None:
        self._paused, self._turn = paused, threading.Lock()

    def __call__(self, question: Question) -> Any:
        """The person's answer.

        Raises:
            RunCancelled: there is none, since standard input has ended.
        """
        with self._turn, self._paused():
            show_question(question)
            try:
                return _asked(question)
            except EOFError as error:
                raise RunCancelled("standard input has ended") from error


def show_question(question: Question) -> None:
    """Print a question, and what it is about."""
    err.print(f"[bold]{question.node}[/bold]: ", end="")
    err.print(question.message, markup=False, highlight=False)
    if question.value is not None and question.ask != "edit":
        err.print(_as_text(question.value), markup=False, highlight=False, style="dim")


def answer_of(question: Question, word: str) -> Any:
    """What a word on the command line answers to a question.

    Raises:
        InputError: it is no answer to it.
    """
    if question.ask == "approve":
        known = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
        if word.lower() not in known:
            raise InputError(f"{question.node} is answered with yes or no, not {word!r}")
        return known[word.lower()]
    if question.choices is not None and word not in question.choices:
        choices = ", ".join(question.choices)
        raise InputError(f"{question.node} is answered with one of {choices}, not {word!r}")
    if question.ask == "edit" and not isinstance(question.value, str):
        return _parsed(question.node, word)
    return word


def _asked(question: Question) -> Any:
    if question.ask == "approve":
        return Confirm.ask("  approve?", console=err)
    if question.ask == "answer":
        return Prompt.ask("  answer", console=err, choices=question.choices)
    edited = click.edit(_as_text(question.value), require_save=False)
    if edited is None or isinstance(question.value, str):
        return question.value if edited is None else edited.rstrip("\n")
    return _parsed(question.node, edited)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _parsed(node: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{node} is answered with JSON: {error}") from error
