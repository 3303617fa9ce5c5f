"""What a call of a tool may do without asking a person.

Reading is free. What writes, sends or runs something is asked about, unless its grant says
``approve: never``; and after text from outside was read it is asked about all the same, unless the
grant says ``allow_tainted: true``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from typing import Any

from agentrt.toolbox.decorator import Effect
from agentrt.toolbox.granted import GrantedTool

ACTING: frozenset[Effect] = frozenset({"write", "network", "execute"})
OUTSIDE: frozenset[Effect] = frozenset({"read", "network", "execute"})
"""Effects whose answers hold text that neither the user nor the workflow wrote."""


def reads_outside(granted: Iterable[GrantedTool]) -> bool:
    """Whether an answer of one of the tools may hold text from outside."""
    return any(one.tool.effects & OUTSIDE for one in granted)


def reason_to_ask(granted: GrantedTool, tainted_by: Collection[str]) -> str | None:
    """Why a person must approve a call, or None where nobody needs to.

    Args:
        tainted_by: where the step has read text from outside.
    """
    effects = ", ".join(sorted(granted.tool.effects & ACTING))
    if effects and tainted_by and not granted.allow_tainted:
        sources = ", ".join(sorted(tainted_by))
        return f"it can {effects}, and this step has read text from outside ({sources})"
    if granted.approve == "ask":
        return "its grant says 'approve: ask'"
    if effects and granted.approve != "never":
        return f"it can {effects}"
    return None


def fingerprint(tool: str, arguments: dict[str, Any]) -> str:
    """The hash of a call: an approval of one call is none of any other."""
    call = json.dumps([tool, arguments], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(call.encode()).hexdigest()
