"""What no page may do, whatever the test: log an error, break the content security policy, ask anybody else."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

# Chromium logs each refused request; a test that provokes a refusal says so by its status.
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
# shaka-player remarks on the body of a refusal, which is not as long as the range that it asked for.
REMARK = re.compile(r"^Payload length does not match range requested bytes")
NOBODY = re.compile(r"Failed to load resource: net::")


class Watch:
    """Watches all pages of a context; `verdict` is what it holds against them."""

    def __init__(self, context: BrowserContext, origins: Collection[str]) -> None:
        self.origins = origins
        self.faults: list[str] = []
        self.expected: set[int] = set()
        self.requests: list[Request] = []
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on("request", self._request)
        context.on("page", lambda page: page.on("dialog", lambda dialog: self._dialog(page, dialog.message)))
        # Reported by the page itself as well: a violation in a report-only place logs nothing.
        context.expose_binding("reportViolation", lambda _, text: self.faults.append(f"policy: {text}"))
        context.add_init_script(
            "addEventListener('securitypolicyviolation', (event) =>"
            " reportViolation(`${event.violatedDirective} ${event.blockedURI}`))"
        )

    def expect(self, *statuses: int) -> None:
        """These refusals are the test's doing. 0: nobody answers."""
        self.expected |= set(statuses)

    def verdict(self) -> str:
        return "\n".join(self.faults)

    def seen(self, pattern: str, method: str = "GET") -> list[Request]:
        """The requests so far whose path matches."""
        return [
            request
            for request in self.requests
            if request.method == method and re.search(pattern, urlsplit(request.url).path)
        ]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning", "assert"}:
            return
        refused = REFUSED.search(message.text)
        if refused and int(refused[1]) in self.expected:
            return
        if REMARK.search(message.text) and self.expected:
            return
        # ERR_NETWORK_CHANGED is this machine's doing, not the page's: see steps.visit.
        if NOBODY.search(message.text) and (0 in self.expected or "ERR_NETWORK_CHANGED" in message.text):
            return
        self.faults.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.requests.append(request)
        url = urlsplit(request.url)
        if url.scheme not in {"about", "blob", "data"} and f"{url.scheme}://{url.netloc}" not in self.origins:
            self.faults.append(f"asked somebody else: {request.url}")

    def _dialog(self, page: Page, message: str) -> None:
        # Only hostile text would open one; the product never does.
        self.faults.append(f"a script opened a dialog: {message} at {page.url}")
