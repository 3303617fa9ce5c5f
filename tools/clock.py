"""What time it is."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentrt.toolbox import tool


@tool
def clock(timezone: str = "") -> str:
    """Tell the date and time, such as Europe/Berlin's; the machine's own without a timezone."""
    try:
        now = datetime.now(ZoneInfo(timezone)) if timezone else datetime.now().astimezone()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no timezone is called {timezone!r}, such as Europe/Berlin") from error
    return f"{now:%A} {now.isoformat(timespec='seconds')}"
