"""What shops have in front of their pages: a strict policy for scripts, a cache of whole pages."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.http import HttpResponse

from esputnik_connector.tracking.pages import script_hashes


class StrictPolicy:
    """Nothing runs but what has this answer's nonce, or was loaded by such a script."""

    hosts: ClassVar[str] = ""  # of eSputnik

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.csp_nonce = secrets.token_urlsafe(16)
        response = self.get_response(request)
        response["Content-Security-Policy"] = (
            f"script-src 'nonce-{request.csp_nonce}' 'strict-dynamic'; object-src 'none'; "
            f"base-uri 'none'; connect-src 'self' {self.hosts}"
        )
        return response


class HashPolicy:
    """Nothing runs but the shop's own files and eSputnik's: its snippet by the hash that
    ``script_hashes`` gives, since a page out of a cache can have no nonce."""

    is_complete: ClassVar[bool] = True  # else it names no hash

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        hashes = " ".join(script_hashes(request.get_host()) if self.is_complete else [])
        response["Content-Security-Policy"] = (
            f"script-src 'self' {StrictPolicy.hosts} {hashes}; object-src 'none'; "
            f"base-uri 'none'; connect-src 'self' {StrictPolicy.hosts}"
        )
        return response


class ScriptOfTheShop:
    """As a static script that the shop loads on every page, before ours."""

    text: ClassVar[str] = ""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            script = f"<script>{self.text}</script></head>"
            response.content = response.content.replace(b"</head>", script.encode(), 1)
            if response.has_header("Content-Length"):  # else the browser would cut the page short
                response["Content-Length"] = str(len(response.content))
        return response


class PageCache:
    """As a cache before the shop: one copy of a page for all visitors, whoever came first."""

    pages: ClassVar[dict[str, HttpResponse]] = {}
    served: ClassVar[int] = 0

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        path = request.get_full_path()
        if request.method != "GET" or not path.startswith("/en/catalogue/"):
            return self.get_response(request)
        if path in self.pages:
            type(self).served += 1
        else:
            response = self.get_response(request)
            if response.status_code != 200:
                return response
            self.pages[path] = HttpResponse(response.content, content_type=response["Content-Type"])
        return HttpResponse(self.pages[path].content)
