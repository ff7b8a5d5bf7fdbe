"""The HTTP app: artifacts behind the routes of OpenAI's embeddings and of text-embeddings-inference (extra `http`).

`uvicorn biobert_onnx.serving.http:app` serves it, and so does `biobert-onnx serve`. Requests come in, go through the
bounds of `admission.py`, and are answered in the shapes of their routes. Only `cli/serve.py` imports it.
"""

from biobert_onnx.serving.http.app import app

__all__ = ["app"]
