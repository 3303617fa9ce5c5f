"""A web service that streams an agent's answer. Start: uvicorn fastapi_app:app"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from agentrt import Runtime
from agentrt.graph import Token

WORKFLOW = {
    "name": "ask",
    "inputs": {"question": {"type": "string"}},
    "nodes": {"answer": {"kind": "llm", "prompt": "{{ inputs.question }}"}},
    "outputs": {"answer": "{{ answer }}"},
}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ.get("OPENAI_BASE_URL")
    server = {"base_url": url, "model": os.environ["OPENAI_MODEL"]} if url else {}
    async with Runtime(**server, api_key=os.environ.get("OPENAI_API_KEY", "none")) as runtime:
        app.state.runtime = runtime
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/ask")
async def ask(request: Request, question: str) -> StreamingResponse:
    async def tokens() -> AsyncIterator[str]:
        events = request.app.state.runtime.astream(WORKFLOW, {"question": question})
        async for event in events:
            if isinstance(event, Token):
                yield event.text

    return StreamingResponse(tokens(), media_type="text/plain")
