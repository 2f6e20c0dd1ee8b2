"""The browser contexts of one test: watched, traced, and kept as evidence when something went wrong."""

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, StorageState, ViewportSize, expect

from testbed.browser.box import Box
from tests.browser.watch import Watch

EVIDENCE = Path(__file__).parents[2] / ".cache" / "browser"
PATIENCE_MS = 10_000
expect.set_options(timeout=PATIENCE_MS)


class Contexts:
    """Call it for a new one."""

    def __init__(self, chromium: Browser, box: Box, viewport: ViewportSize) -> None:
        self._chromium, self._box, self._viewport = chromium, box, viewport
        self._made: list[BrowserContext] = []
        # One for each context, in the order of their making.
        self.watches: list[Watch] = []

    def __call__(self, state: StorageState | None = None) -> BrowserContext:
        context = self._chromium.new_context(
            ignore_https_errors=True, viewport=self._viewport, storage_state=state, locale="en-GB"
        )
        context.set_default_timeout(PATIENCE_MS)
        context.tracing.start(snapshots=True, screenshots=False)
        self._made.append(context)
        self.watches.append(Watch(context, self._box.origins))
        return context

    def verdict(self) -> str:
        """What the watches hold against the pages."""
        return "\n".join(filter(None, (watch.verdict() for watch in self.watches)))

    def close(self, keep_as: str | None) -> None:
        """All of them; with a name, screenshots and a trace of each are kept under it."""
        for number, context in enumerate(self._made):
            if keep_as:
                EVIDENCE.mkdir(parents=True, exist_ok=True)
                for page_number, page in enumerate(context.pages):
                    page.screenshot(path=EVIDENCE / f"{keep_as}-{number}-{page_number}.png")
                context.tracing.stop(path=EVIDENCE / f"{keep_as}-{number}.zip")
            context.close()
