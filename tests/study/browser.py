"""Chromium without a screen, driven through the pipe of its DevTools: open a page, click, look."""

import base64
import json
import os
import subprocess
import time

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")


class Browser:
    """
    A tab of Chromium; a context manager.

    Parameters
    ----------
    folder : Path
        Where it keeps what it likes.
    """

    def __init__(self, folder):
        self.folder, self._number, self._rest, self.asked, self.errors = folder, 0, b"", [], []

    def __enter__(self):
        # Chromium reads commands from descriptor 3 and writes to 4
        (read, self._to), (self._from, write) = os.pipe(), os.pipe()
        command = ["chromium", *FLAGS, f"--user-data-dir={self.folder}", "about:blank"]
        shell = ["bash", "-c", f'exec "$@" 3<&{read} 4>&{write}', "bash", *command]
        self._process = subprocess.Popen(
            shell, pass_fds=(read, write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(read)
        os.close(write)
        target = next(t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *error):
        self._call("Browser.close")
        os.close(self._to)
        self._process.wait(30)
        os.close(self._from)

    def call(self, method, **parameters):
        """Return what DevTools answer."""
        return self._call(method, self._session, **parameters)

    def _call(self, method, session=None, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == self._number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                return found["result"]
            if found.get("method") == "Network.requestWillBeSent":
                self.asked.append(found["params"]["request"]["url"])
            if found.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(found["params"])

    def _message(self):
        while b"\0" not in self._rest:
            part = os.read(self._from, 1 << 20)
            if not part:
                raise RuntimeError("chromium is gone")
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def open(self, url, width, height=900, is_scripted=True):
        """Open a page in a window of that size."""
        self.call("Emulation.setScriptExecutionDisabled", value=not is_scripted)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self.asked, self.errors = [], []
        for place in ("about:blank", url):  # so that the page before is not taken for it
            self.call("Page.navigate", url=place)
            self.wait(f"location.href == {json.dumps(place)} && document.readyState == 'complete'")

    def evaluate(self, text):
        """Return the value of an expression of JavaScript."""
        found = self.call("Runtime.evaluate", expression=text, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", text))
        return found["result"].get("value")

    def wait(self, text, seconds=90):
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(text):
            if time.monotonic() > end:
                raise TimeoutError(text)
            time.sleep(0.2)

    def click(self, x, y):
        """Click on a place in the window."""
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def move(self, x, y):
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key, code):
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path):
        """Keep what the window shows."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
