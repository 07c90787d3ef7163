"""What an operator sees: the API's own figures, live, on every screen and for everyone."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import LAPTOP, PHONE, WAIT_S, Site, seconds_of, until

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("", "segments", "limits", "events", "account", "account?tenant=main&id=ada")
BY = [f"FIGURE_DIMENSION_{name}" for name in ("SEGMENT", "SERVICE", "ZONE")]

pytestmark = pytest.mark.xdist_group("browser")


def shown(page: Page, site: Site, path: str) -> None:
    """Open a page and wait until its figures are there."""
    page.goto(site.url + path)
    eventually(page, "document.querySelectorAll('[data-tile], main table').length > 0")
    eventually(page, "document.body.dataset.live")


def eventually(page: Page, true: str) -> None:
    """Wait until an expression is true; the site's policy forbids what the driver has for it."""
    until(lambda: bool(page.evaluate(true)))


def hour_ago() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def micros(page: Page, selector: str) -> list[int]:
    found = page.eval_on_selector_all(
        f"{selector} [data-micros]", "all => all.map(each => each.dataset.micros)"
    )
    return [int(one) for one in found]


def row_of(page: Page, text: str) -> str:
    return page.locator("main tbody tr", has_text=text).first.inner_text()


def test_now_shows_what_the_api_reports(page: Page, site: Site) -> None:
    site.settled()
    shown(page, site, "?tenant=main")
    (today,) = site.ask("GetRevenue", range={"start_time": midnight(site)})["rows"]
    assert micros(page, "[data-tile='revenue-today']") == [int(today["revenue_micros"])]
    assert micros(page, "[data-tile='topped-up']") == [int(today["topped_up_micros"])]
    assert micros(page, "[data-tile='held']") == [held(site)]
    refusals = page.locator("section", has_text="Refusals by reason").first.inner_text()
    assert "Spending cap reached\t1" in refusals


def midnight(site: Site) -> str:
    as_of = site.ask("ListLimits")["as_of"]
    assert as_of["time_zone"] == "UTC"
    return f"{as_of['as_of_time'][:10]}T00:00:00Z"


def held(site: Site) -> int:
    found = site.ask("GetAccount", account_id="fay")["account"]["buckets"]
    return sum(int(bucket["reserved"]) for bucket in found)


def test_segments_show_what_the_api_reports(page: Page, site: Site) -> None:
    site.settled()
    shown(page, site, "segments")
    range_ = {"start_time": hour_ago(), "group_by": BY}
    revenue = [row for row in site.ask("GetRevenue", range=range_)["rows"] if "charge_count" in row]
    usage = site.ask("GetUsage", range=range_)["rows"]
    expected = sorted(int(row["revenue_micros"]) for row in revenue)
    assert sorted(micros(page, "main")) == expected
    used = page.eval_on_selector_all("[data-units]", "all => all.map(each => each.dataset.units)")
    assert sorted(map(int, used)) == sorted(int(row["used_units"]) for row in usage)
    assert {"gold", "silver", "basic"} <= set(page.locator("main tbody th").all_inner_texts())


def test_a_figure_leads_to_its_events(page: Page, site: Site) -> None:
    shown(page, site, "segments?by=segment,service&segment=gold")
    link = page.locator("main tr", has_text="sms").locator("a[data-micros]").first
    expected = int(link.get_attribute("data-micros") or "0")
    link.click()
    page.wait_for_selector("main tbody tr")
    assert "segment: gold" in page.locator("main").inner_text()
    assert sum(micros(page, "main tbody")) == expected


def test_limits_show_what_the_api_reports_nearest_first(page: Page, site: Site) -> None:
    shown(page, site, "limits")
    limits = site.ask("ListLimits")["limits"]
    rows = page.locator("main tbody tr").all_inner_texts()
    assert len(rows) == len(limits) > 0
    for row, limit in zip(rows, limits, strict=True):
        account, _, cap, *_ = (part.strip() for part in row.split("\t"))
        assert (account, cap) == (limit["account_id"], limit["cap_id"])
        assert f"{int(limit['share_permille']) / 10:.1f} %" in row
    page.get_by_label("Show").select_option("1000")
    eventually(page, "!document.querySelector('main tbody').innerText.includes('near')")


def test_an_account_shows_its_buckets_and_history_and_explains_a_charge(
    page: Page, site: Site
) -> None:
    shown(page, site, "account?tenant=main&id=ada")
    account = site.ask("GetAccount", account_id="ada")["account"]
    figures = page.eval_on_selector_all(
        "[data-figure]", "all => all.map(each => each.dataset.figure)"
    )
    (bucket,) = account["buckets"]
    assert figures == [bucket["balance"], bucket.get("reserved", "0"), bucket["available"]]
    history = page.locator("section", has_text="History").last.locator("tbody tr")
    assert history.count() == int(account["account_seq"])
    (charged,) = [one for one in reversed(timeline(site)) if one["kind"] == "DEBIT"][:1]
    history.last.scroll_into_view_if_needed()
    history.locator("button").last.click()
    page.wait_for_selector("#explained")
    lines = page.locator("ol.reasons li").all_inner_texts()
    explained = site.ask("ExplainCharge", event=charged["event"])
    assert lines == [line["text"] for line in explained["explanation"]]


def test_an_account_shows_the_caps_of_its_lines(page: Page, site: Site) -> None:
    shown(page, site, "account?tenant=main&id=fay")
    rows = page.locator("section", has_text="Caps of lines and groups").last.locator("tbody tr")
    (row,) = rows.all_inner_texts()
    assert [part.strip() for part in row.split("\t")][:2] == ["phones", "line phone"]
    shown(page, site, "account?tenant=main&id=ada")
    assert not page.locator("section", has_text="Caps of lines and groups").count()


def timeline(site: Site) -> list[Any]:
    """All events of an account, newest first."""
    found: list[Any] = site.ask("ListTimeline", account_id="ada")["events"]
    return found


def test_an_account_that_is_not_there_is_said(page: Page, site: Site) -> None:
    page.goto(f"{site.url}account?tenant=main&id=nobody")
    page.wait_for_selector("[role=alert]:not([hidden])")
    assert "unknown account" in page.locator("[role=alert]").inner_text()


def test_a_charge_appears_without_a_reload(page: Page, site: Site) -> None:
    shown(page, site, "")
    tile = "[data-tile='revenue-today'] [data-micros]"
    before = int(page.get_attribute(tile, "data-micros") or "0")
    marked = "window.notReloaded = true"
    page.evaluate(marked)
    began = time.monotonic()
    charged = site.debit("bob")
    eventually(page, f"document.querySelector(\"{tile}\").dataset.micros === '{before + charged}'")
    print(f"a charge was on the page after {time.monotonic() - began:.2f} s")  # noqa: T201
    assert page.evaluate("window.notReloaded") is True


def test_a_restart_of_the_figures_is_survived(page: Page, site: Site) -> None:
    shown(page, site, "")
    before = page.evaluate("document.body.dataset.live")
    os.kill(figures_pid(site), signal.SIGKILL)
    eventually(page, "document.getElementById('state').textContent.includes('lost')")
    eventually(
        page,
        f"document.body.dataset.live > '{before}' && !document.getElementById('state').textContent",
    )
    site.settled()


def figures_pid(site: Site) -> int:
    children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text()
    for task in Path(f"/proc/{site.process.pid}/task").iterdir():
        children += " " + (task / "children").read_text()
    for pid in map(int, children.split()):
        if b"insights" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    raise AssertionError("no process of the figures")


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_a_page_without_moving_it_sideways(
    browser: Browser, site: Site, path: str
) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True)  # type: ignore[arg-type]
    page = context.new_page()
    shown(page, site, path)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(browser: Browser, site: Site, path: str, scheme: Any) -> None:
    context = browser.new_context(viewport=LAPTOP, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    shown(page, site, path)
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    told = [
        f"{one['id']}: {one['help']}: {node['html'][:200]}"
        for one in found
        for node in one["nodes"][:3]
    ]
    assert not told, "\n".join(told)
    context.close()


def test_the_keyboard_reaches_the_figures_and_the_pages(page: Page, site: Site) -> None:
    shown(page, site, "")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.focus("nav a[href='/limits']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/limits")
    page.wait_for_selector("main table")


def test_colours_are_chosen_and_kept(page: Page, site: Site) -> None:
    shown(page, site, "")
    button = page.locator("#theme")
    button.click()
    assert page.get_attribute("html", "data-theme") == "light"
    button.click()
    page.reload()
    eventually(page, "document.documentElement.dataset.theme === 'dark'")
    assert button.get_attribute("aria-label") == "Colours: Dark"


def test_the_figures_of_a_chart_can_be_read_as_a_table(page: Page, site: Site) -> None:
    shown(page, site, "")
    page.locator("summary").first.click()
    rows = page.locator("details table").first.locator("tbody tr")
    until(lambda: rows.count() == 60)  # drawn once the browser says that it is open
    label = page.locator(".chart").first.get_attribute("aria-label") or ""
    assert "Latest: EUR" in label


def test_every_page_says_as_of_when_it_is(page: Page, site: Site) -> None:
    for path in PAGES:
        shown(page, site, path)
        eventually(page, "document.getElementById('as-of').textContent.startsWith('As of')")
        assert "UTC" in page.locator("#zone").inner_text()
    until(lambda: seconds_of(page.evaluate("document.body.dataset.live")) > time.time() - WAIT_S)
