"""What holds for every page at any moment: a name for every control, room on the screen, ids that are there once."""

from playwright.sync_api import CDPSession, Page

from testbed.browser.steps import PHONE, WIDE

OPERATED = {
    "button", "link", "textbox", "searchbox", "slider", "combobox", "checkbox", "DisclosureTriangle", "dialog", "Video",
}  # fmt: skip


def nameless(session: CDPSession) -> list[str]:
    """Controls without an accessible name, as Chromium computes it."""
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        f"{node['role']['value']} {node.get('properties')}"
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] in OPERATED - {"Video"}
        and not node.get("name", {}).get("value", "").strip()
    ]


def sound(page: Page) -> list[str]:
    """What is wrong with the page as it stands."""
    faults: list[str] = page.evaluate(
        """() => {
            const faults = [];
            if (document.documentElement.lang !== 'en') faults.push('no language');
            if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
            if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
            for (const image of document.images) if (!image.hasAttribute('alt')) faults.push(`no alt: ${image.src}`);
            const width = document.documentElement.scrollWidth;
            if (width > innerWidth) faults.push(`wider than the screen: ${width}`);
            for (const each of document.querySelectorAll('button, select, input:not([type=range]), summary')) {
                const box = each.getBoundingClientRect();
                if (box.width > 1 && (box.height < 24 || box.width < 24))
                    faults.push(`too small to hit: ${each.outerHTML.slice(0, 80)}`);
            }
            const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);
            if (new Set(ids).size !== ids.length) faults.push('an id twice');
            return faults;
        }"""
    )
    session = page.context.new_cdp_session(page)
    faults += nameless(session)
    session.detach()
    return faults


def sound_at_both_widths(page: Page) -> list[str]:
    page.set_viewport_size(PHONE)
    faults = sound(page)
    page.set_viewport_size(WIDE)
    return faults + sound(page)
