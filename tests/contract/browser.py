"""A headless Chromium, driven by its DevTools protocol over a WebSocket; it has no network.

The protocol is https://chromedevtools.github.io/devtools-protocol/; only what these tests need of it.
"""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
KEYS = {"Tab": 9, "Enter": 13, "Space": 32, "ArrowRight": 39}
_TEXTS = {"Enter": "\r", "Space": " "}
_TIMEOUT = 30.0
_LOOK = 0.05


class Browser:
    """A tab."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._loop, self._socket, self._session = loop, socket, session
        self._number = 0
        self.events: list[dict[str, Any]] = []
        """What the tab has told since the last page was opened."""
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", **offline)

    def call(self, method: str, **parameters: Any) -> Any:
        """Return the result of a method; an error of it fails the test."""
        return self._loop.run_until_complete(self._call(method, parameters))

    async def _call(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        values = {"id": self._number, "method": method, "params": parameters, "sessionId": self._session}
        await self._socket.send_json(values)
        while (result := await self._next()).get("id") != self._number:
            pass
        assert "error" not in result, result
        return result["result"]

    async def _next(self) -> dict[str, Any]:
        by_name: dict[str, Any] = json.loads(await self._socket.receive_str(timeout=_TIMEOUT))
        if "method" in by_name:
            self.events.append(by_name)
        return by_name

    async def _until(self, method: str) -> None:
        while not any(event["method"] == method for event in self.events):
            await self._next()

    def open(self, path: Path, *, width: int = 1280, dark: bool = False) -> None:
        """Open a file, in a window of this width, on a system in light or dark colours."""
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        self._loop.run_until_complete(asyncio.wait_for(self._until("Page.loadEventFired"), _TIMEOUT))

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, which may be a promise."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def press(self, key: str, *, times: int = 1) -> None:
        """Press a key."""
        code = KEYS[key]
        values = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": code}
        for _ in range(times):
            kind = "keyDown" if key in _TEXTS else "rawKeyDown"
            self.call("Input.dispatchKeyEvent", type=kind, text=_TEXTS.get(key, ""), **values)
            self.call("Input.dispatchKeyEvent", type="keyUp", **values)

    def requests(self) -> list[str]:
        """Return the addresses that the page has asked for."""
        items = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in items]

    def complaints(self) -> list[str]:
        """Return what stands in the browser's console."""
        entries = [event["params"]["entry"] for event in self.events if event["method"] == "Log.entryAdded"]
        return [entry["text"] for entry in entries]


@contextmanager
def started(folder: Path) -> Iterator[Browser]:
    """Yield a tab of a new browser, or leave the test out where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser ({', '.join(PROGRAMS)}) on PATH: apt-get install chromium")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    options += ["--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    with (folder.parent / "browser.log").open("w") as log:
        process = subprocess.Popen([program, *options, "about:blank"], stdout=log, stderr=log)
    loop = asyncio.new_event_loop()
    try:
        port, path = _address(folder, process)
        session = loop.run_until_complete(_session())
        socket = loop.run_until_complete(session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0))
        tab = loop.run_until_complete(_attached(socket))
        yield Browser(loop, socket, tab)
        loop.run_until_complete(session.close())
    finally:
        process.terminate()
        process.wait(_TIMEOUT)
        loop.close()


def _address(folder: Path, process: "subprocess.Popen[bytes]") -> tuple[str, str]:
    file, deadline = folder / "DevToolsActivePort", time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        if file.exists() and len(lines := file.read_text().splitlines()) > 1:
            return lines[0], lines[1]
        time.sleep(_LOOK)
    raise AssertionError(f"the browser does not start: {(folder.parent / 'browser.log').read_text()[-2000:]}")


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _attached(socket: aiohttp.ClientWebSocketResponse) -> str:
    async def ask(number: int, method: str, **parameters: Any) -> Any:
        await socket.send_json({"id": number, "method": method, "params": parameters})
        while (document := json.loads(await socket.receive_str(timeout=_TIMEOUT))).get("id") != number:
            pass
        return document["result"]

    target = await ask(1, "Target.createTarget", url="about:blank")
    attached = await ask(2, "Target.attachToTarget", targetId=target["targetId"], flatten=True)
    return str(attached["sessionId"])
