"""Ask a model behind an OpenAI-compatible endpoint once, streaming, and say exactly what came of it and when.

    async with make_client(server.base_url) as client:
        reply = await ask(client, "r1-s", [{"role": "user", "content": "3 + 4 = ?"}])

Retries, rate limits and logs are ``helpers.bench``'s business. Tool calls, several choices in one request (``n``) and
sound are not covered.
"""

from .endpoint import make_client, models
from .reply import MODEL_OUTCOMES, TRANSPORT_FAILURES, Reply
from .request import Timeouts, ask, is_text_only

__all__ = ["MODEL_OUTCOMES", "TRANSPORT_FAILURES", "Reply", "Timeouts", "ask", "is_text_only", "make_client", "models"]
