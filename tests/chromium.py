"""Headless Chromium, controlled over its DevTools pipe, to test pages with mouse and touch."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip


def find_chromium() -> str | None:
    """Return the path of Chromium, or None if it is not installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """Running Chromium with one page; use it in a `with` statement."""

    def __init__(self, profile: Path):
        read_by_browser, self._out = os.pipe()
        self._in, written_by_browser = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        script = (
            f"import os, sys; os.dup2({read_by_browser}, 103); os.dup2({written_by_browser}, 104);"
            "os.dup2(103, 3); os.dup2(104, 4); os.execv(sys.argv[1], sys.argv[1:])"
        )
        command = [find_chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, *command],
            pass_fds=(read_by_browser, written_by_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_by_browser)
        os.close(written_by_browser)
        self._numbers = itertools.count(1)
        self._received = b""
        self._session = None
        self.events = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def _receive(self):
        while b"\0" not in self._received:
            part = os.read(self._in, 1 << 16)
            assert part, "Chromium has ended"
            self._received += part
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)

    def _call(self, method, **parameters):
        message = {"id": next(self._numbers), "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != message["id"]:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, page: Path, width: int, colours: str = "light") -> None:
        """Load a page from disk in a window of this width [px]; `colours` is `light` or `dark`."""
        self.events.clear()
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": colours}])
        self._call("Page.navigate", url=page.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def evaluate(self, expression: str):
        """Return the value of a JavaScript expression in the page."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def drag(self, points: list[tuple[float, float]]) -> None:
        """Press the mouse at the first point of the window [px], move through the others, and release."""
        steps = [("mousePressed", points[0]), *(("mouseMoved", point) for point in points[1:])]
        for kind, (x, y) in [*steps, ("mouseReleased", points[-1])]:
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def touch(self, points: list[tuple[float, float]]) -> None:
        """Touch the window at the first point [px], move through the others, and release."""
        steps = [("touchStart", points[:1]), *(("touchMove", [point]) for point in points[1:]), ("touchEnd", [])]
        for kind, touched in steps:
            self._call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in touched])

    def complaints(self) -> list[str]:
        """Return the console output and errors of the page."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in kinds]

    def requests(self) -> list[str]:
        """Return the URLs requested since the page was opened, without its own and data URLs."""
        asked = [
            event["params"]["request"] for event in self.events if event.get("method") == "Network.requestWillBeSent"
        ]
        return [request["url"] for request in asked[1:] if not request["url"].startswith("data:")]
