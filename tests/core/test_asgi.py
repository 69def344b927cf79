"""What browsers and couriers reach is served without waiting."""

import asyncio
import socket

from impexd.core import asgi


async def test_the_body_of_an_answer_does_not_wait_for_its_head_to_be_acknowledged() -> None:
    """With Nagle's delay each answer took 40 ms longer; asyncio leaves it on if the protocol is 0."""
    met: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("socket")
        met.set_result(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = asgi.bound("127.0.0.1", 0)
    async with await asyncio.start_server(meet, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await met == 1
        writer.close()
        await writer.wait_closed()
