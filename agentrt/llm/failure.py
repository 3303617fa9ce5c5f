"""From the client's exceptions to one clear sentence."""

from __future__ import annotations

from agentrt.errors import LLMError


def is_passing(error: BaseException) -> bool:
    """Whether trying again may help: the server is busy, restarting or not reached."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        return False
    if isinstance(error, openai.APIConnectionError):
        return True
    return isinstance(error, openai.APIStatusError) and error.status_code in (429, 502, 503)


def explain(error: BaseException, base_url: str) -> LLMError:
    """The LLMError for a failed call; the key never appears in it."""
    import httpx
    import openai

    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException | TimeoutError):
        return LLMError(f"{base_url}: the model did not answer in time")
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return LLMError(f"{base_url}: the server refused the API key")
    if isinstance(error, openai.NotFoundError):
        return LLMError(f"{base_url}: no such model or address: {_message(error)}")
    if isinstance(error, openai.BadRequestError):
        return LLMError(f"{base_url}: the server refused the request: {_message(error)}")
    if isinstance(error, openai.APIStatusError):
        return LLMError(f"{base_url}: the server failed ({error.status_code}): {_message(error)}")
    if isinstance(error, openai.APIConnectionError):
        return LLMError(f"{base_url}: no server answers there; is it running?")
    return LLMError(f"{base_url}: the answer broke off: {type(error).__name__}: {error}")


def _message(error: BaseException) -> str:
    body = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or error)[:400]
