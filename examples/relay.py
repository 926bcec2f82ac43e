"""A runtime for ConversationRelay in Python. It repeats what the caller said: put your model there.

    python3 -m pip install websockets==15.0.1
    NIXFLEX_URL=https://numbers.example.com NIXFLEX_KEY=KEY_ID:KEY_SECRET python3 relay.py
"""

import asyncio
import json
import os
from datetime import datetime, timezone
from urllib.request import Request, urlopen

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def talk(socket):
    call, transcript, reason = {}, [], "caller_hangup"

    def said(role, text):
        transcript.append({"role": role, "text": text, "at": datetime.now(timezone.utc).isoformat()})

    try:
        async for data in socket:
            message = json.loads(data)
            match message["type"]:
                case "setup":
                    call = message["customParameters"]  # agent_id, phone_number, call_id, from
                case "prompt" if message.get("last", True):
                    said("caller", message["voicePrompt"])
                    if "goodbye" in message["voicePrompt"].lower():
                        reason = "completed"
                        await socket.send(json.dumps({"type": "end"}))
                        continue
                    # Here your model answers. Send its words as they come; the last piece has last: true.
                    answer = f"You said: {message['voicePrompt']}"
                    await socket.send(json.dumps({"type": "text", "token": answer, "last": True}))
                    said("agent", answer)
                case "error":
                    print(call.get("call_id"), message["description"])
    except ConnectionClosed:
        pass
    if call:
        outcome = {"transcript": transcript, "ended_reason": reason, "summary": f"{len(transcript)} sentences."}
        await asyncio.to_thread(report, call["call_id"], outcome)


def report(call_id, outcome):
    """Now the call stands in the log as one of the built-in agent's does."""
    headers = {"Authorization": f"Bearer {os.environ['NIXFLEX_KEY']}", "Content-Type": "application/json"}
    url = f"{os.environ['NIXFLEX_URL']}/v1/calls/{call_id}/outcome"
    with urlopen(Request(url, json.dumps(outcome).encode(), headers, method="POST"), timeout=10):
        pass


async def main():
    async with serve(talk, "0.0.0.0", int(os.environ.get("PORT", "8080"))) as server:
        await server.serve_forever()


asyncio.run(main())
