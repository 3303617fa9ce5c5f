"""Arithmetic, without evaluating Python."""

from simpleeval import InvalidExpression, SimpleEval

from agentrt.toolbox import tool


@tool
def calculator(expression: str) -> str:
    """Work out an arithmetic expression, such as 17 * (3 + 4)."""
    if len(expression) > 200:
        raise ValueError("the expression is longer than 200 characters")
    try:
        return str(SimpleEval(names={}, functions={}).eval(expression))
    except (InvalidExpression, SyntaxError, ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"can't work out {expression!r}: {error}") from error
