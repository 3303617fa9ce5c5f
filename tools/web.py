"""Asking the web: what an address answers, and a page as text."""

from typing import Any

from bs4 import BeautifulSoup
from pydantic import BaseModel, ConfigDict, Field

from agentrt.toolbox import tool
from agentrt.toolbox.network import Page, fetch


class WebOptions(BaseModel):
    """What a grant of ``web`` may say."""

    model_config = ConfigDict(extra="forbid")

    hosts: list[str] | None = Field(
        default=None, min_length=1, description="the only hosts: name, *.name or name:port"
    )
    private: bool = Field(
        default=False, description="whether the named hosts may be inside this machine's network"
    )
    max_bytes: int = Field(default=2_000_000, ge=1)
    timeout_s: float = Field(default=20.0, gt=0, le=55)


@tool(family="web", effects=("network",), options=WebOptions, timeout_s=60)
async def http_fetch(url: str, options: WebOptions) -> dict[str, Any]:
    """Fetch an http or https address with GET; gives its status, type and body."""
    page = await fetch(url, **options.model_dump())
    return {
        "url": page.url,
        "status": page.status,
        "type": page.content_type,
        "body": page.text,
    }


@tool(family="web", effects=("network",), options=WebOptions, timeout_s=60)
async def web_page(url: str, options: WebOptions) -> str:
    """Read a web page: its title and text, without its markup."""
    page = await fetch(url, **options.model_dump())
    if page.status >= 400:
        raise ValueError(f"{page.url} answered with status {page.status}")
    return _readable(page)


def _readable(page: Page) -> str:
    if "html" not in page.content_type:
        return page.text
    soup = BeautifulSoup(page.text, "html.parser")
    for tag in soup(["script", "style", "nav", "noscript", "template"]):
        tag.decompose()
    return soup.get_text("\n", strip=True)
