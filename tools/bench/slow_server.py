"""A vendor that takes 50 ms: `python slow_server.py` prints its port. One event loop, so that it costs little.

GET /fail has it answer 500 at once, GET /hang not at all, GET /work as it should again; GET /log gives the bodies it took,
in order.
"""

import asyncio

LATENCY_SECONDS = 0.05
OK = b'{"ok":true,"result":{"message_id":1},"id":"1"}'

mode = "/work"
taken: list[bytes] = []


def answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def ask(path: str) -> bytes:
    global mode
    if path == "/log":
        return b"[" + b",".join(taken) + b"]"
    mode = path
    if path != "/work":
        taken.clear()
    return b"{}"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
            body = await reader.readexactly(length)
            if head.startswith(b"GET"):
                writer.write(answer("200 OK", ask(head.split(b" ")[1].decode())))
            elif mode == "/fail":
                writer.write(answer("500 Internal Server Error", b"{}"))
            elif mode == "/hang":
                taken.append(body)
                await asyncio.sleep(3600)
            else:
                taken.append(body)
                await asyncio.sleep(LATENCY_SECONDS)
                writer.write(answer("200 OK", OK))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
