"""The process behind ``helpers.server``: ``transformers serve`` with the models it was told and no others.

Over the command ``transformers serve`` it adds what a course needs:

- Models have short names and are loaded before the first request, so that no answer's time includes loading.
- Asking for another model is a 404 that names those there are; the original looks for it on the hub and answers 500.
- Errors have OpenAI's form and say what was wrong; of the original's, OpenAI's client shows only the number.
- Pictures come as data URLs and are opened as everywhere in the course. The original opens addresses and files for
  whoever asks, decodes with torchvision's C++ library (which a CPU build of PyTorch may not load), and drops pictures
  that are meant for a text-only model.
- The port can be any free one, and the process ends with its parent.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import threading

import uvicorn
from fastapi import HTTPException, Request
from fastapi.responses import JSONResponse
from transformers import ContinuousBatchingConfig
from transformers.cli.serving.chat_completion import ChatCompletionHandler
from transformers.cli.serving.completion import CompletionHandler
from transformers.cli.serving.model_manager import ModelManager
from transformers.cli.serving.response import ResponseHandler
from transformers.cli.serving.server import build_server
from transformers.cli.serving.systemone import SystemOneHandler
from transformers.cli.serving.transcription import TranscriptionHandler
from transformers.cli.serving.utils import GenerationState, Modality
from transformers.utils import logging

from .errors import BadImage
from .images import open_image
from .profiles import device
from .server import HOST, READY

KEEP_ALIVE = 75  # seconds; more than clients keep an idle connection, so that none is closed under a request
#: On a CPU transformers 5.23 would fill 60 % of the memory with an empty cache, for tens of seconds, under the first
#: request. These are 32,768 tokens, for at most 128 requests at once.
CPU_CACHE = ContinuousBatchingConfig(page_size=256, num_blocks=128, max_batch_tokens=1024)


class NamedModels(ModelManager):
    """Serves the models of ``sources`` (id → path, or hub id with revision) and keeps them loaded."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources
        hub_on_gpu = device() == "cuda" and all("@" in source for source in sources.values())
        super().__init__(device=device(), dtype="bfloat16" if hub_on_gpu else "float32", model_timeout=-1)

    def load_model_and_processor(self, model_id_and_revision: str, **options: object) -> tuple:
        name = model_id_and_revision.removesuffix("@main")
        if name not in self.sources:
            served = ", ".join(self.sources)
            raise HTTPException(404, f"There is no model {name!r} here. This server has: {served}.")
        return super().load_model_and_processor(self.process_model_name(self.sources[name]), **options)

    def get_gen_models(self) -> list[dict]:
        return [{"id": name, "object": "model", "owned_by": "course", "created": 0} for name in self.sources]


class Chat(ChatCompletionHandler):
    """Chat completions with pictures from data URLs."""

    @staticmethod
    def get_processor_inputs_from_messages(messages: list[dict], modality: Modality) -> list[dict]:
        contents = [message["content"] for message in messages if isinstance(message.get("content"), list)]
        if modality == Modality.LLM and any(part["type"] != "text" for content in contents for part in content):
            raise HTTPException(400, "This model reads text only. Ask a vision-language model about pictures.")
        inputs = ChatCompletionHandler.get_processor_inputs_from_messages(messages, modality)
        for part in (part for message in inputs for part in message["content"] if isinstance(part, dict)):
            if part["type"] == "image":
                part["image"] = _picture(part.pop("url"))
        return inputs


def _picture(url: str):
    """The PIL image in a data URL; anything else is the client's mistake."""
    if not url.startswith("data:image/"):
        raise HTTPException(400, "Send pictures as data URLs (data:image/png;base64,…): no address or file is opened.")
    try:
        return open_image(base64.b64decode(url.split(",", 1)[-1]))
    except (BadImage, ValueError) as error:  # ValueError: no base64
        raise HTTPException(400, f"A picture cannot be used: {error}") from error


HANDLERS = (Chat, CompletionHandler, ResponseHandler, TranscriptionHandler, SystemOneHandler)


def main(options: dict) -> None:
    """Load the models, say that they are, and serve until the process that started this one is gone."""
    logging.disable_progress_bar()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    listening = socket.create_server((HOST, options["port"]))
    # Send each token at once. asyncio does this only for sockets that name their protocol, which this one does not; the
    # kernel then waits with a second small packet for the receipt of the first, up to 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    manager = NamedModels(options["models"])
    cache = CPU_CACHE if device() == "cpu" else None
    state = GenerationState(continuous_batching=options["continuous_batching"], cb_config=cache)
    app = build_server(manager, *(handler(manager, state) for handler in HANDLERS), generation_state=state)
    for kind in (HTTPException, Exception):
        app.add_exception_handler(kind, _error)
    for name in options["models"]:
        manager.load_model_and_processor(name)
    print(f"{READY} {listening.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, timeout_keep_alive=KEEP_ALIVE)).run(sockets=[listening])


async def _error(request: Request, error: Exception) -> JSONResponse:
    """An error in OpenAI's form; what is nobody's mistake but the server's is in the log in full."""
    status = getattr(error, "status_code", 500)
    message = str(getattr(error, "detail", f"{type(error).__name__}: {error}"))
    kind = "server_error" if status == 500 else "invalid_request_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)


def _end_with_parent() -> None:
    """Nothing is ever written to standard input: that it ends means that the parent closed it, or died."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
