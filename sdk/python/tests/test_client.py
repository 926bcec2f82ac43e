"""The client against a server that says what each test wants. `npm run test:packages` runs it on the built wheel."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import unittest
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import httpx

from nixflex_numbers import AsyncNixflex, EventRefused, Nixflex, NixflexError, verify_event

BASE = "https://numbers.example.com"

Answer = Callable[[], httpx.Response]


def responds(status: int, **fields: Any) -> Answer:
    return partial(httpx.Response, status, **fields)


def refused(seconds: str) -> Answer:
    error = {
        "code": "storage_unavailable",
        "message": "In a moment.",
        "doc_url": "https://d",
        "details": {"a": 1},
    }
    return responds(503, json={"error": error}, headers={"retry-after": seconds, "x-request-id": "req_1"})


def unreached() -> httpx.Response:
    raise httpx.ConnectError("refused")


proxy = responds(502, html="<h1>Bad gateway</h1>")
page = responds(404, html="<h1>Not found</h1>")
internal = responds(500, json={"error": {"code": "internal_error"}})
done = responds(200, json={"done": True})


class Server:
    """Gives these answers, then ``{"done": true}``, and keeps what it was sent."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else done
        return answer()

    @property
    def keys(self) -> list[str | None]:
        return [request.headers.get("idempotency-key") for request in self.requests]

    def asked(self, act: Callable[[Any], Any], **options: Any) -> Any:
        with patch("time.sleep", self.waits.append):
            http_client = httpx.Client(transport=httpx.MockTransport(self.answer))
            with Nixflex(BASE, "nxf_1:nxfs_2", http_client=http_client, **options) as client:
                found = act(client)
                return list(found) if hasattr(found, "__next__") else found

    def asked_async(self, act: Callable[[Any], Any], **options: Any) -> Any:
        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        async def main() -> Any:
            http_client = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
            async with AsyncNixflex(BASE, "nxf_1:nxfs_2", http_client=http_client, **options) as client:
                found = act(client)
                return [entry async for entry in found] if hasattr(found, "__anext__") else await found

        with patch("nixflex_numbers._transport.asyncio.sleep", sleep):
            return asyncio.run(main())


def both(*answers: Answer) -> list[tuple[Server, Callable[..., Any]]]:
    first, second = Server(*answers), Server(*answers)
    return [(first, first.asked), (second, second.asked_async)]


def get(client: Any) -> Any:
    return client.get_health()


def create(client: Any) -> Any:
    return client.create_agent({"name": "Receptionist"})


def rotate(client: Any) -> Any:
    return client.rotate_key()


class Requests(unittest.TestCase):
    def test_have_what_their_operation_has(self) -> None:
        for server, ask in both():
            ask(lambda client: client.change_phone_number("+44/7", {"label": "A"}, dry_run="true"))
            ask(lambda client: client.list_calls(limit=5, agent_id=None))
            change, calls = server.requests
            self.assertEqual(change.method, "PATCH")
            self.assertEqual(str(change.url), f"{BASE}/v1/phone-numbers/%2B44%2F7?dry_run=true")
            self.assertEqual(json.loads(change.content), {"label": "A"})
            self.assertEqual(change.headers["authorization"], "Bearer nxf_1:nxfs_2")
            self.assertEqual(str(calls.url), f"{BASE}/v1/calls?limit=5")
            self.assertEqual(calls.content, b"")

    def test_bring_files_as_bytes(self) -> None:
        for kind in ["audio/mpeg", "text/csv; charset=utf-8"]:
            for _, ask in both(responds(200, content=b"x", headers={"content-type": kind})):
                self.assertEqual(ask(lambda client: client.get_recording("CA1")), b"x")


class Failures(unittest.TestCase):
    def test_say_all_that_the_api_says(self) -> None:
        for _, ask in both(refused("7")):
            with self.assertRaises(NixflexError) as caught:
                ask(get, max_retries=0)
            error = caught.exception
            self.assertEqual(str(error), "storage_unavailable: In a moment.")
            self.assertEqual((error.status, error.retry_after, error.request_id), (503, 7, "req_1"))
            self.assertEqual((error.doc_url, error.details), ("https://d", {"a": 1}))

    def test_may_come_from_something_in_between(self) -> None:
        for answer in [proxy, responds(204), responds(500, json=["no"]), responds(302)]:
            for _, ask in both(answer):
                with self.assertRaises(NixflexError) as caught:
                    ask(get, max_retries=0)
                self.assertEqual(caught.exception.code, "unreadable_answer")
                self.assertIsNone(caught.exception.retry_after)


class SentAgain(unittest.TestCase):
    cases: list[tuple[str, list[Answer], Callable[[Any], Any], str, list[float]]] = [
        ("as the API asks", [refused("7"), refused("3")], get, "done", [7, 3]),
        ("twice at most", [refused("1")] * 3, get, "storage_unavailable", [1, 1]),
        ("not after more than a minute", [refused("61")], get, "storage_unavailable", []),
        ("if no answer came", [unreached, unreached], get, "done", [0.5, 1]),
        ("if a proxy answered", [proxy], get, "done", [0.5]),
        ("not if another page is there", [page], get, "unreadable_answer", []),
        ("not if waiting does not help", [internal], get, "internal_error", []),
        ("with a key", [unreached, refused("2")], create, "done", [0.5, 2]),
        ("not without one, if none counts", [refused("1")], rotate, "storage_unavailable", []),
        ("not without one, if no answer came", [unreached], rotate, "ConnectError", []),
    ]

    def test_if_it_may_be(self) -> None:
        for name, answers, act, expected, waits in self.cases:
            for server, ask in both(*answers):
                with self.subTest(name):
                    try:
                        fate = next(iter(ask(act)))
                    except NixflexError as error:
                        fate = error.code
                    except httpx.TransportError as error:
                        fate = type(error).__name__
                    self.assertEqual((fate, server.waits), (expected, waits))

    def test_has_one_key(self) -> None:
        for server, ask in both(unreached):
            ask(create)
            own, again = server.keys
            self.assertRegex(own or "", "^[0-9a-f-]{36}$")
            self.assertEqual(own, again)
            ask(lambda client: client.create_agent({"name": "A"}, idempotency_key="mine"))
            ask(create, max_retries=0)
            ask(get)
            ask(rotate)
            self.assertEqual(server.keys[2:], ["mine", None, None, None])


class Lists(unittest.TestCase):
    def test_are_read_to_their_end(self) -> None:
        def page(calls: list[int], offset: int, count: int) -> dict[str, Any]:
            return {"calls": calls, "limit": 2, "offset": offset, "count": count}

        cases: list[tuple[list[dict[str, Any]], list[int], list[str]]] = [
            ([page([], 0, 0)], [], ["limit=100"]),
            ([page([1, 2], 0, 3), page([3], 2, 3)], [1, 2, 3], ["limit=100", "limit=100&offset=2"]),
            ([page([1, 2], 0, 3), page([], 2, 2)], [1, 2], ["limit=100", "limit=100&offset=2"]),
            (
                [{**page([1, 2], 0, 2), "count_is_minimum": True}, page([3], 2, 3)],
                [1, 2, 3],
                ["limit=100", "limit=100&offset=2"],
            ),
            (
                [{"calls": [1], "next": "x"}, {"calls": [], "next": "y"}, {"calls": [2], "next": None}],
                [1, 2],
                ["limit=100", "limit=100&after=x", "limit=100&after=y"],
            ),
        ]
        for pages, entries, queries in cases:
            for server, ask in both(*[responds(200, json=page) for page in pages]):
                self.assertEqual(ask(lambda client: client.iter_calls()), entries)
                self.assertEqual([request.url.query.decode() for request in server.requests], queries)


class Events(unittest.TestCase):
    secret = "nxws_" + "0f" * 32
    standard = "whsec_" + base64.b64encode(bytes([0x0F]) * 32).decode()
    other = "nxws_" + "1e" * 32
    body = b'{"event":"call.started"}'

    def headers(self, *secrets: str, age: int = 0) -> dict[str, str]:
        sent_at = str(int(time.time()) - age)
        macs = [
            hmac.new(bytes.fromhex(secret[5:]), f"evt_1.{sent_at}.".encode() + self.body, hashlib.sha256)
            for secret in secrets
        ]
        signatures = " ".join(f"v1,{base64.b64encode(mac.digest()).decode()}" for mac in macs)
        return {"Webhook-Id": "evt_1", "Webhook-Timestamp": sent_at, "Webhook-Signature": signatures}

    def test_are_genuine(self) -> None:
        for secret in [self.secret, self.standard]:
            for headers in [self.headers(self.secret), self.headers(self.other, self.secret, age=290)]:
                self.assertEqual(verify_event(self.body, headers, secret), {"event": "call.started"})
                self.assertEqual(verify_event(self.body.decode(), headers, secret)["event"], "call.started")

    def test_are_refused(self) -> None:
        signed = self.headers(self.secret)
        cases: list[tuple[str, bytes, dict[str, str]]] = [
            ("No signature fits", self.body + b" ", signed),
            ("No signature fits", self.body, self.headers(self.other)),
            ("No signature fits", self.body, {**signed, "Webhook-Signature": "v1,é"}),
            ("No signature fits", self.body, {**signed, "Webhook-Id": "evt_2"}),
            ("last five minutes", self.body, self.headers(self.secret, age=310)),
            ("last five minutes", self.body, self.headers(self.secret, age=-310)),
            ("webhook-timestamp is missing", self.body, {}),
        ]
        for problem, body, headers in cases:
            with self.subTest(problem), self.assertRaisesRegex(EventRefused, problem):
                verify_event(body, headers, self.secret)
        with self.assertRaisesRegex(ValueError, "nxws_ or whsec_"):
            verify_event(self.body, signed, "nxf_1:nxfs_2")


if __name__ == "__main__":
    unittest.main()
