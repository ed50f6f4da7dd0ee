"""The process behind ``helpers.server``: ``transformers serve`` with the models it was told and no others.

Over the command ``transformers serve`` it adds what a course needs:

- Models have short names and are loaded before the first request, so that no answer's time includes loading.
- Asking for another model is a 404 that names those there are; the original looks for it on the hub and answers 500.
- Errors have OpenAI's form and say what was wrong; of the original's, OpenAI's client shows only the number.
- Pictures and frames come as data URLs and are opened as everywhere in the course, each with limits of its own. The
  original opens addresses and files for whoever asks, decodes with torchvision's C++ library (which a CPU build of
  PyTorch may not load), takes files of video alone, and drops pictures that are meant for a text-only model.
- A conversation that is longer than the model's context is a 400; the original generates from it.
- The port can be any free one, and the process ends with its parent.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from functools import partial

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
from transformers.cli.serving.utils import BaseHandler, GenerationState, Modality
from transformers.utils import logging

from .profiles import device
from .server import HOST, READY
from .server_inputs import make_prompt, open_parts

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
        model, processor = super().load_model_and_processor(self.process_model_name(self.sources[name]), **options)
        if "apply_chat_template" not in vars(processor):  # else it is the one that was loaded before
            context = model.config.get_text_config().max_position_embeddings
            processor.apply_chat_template = partial(make_prompt, processor, processor.apply_chat_template, context)
        return model, processor

    def get_gen_models(self) -> list[dict]:
        return [{"id": name, "object": "model", "owned_by": "course", "created": 0} for name in self.sources]


class OpenedParts:
    """For handlers of conversations: pictures and videos come as data URLs (see ``server_inputs``)."""

    @staticmethod
    def get_processor_inputs_from_messages(messages: list[dict], modality: Modality) -> list[dict]:
        opened = [open_parts(message) for message in messages]
        if modality == Modality.LLM and any(part["type"] != "text" for parts in opened for part in parts or []):
            raise HTTPException(400, "This model reads text only. Ask a vision-language model about pictures.")
        texts = [
            message if parts is None else message | {"content": [part for part in parts if part["type"] == "text"]}
            for message, parts in zip(messages, opened)
        ]
        inputs = BaseHandler.get_processor_inputs_from_messages(texts, modality)
        for parsed, parts in zip(inputs, opened):
            if parts is not None and modality != Modality.LLM:
                parsed["content"] = parts
        return inputs


class Chat(OpenedParts, ChatCompletionHandler):
    """Chat completions."""


class Responses(OpenedParts, ResponseHandler):
    """OpenAI's newer API for the same."""


HANDLERS = (Chat, CompletionHandler, Responses, TranscriptionHandler, SystemOneHandler)


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
