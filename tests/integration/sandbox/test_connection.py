"""Whether an answer was written whole, judged on real sockets."""

import asyncio

import pytest
from starlette.responses import Response

from syncqueue.testing.sandbox.connection import Connection
from syncqueue.testing.sandbox.endpoint import Endpoint

BIG = 40_000_000  # bytes: more than the buffers of a loopback connection hold


@pytest.mark.parametrize(("is_patient", "answered"), [(True, True), (False, False)])
def test_an_answer_counts_only_when_the_client_stayed_for_all_of_it(is_patient, answered):
    assert asyncio.run(ask(is_patient)) is answered


async def ask(is_patient: bool) -> bool:
    outcome = asyncio.get_running_loop().create_future()

    async def app(scope, receive, send):
        outcome.set_result(await Connection(scope, receive, send).answer(Response(bytes(BIG))))

    endpoint = Endpoint(app, "127.0.0.1", 0, option="--port")
    await endpoint.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    if is_patient:
        await reader.readexactly(BIG)
    else:
        writer.close()
    try:
        return await asyncio.wait_for(outcome, 15)
    finally:
        writer.close()
        await endpoint.close()
        endpoint.release()
