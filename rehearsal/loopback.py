"""A web server on loopback, as the simulated parts of a rehearsal have it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

HOST = "127.0.0.1"


@asynccontextmanager
async def serving(application: web.Application, port: int = 0, pki: Path | None = None) -> AsyncIterator[int]:
    """Serve meanwhile, and give the port.

    Args:
        application: what answers.
        port: wanted; where another process has it, or it is 0, any other.
        pki: folder with the cluster's certificate, for https.
    """
    tls = None
    if pki is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pki / "server.crt", pki / "server.key")
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port, ssl_context=tls).start()
        except OSError:
            await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
