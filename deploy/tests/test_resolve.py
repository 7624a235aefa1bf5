"""resolve.js gives the results of the Lambda function: crates/function/tests/serve-vectors.json tests both."""

import json
import re
import unittest
from urllib.parse import unquote

from resolve import CODE, Resolve, code_with
from terraform import ROOT

VECTORS = json.loads((ROOT / "crates/function/tests/serve-vectors.json").read_text())
SETTINGS = {"prefixes": ["photos/"], "output_prefix": "", "sizes": ["full", "640"], "formats": ["avif", "webp"], "rules": []}
# Parts of the language that the runtime does not have (Amazon CloudFront developer guide, "JavaScript runtime 2.0 features").
UNSUPPORTED = [
    r"\?\.",
    r"\?\?",
    r"\.\.\.",
    r"\b(class|of|eval|import|export|require|yield|new)\b",
    r"\b(const|let|var) *[\[{]",
    r"/[a-z]*[suy]\b",
]


def result(changed: dict) -> dict:
    """The result of resolve.js in the form of the vectors."""
    if "statusCode" in changed:
        return {"status": changed["statusCode"]}
    key = unquote(changed["uri"].removeprefix("/"), errors="strict")
    return {"key": key} if re.search(r"\.avif(\.webp|\.jpg)?$", key) else {"source": True}


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.resolve = Resolve()
        cls.addClassCleanup(cls.resolve.close)

    def test_results_equal_the_vectors(self):
        for vector in VECTORS:
            with self.subTest(vector["name"]):
                changed = self.resolve(code_with(vector["config"]), **vector["request"])
                self.assertEqual(result(changed), vector["expected"])
        self.assertGreater(len(VECTORS), 100)

    def test_lists_of_cloudformation_give_the_same_results(self):
        def text(settings: dict) -> dict:
            return {name: ", ".join(value) if name in ["sizes", "formats"] else value for name, value in settings.items()}

        for vector in VECTORS:
            with self.subTest(vector["name"]):
                config = text(vector["config"]) | {"rules": [text(rule) for rule in vector["config"]["rules"]]}
                self.assertEqual(result(self.resolve(code_with(config), **vector["request"])), vector["expected"])

    def test_one_key_has_one_path(self):
        # CloudFront caches by the path as it is written.
        paths = ["/photos/a%20b%21.jpg", "/photos/a%20b!.jpg", "/%70hotos/a%20b%21%2ejpg", "/photos%2fa%20b%21.jpg"]
        found = {self.resolve(code_with(SETTINGS), path, "width=1", "image/avif")["uri"] for path in paths}
        self.assertEqual(found, {"/photos/a%20b%21.jpg.w640.avif"})
        keys = [f"{path}.w640.avif" for path in paths]
        self.assertEqual({self.resolve(code_with(SETTINGS), key)["uri"] for key in keys}, found)

    def test_path_is_encoded_as_in_signatures(self):
        changed = self.resolve(code_with(SETTINGS), "/photos/a+b~('*)é.jpg", "", "image/avif")
        self.assertEqual(changed["uri"], "/photos/a%2Bb~%28%27%2A%29%C3%A9.jpg.avif")

    def test_variant_has_no_query_and_source_keeps_its_own(self):
        changed = self.resolve(code_with(SETTINGS), "/photos/a.jpg", "width=100", "image/avif")
        self.assertEqual(changed["querystring"], {})
        changed = self.resolve(code_with(SETTINGS), "/photos/%61.jpg", "width=100", "image/png")
        self.assertEqual((changed["uri"], changed["querystring"]), ("/photos/a.jpg", {"width": {"value": "100"}}))

    def test_highest_weight_of_a_media_range_counts(self):
        for accept in ["image/avif;q=0,image/avif;q=0.5,*/*", "image/avif;q=0.5,image/avif;q=0", "image/avif; q = 0.5,image/webp"]:
            self.assertEqual(self.resolve(code_with(SETTINGS), "/photos/a.jpg", "", accept)["uri"], "/photos/a.jpg.avif")
        changed = self.resolve(code_with(SETTINGS), "/photos/a.jpg", "", "image/avif; q = 0,image/webp")
        self.assertEqual(changed["uri"], "/photos/a.jpg.avif.webp")

    def test_responses_are_not_cached_and_name_the_sizes(self):
        code = code_with(SETTINGS)
        for response, status in [
            (self.resolve(code, "/photos/a.jpg", method="POST"), 405),
            (self.resolve(code, "/drafts/a.jpg"), 404),
            (self.resolve(code, "/photos/a.jpg", "height=1"), 400),
        ]:
            self.assertEqual(response["statusCode"], status)
            self.assertEqual(response["headers"]["cache-control"], {"value": "no-store"})
            self.assertEqual(response["headers"]["x-content-type-options"], {"value": "nosniff"})
        self.assertIn("Sizes: full, 640.", response["body"]["data"])
        self.assertEqual(self.resolve(code, "/photos/a.jpg", method="POST")["headers"]["allow"], {"value": "GET, HEAD"})


class Code(unittest.TestCase):
    def test_code_uses_only_what_the_runtime_has(self):
        code = re.sub(r'"[^"\n]*"|//.*', "", CODE.read_text())
        for pattern in UNSUPPORTED:
            self.assertNotRegex(code, pattern)

    def test_code_leaves_room_for_settings(self):
        # All settings of the Lambda function together have at most 4 KB, and the code at most 10 KB.
        self.assertLess(len(code_with({}).encode()), 6144)
