"""Serves pages and their files from disk, strictly: no way out of the folder, no foreign script in the page."""

import hashlib
import mimetypes
from collections.abc import Sequence
from pathlib import Path

from werkzeug.wrappers import Request, Response

from shared.kernel.errors import NotFound

_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


def content_security_policy(image_sources: Sequence[str] = (), inline: Sequence[str] = ()) -> str:
    """The policy of a page: everything from this origin alone. `inline` are the hashes of its own inline parts."""
    images = " ".join(("'self'", "data:", "blob:", *image_sources))
    own = " ".join(("'self'", *(f"'{digest}'" for digest in inline)))
    return (
        f"default-src 'self'; script-src {own}; style-src {own}; img-src {images}; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def page_response(file: Path, request: Request, image_sources: Sequence[str] = ()) -> Response:
    """An HTML page from disk."""
    response = _file_response(file, request)
    response.headers["Content-Security-Policy"] = content_security_policy(image_sources)
    return response


def asset_response(folder: Path, path: str, request: Request) -> Response:
    """A file below `folder`; NotFound for what is not there or lies outside of it."""
    root = folder.resolve()
    if "\0" in path or "\\" in path or any(part.startswith(".") for part in path.split("/")):
        raise NotFound("there is no such file")
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise NotFound("there is no such file")
    return _file_response(file, request)


def _file_response(file: Path, request: Request) -> Response:
    content = file.read_bytes()
    kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if kind.startswith("text/") or kind.endswith("json") else ""
    response = Response(content, content_type=kind + charset)
    response.set_etag(hashlib.sha256(content).hexdigest()[:20])
    # Asked again each time and answered with 304: a new version shows at once.
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request.environ)
    return response
