# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterable
from typing import Any, Protocol

_TOLERANCE_SECONDS = 300


class EventRefused(Exception):
    """A request that claims to be an event, and is not one that you should act on."""


class Headers(Protocol):
    """The headers of a request, in any framework."""

    def items(self) -> Iterable[tuple[str, str]]: ...


def verify_event(body: bytes | str, headers: Headers, secret: str) -> dict[str, Any]:
    """The event of a request, if your webhook secret signed it within the last five minutes.

    :param body: the body as it came, before anything parsed it
    :param secret: ``webhook_secret`` or ``standard_webhooks_secret``, as ``POST /v1/webhooks/secret`` gives them
    :raises EventRefused: if not
    """
    given = {name.lower(): value for name, value in headers.items()}
    sent_at = given.get("webhook-timestamp", "")
    if not re.fullmatch(r"[0-9]{1,12}", sent_at):
        raise EventRefused("The header webhook-timestamp is missing.")
    if abs(time.time() - int(sent_at)) > _TOLERANCE_SECONDS:
        raise EventRefused("The event was not signed within the last five minutes. Is your clock right?")
    raw = body.encode() if isinstance(body, str) else body
    message = f"{given.get('webhook-id', '')}.{sent_at}.".encode() + raw
    mac = hmac.new(_key(secret), message, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(mac)
    # A replaced secret signs beside the new one for a day.
    signatures = given.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(signature.encode(), expected) for signature in signatures):
        raise EventRefused("No signature fits. Was the body parsed before, or is the secret another one?")
    event: dict[str, Any] = json.loads(raw)
    return event


def _key(secret: str) -> bytes:
    """The two forms of a secret hold the same 32 bytes."""
    form = re.fullmatch(r"nxws_([0-9a-f]{64})|whsec_([A-Za-z0-9+/]{43}=)", secret.strip())
    if form is None:
        raise ValueError(
            "The webhook secret must begin with nxws_ or whsec_, as POST /v1/webhooks/secret gives it."
        )
    return bytes.fromhex(form[1]) if form[1] else base64.b64decode(form[2])
