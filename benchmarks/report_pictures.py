"""The charts of a report page as SVG files that stand alone, and the page as a PNG.

    python -m benchmarks.report_pictures REPORT_DIR OUT_DIR [--prefix nq-open-] [--screenshot NAME]

The screenshot is taken by the Chromium that the machine has.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

STYLE = """<style>
svg { background: #fff; font-family: system-ui, sans-serif; }
.grid { stroke: #d9dde3; } .tick { fill: #5b6675; font-size: 12px; }
.axis { fill: #5b6675; font-size: 12.5px; }
.line { fill: none; stroke: #1f6feb; stroke-width: 2.25; stroke-linejoin: round; }
.thin { stroke-width: 1.25; opacity: .55; } .band { fill: #1f6feb22; }
.dot { fill: #1f6feb; stroke: #fff; stroke-width: 1.5; }
.guide { stroke: #5b6675; stroke-dasharray: 4 4; fill: none; }
.whisker { stroke: #1f6feb; stroke-width: 2; opacity: .45; }
</style>"""
CHART = re.compile(
    r'<svg (viewBox="0 0 (\d+) (\d+)" role="img" aria-label="([^"]+)")>(.*?)</svg>', re.S
)


def charts(page: str) -> dict[str, str]:
    """Return a page's charts by their names."""
    return {
        name: f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {head}>'
        f"{STYLE}{body}</svg>\n"
        for head, width, height, name, body in CHART.findall(page)
    }


def screenshot(page: Path, out: Path) -> None:
    from playwright.sync_api import sync_playwright

    browser = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        view = opened.new_page(viewport={"width": 1180, "height": 1400})
        view.goto(page.resolve().as_uri())
        view.screenshot(path=str(out))
        opened.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--screenshot")
    args = parser.parse_args()
    page = args.report / "report.html"
    args.out.mkdir(parents=True, exist_ok=True)
    for name, svg in charts(page.read_text(encoding="utf-8")).items():
        file = args.out / f"{args.prefix}{name.lower().replace(' ', '-')}.svg"
        file.write_text(svg, encoding="utf-8")
        print(file)
    if args.screenshot:
        screenshot(page, args.out / args.screenshot)


if __name__ == "__main__":
    main()
