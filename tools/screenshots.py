"""`make screenshots`: the dashboard's pages as pictures, of a demo that has run for a while."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

IMAGES: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
_LAPTOP: Final = {"width": 1280, "height": 900}
_PHONE: Final = {"width": 390, "height": 844}
_SHOTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "now": ("", {"viewport": _LAPTOP}),
    "now-dark": ("", {"viewport": _LAPTOP, "color_scheme": "dark"}),
    "now-phone": ("", {"viewport": _PHONE, "device_scale_factor": 2}),
    "segments": ("segments?by=segment,service", {"viewport": _LAPTOP}),
    "limits": ("limits", {"viewport": _LAPTOP}),
    "account": ("account?tenant=main&id=talker-015&seq={seq}", {"viewport": _LAPTOP}),
}
_SETTLE_MS: Final = 3_000


def main() -> int:
    """Take them all; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:7709/")
    parser.add_argument("--seq", default="12", help="of the charge that is explained")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no Chromium found", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (path, options) in _SHOTS.items():
            context = browser.new_context(**options)
            page = context.new_page()
            page.goto(given.url + path.format(seq=given.seq))
            page.wait_for_timeout(_SETTLE_MS)
            page.screenshot(path=IMAGES / f"{name}.png")
            print(IMAGES / f"{name}.png")
            context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
