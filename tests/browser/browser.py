"""A browser without a window, driven through chromedriver (W3C WebDriver over HTTP), with the standard library alone."""
import base64
import json
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """Fails with what the browser says if it does not start: a page that nobody opened is not tested."""

    def __init__(self, width=1280, height=900, scheme="light"):
        self.profile = tempfile.TemporaryDirectory(prefix="shardmill-browser-")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            self.address = f"http://127.0.0.1:{self._port()}/session"
            self.address += "/" + self._start(width, height)["sessionId"]
            self.command("goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}})
            self.media(scheme)
            self.command("url", {"url": "about:blank"})  # not the browser's own first page
            self.log("performance")
        except BaseException:
            self.close()
            raise

    def _port(self):
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return int(found.group(1))
        raise RuntimeError("chromedriver did not start")

    def _start(self, width, height):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--disable-background-networking", f"--window-size={width},{height}", f"--user-data-dir={self.profile.name}"]
        return self._send("POST", self.address, {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})

    def _send(self, method, address, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{address}: {error.read().decode()[:2000]}") from None

    def command(self, name, body=None):
        return self._send("GET" if body is None else "POST", f"{self.address}/{name}", body)

    def media(self, scheme, medium=""):
        self.command("goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {
            "media": medium, "features": [{"name": "prefers-color-scheme", "value": scheme}]}})

    def open(self, path):
        """Returns the seconds until everything is loaded and two frames are drawn."""
        start = time.monotonic()
        self.command("url", {"url": path if "://" in path else "file://" + path})
        self.wait_for_frames()
        return time.monotonic() - start

    def wait_for_frames(self):
        self.command("execute/async", {"script": "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));", "args": []})

    def run(self, script, *arguments):
        return self.command("execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        return self.command("element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.command(f"element/{self.find(selector)}/click", {})
        self.wait_for_frames()

    def type(self, selector, text):
        self.command(f"element/{self.find(selector)}/value", {"text": text})
        self.wait_for_frames()

    def log(self, kind):
        return self.command("se/log", {"type": kind})

    def screenshot(self, path, whole=True):
        """Charts are only drawn when they come into view: the whole page is looked through first."""
        if whole:
            self.run("window.dispatchEvent(new Event('beforeprint'))")
            self.wait_for_frames()
        answer = self.command("goog/cdp/execute", {"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": whole, "format": "png"} | (
            {"clip": self.run("const r = document.documentElement; return {x: 0, y: 0, width: r.scrollWidth, height: Math.min(r.scrollHeight, 12000), scale: 1};")} if whole else {})})
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    def close(self):
        try:
            self._send("DELETE", self.address)
        except Exception:  # it may not have started
            pass
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()
        self.profile.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
