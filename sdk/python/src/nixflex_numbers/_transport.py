"""What both clients share: how a request is made, sent again, and read."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx

from ._version import __version__

# Doubled with each try.
_FIRST_WAIT_SECONDS = 0.5
# Who would have to wait longer is told so, by ``retry_after``, instead of kept waiting.
_MAX_WAIT_SECONDS = 60
# As many as the API gives at once.
_PAGE = 100


class NixflexError(Exception):
    """An error that the API answered with. Branch on ``code``."""

    def __init__(self, response: httpx.Response, answer: object) -> None:
        found = answer.get("error") if isinstance(answer, dict) else None
        error: dict[str, Any] = found if isinstance(found, dict) else {}
        self.status: int = response.status_code
        #: ``unreadable_answer``: something in between, such as a proxy, answered instead of the API.
        self.code: str = error.get("code", "unreadable_answer")
        self.message: str = error.get(
            "message", f"The answer with status {self.status} does not come from the API."
        )
        self.details: dict[str, Any] = error.get("details") or {}
        #: The page that says what to do.
        self.doc_url: str | None = error.get("doc_url")
        #: The id of the request. Support asks for it.
        self.request_id: str | None = response.headers.get("x-request-id")
        after = response.headers.get("retry-after", "")
        #: After how many seconds to try again, if the API says so.
        self.retry_after: int | None = int(after) if after.isascii() and after.isdigit() else None
        super().__init__(f"{self.code}: {self.message}")


def wait_seconds(failure: Exception, tried: int, tries: int) -> float | None:
    """After how many seconds to send a request again; None if it was sent often enough, or that would not help.

    The API says in Retry-After which of its failures pass. What is no answer of the API, such as a proxy's 502, is
    tried again too.
    """
    if tried >= tries:
        return None
    said = failure.retry_after if isinstance(failure, NixflexError) else None
    passes = (
        said is not None
        or not isinstance(failure, NixflexError)
        or (failure.code == "unreadable_answer" and failure.status >= 500)
    )
    seconds = _FIRST_WAIT_SECONDS * 2 ** (tried - 1) if said is None else said
    return seconds if passes and seconds <= _MAX_WAIT_SECONDS else None


def _read(response: httpx.Response) -> Any:
    # A recording, or a table. Any other form is not this API's, such as a page of a proxy.
    kind: str = response.headers.get("content-type", "")
    if response.is_success and kind.startswith(("audio/", "text/csv")):
        return response.content
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not response.is_success or answer is None:
        raise NixflexError(response, answer)
    return answer


def _following(page: Mapping[str, Any], length: int) -> dict[str, Any] | None:
    """The query of the next page, if there is one."""
    if page.get("next"):
        return {"after": page["next"]}
    reached = page.get("offset", 0) + length
    has_more = page.get("count_is_minimum", False) or reached < page.get("count", 0)
    return {"offset": reached} if length > 0 and has_more else None


class _Base:
    def __init__(self, base_url: str, token: str | None, max_retries: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._max_retries = max_retries

    def _made(
        self,
        method: str,
        template: str,
        path: Mapping[str, str],
        query: Mapping[str, Any],
        body: object,
        takes_key: bool,
        idempotency_key: str | None,
    ) -> tuple[dict[str, Any], int]:
        """The request, and how often it may be sent."""
        headers = {"user-agent": f"nixflex-numbers-python/{__version__}"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        if takes_key and idempotency_key is None and self._max_retries > 0:
            idempotency_key = str(uuid.uuid4())
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        quoted = {name: quote(value, safe="") for name, value in path.items()}
        request = {
            "method": method,
            "url": self._base_url + template.format(**quoted),
            "params": {name: value for name, value in query.items() if value is not None},
            "headers": headers,
            "json": body,
        }
        is_safe = method == "GET" or idempotency_key is not None
        return request, 1 + self._max_retries if is_safe else 1


class Transport(_Base):
    """
    :param base_url: the URL of the deployment, such as ``https://numbers.example.com``
    :param token: ``KEY_ID:KEY_SECRET``, or the admin token for operations that need it
    :param max_retries: how often a request is sent again that may be sent twice: a GET, or one with an
        ``Idempotency-Key``, which the client makes if you give none. With 0 it makes none.
    :param http_client: an ``httpx.Client`` of your own, for a proxy or other timeouts
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        max_retries: int = 2,
        http_client: httpx.Client | None = None,
    ) -> None:
        super().__init__(base_url, token, max_retries)
        self._http = http_client or httpx.Client(timeout=60)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(
        self,
        method: str,
        template: str,
        path: Mapping[str, str] = {},
        *,
        query: Mapping[str, Any] = {},
        body: object = None,
        takes_key: bool = False,
        idempotency_key: str | None = None,
    ) -> Any:
        request, tries = self._made(method, template, path, query, body, takes_key, idempotency_key)
        for tried in range(1, tries + 1):
            try:
                return _read(self._http.request(**request))
            except (httpx.TransportError, NixflexError) as failure:
                seconds = wait_seconds(failure, tried, tries)
                if seconds is None:
                    raise
            time.sleep(seconds)

    def _entries(
        self, field: str, template: str, path: Mapping[str, str] = {}, *, query: Mapping[str, Any] = {}
    ) -> Iterator[Any]:
        place: dict[str, Any] | None = {}
        while place is not None:
            page = self._request("GET", template, path, query={"limit": _PAGE, **query, **place})
            yield from page[field]
            place = _following(page, len(page[field]))


class AsyncTransport(_Base):
    """The parameters are those of :class:`Nixflex`; ``http_client`` is an ``httpx.AsyncClient``."""

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        max_retries: int = 2,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(base_url, token, max_retries)
        self._http = http_client or httpx.AsyncClient(timeout=60)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _request(
        self,
        method: str,
        template: str,
        path: Mapping[str, str] = {},
        *,
        query: Mapping[str, Any] = {},
        body: object = None,
        takes_key: bool = False,
        idempotency_key: str | None = None,
    ) -> Any:
        request, tries = self._made(method, template, path, query, body, takes_key, idempotency_key)
        for tried in range(1, tries + 1):
            try:
                return _read(await self._http.request(**request))
            except (httpx.TransportError, NixflexError) as failure:
                seconds = wait_seconds(failure, tried, tries)
                if seconds is None:
                    raise
            await asyncio.sleep(seconds)

    async def _entries(
        self, field: str, template: str, path: Mapping[str, str] = {}, *, query: Mapping[str, Any] = {}
    ) -> AsyncIterator[Any]:
        place: dict[str, Any] | None = {}
        while place is not None:
            page = await self._request("GET", template, path, query={"limit": _PAGE, **query, **place})
            for entry in page[field]:
                yield entry
            place = _following(page, len(page[field]))
