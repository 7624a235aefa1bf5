"""The element of `avif picture` in Chromium, with variants of the real function."""

import os
import shutil
import unittest
from contextlib import contextmanager
from urllib.parse import unquote

from function import PREFIX, Function, picture
from images import first_pixel, png
from playwright.sync_api import sync_playwright
from server import Server

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
# A key with every character that ends a URL, an attribute or a candidate of `srcset`.
KEY = """album/写真 1+2%20, "'><img src=x onerror="injected=1"> ?a=b#c&amp;.png"""
RED, BLUE, WHITE = (200, 40, 40), (40, 40, 200), (255, 255, 255)
# The image types that the browser does not support, and the format that it then chooses.
FORMATS = {(): "avif", ("avif",): "webp", ("avif", "webp"): "jpeg"}
# The width of the viewport in CSS pixels and the pixel ratio, and the width of the variant for sizes="100vw".
WIDTHS = {(390, 1): 400, (390, 2): 800, (780, 1): 800, (780, 2): 1600, (1440, 1): 1600, (1440, 2): 1600}
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => shifts.push(...list.getEntries().map((entry) => entry.value)))
  .observe({ type: "layout-shift", buffered: true });
"""
# Resolves after the browser has painted the image.
PAINTED = """async (image) => {
  await image.decode();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  await new Promise((done) => setTimeout(done, 50));
}"""


class Picture(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        assert CHROMIUM, "Chromium is missing; make test-browser installs it"
        # The requested width 3000 gives the width of the source, as 1600 does.
        function = Function(
            AVIF_FORMATS="avif,webp,jpeg", AVIF_SIZES="400,800,1600,3000", AVIF_QUALITY="60", AVIF_SPEED="10", AVIF_KEEP_LARGER="true"
        )
        cls.addClassCleanup(function.close)
        cls.opaque = function.convert(KEY, png(1600, 1000, (*RED, 255), (*BLUE, 255)))
        cls.transparent = function.convert("transparent.png", png(1600, 1000, (*RED, 0), (*BLUE, 128)))
        cls.server = Server(function.folder)
        cls.addClassCleanup(cls.server.close)
        playwright = cls.enterClassContext(sync_playwright())
        # Chromium's sandbox does not run as root.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        cls.browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        cls.addClassCleanup(cls.browser.close)

    @contextmanager
    def page(self, html: str, width: int = 390, ratio: float = 1, disabled: tuple = (), path: str = "/page.html"):
        """Opens the element in a page. The images wait. At the end, the page must have no errors."""
        self.server.picture = html
        self.server.requested.clear()
        self.server.gate.clear()
        context = self.browser.new_context(viewport={"width": width, "height": 900}, device_scale_factor=ratio)
        try:
            context.add_init_script(SHIFTS)
            page, errors = context.new_page(), []
            page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("requestfailed", lambda request: errors.append(f"{request.url}: {request.failure}"))
            if disabled:
                context.new_cdp_session(page).send("Emulation.setDisabledImageTypes", {"imageTypes": list(disabled)})
            page.goto(self.server.url + path, wait_until="domcontentloaded")
            yield page
            self.assertEqual(errors, [])
            self.assertEqual(page.evaluate("window.injected"), None)
        finally:
            self.server.gate.set()
            context.close()

    def finish(self, page) -> str:
        """Lets the images arrive, and returns the key of the image that the browser shows."""
        self.server.gate.set()
        page.locator("img").evaluate(PAINTED)
        url = page.locator("img").evaluate("image => image.currentSrc")
        return unquote(url.removeprefix(self.server.url + "/cdn/"))

    def assert_color(self, page, x: float, expected: tuple, tolerance: int):
        """Compares the color of the page at a fraction of its width."""
        box = page.locator("img").bounding_box()
        # The middle of a bright stripe of the source.
        clip = {"x": int(box["width"] * x), "y": int(box["height"] * 0.525), "width": 1, "height": 1}
        color = first_pixel(page.screenshot(clip=clip))
        difference = max(abs(level - other) for level, other in zip(color, expected))
        self.assertLessEqual(difference, tolerance, f"{color} instead of {expected} at {x}")

    def key(self, manifest: dict, image_format: str, width: int) -> str:
        """The first variant in a format with this width."""
        return next(entry["key"] for entry in manifest["variants"] if (entry["format"], entry["width"]) == (image_format, width))

    def test_browser_requests_one_file_shows_the_placeholder_and_shifts_nothing(self):
        html = picture(self.opaque, "--base-url", "/cdn")
        for (width, ratio), variant in WIDTHS.items():
            for disabled, image_format in FORMATS.items():
                with self.subTest(width=width, ratio=ratio, disabled=disabled), self.page(html, width, ratio, disabled) as page:
                    self.assertFalse(page.locator("img").evaluate("image => image.complete || image.naturalWidth > 0"))
                    self.assert_color(page, 0.1, RED, 40)
                    self.assert_color(page, 0.9, BLUE, 40)
                    below = page.locator("p").bounding_box()["y"]
                    self.assertGreaterEqual(below, width * 1000 // 1600)

                    expected = self.key(self.opaque, image_format, variant)
                    self.assertEqual((self.finish(page), self.server.requested), (expected, [expected]))
                    self.assert_color(page, 0.49, RED, 12)
                    self.assert_color(page, 0.51, BLUE, 12)
                    self.assertEqual((page.evaluate("shifts"), page.locator("p").bounding_box()["y"]), ([], below))

    def test_key_with_special_characters_changes_no_element(self):
        with self.page(picture(self.opaque, "--base-url", "/cdn", "--alt", '"><i>A & B</i>')) as page:
            names = page.evaluate("[...document.querySelectorAll('picture, picture *')].map(element => element.localName)")
            self.assertEqual(names, ["picture", "source", "source", "img"])
            self.assertEqual(page.locator("img").get_attribute("alt"), '"><i>A & B</i>')
            self.finish(page)

    def test_image_with_transparent_pixels_has_no_background(self):
        with self.page(picture(self.transparent, "--base-url", "/cdn")) as page:
            style = page.locator("img").evaluate("image => { const { background } = getComputedStyle(image); return background }")
            self.assertTrue(style.startswith("rgba(0, 0, 0, 0) none"), style)
            for x in [0.25, 0.75]:
                self.assert_color(page, x, WHITE, 0)
            self.finish(page)
            self.assert_color(page, 0.25, WHITE, 2)
            self.assert_color(page, 0.75, tuple((level + 255) // 2 for level in BLUE), 12)

    def test_keys_are_relative_urls_by_default(self):
        with self.page(picture(self.opaque), path="/cdn/page.html") as page:
            self.assertEqual(self.finish(page), self.key(self.opaque, "avif", 400))

    def test_source_is_the_fallback_of_avif(self):
        avif = [variant for variant in self.opaque["variants"] if variant["format"] == "avif"]
        html = picture(self.opaque | {"variants": avif}, "--base-url", "/cdn")
        for disabled, expected in [((), PREFIX + KEY + ".w400.avif"), (("avif",), KEY)]:
            with self.subTest(disabled=disabled), self.page(html, disabled=disabled) as page:
                self.assertEqual((self.finish(page), self.server.requested), (expected, [expected]))

    def test_sizes_reduce_the_width(self):
        with self.page(picture(self.opaque, "--base-url", "/cdn", "--sizes", "50vw"), width=780) as page:
            self.assertEqual(self.finish(page), self.key(self.opaque, "avif", 400))


if __name__ == "__main__":
    unittest.main()
