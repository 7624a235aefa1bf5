"""The rules of CloudFront, as cache.py follows them, with a function that makes missing variants."""

import base64
import random
import re
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from cache import Cache, Response, bucket_origin, function_origin, time_to_live
from resolve import code_with
from sam import Account

SETTINGS = {
    "prefixes": ["photos/"],
    "output_prefix": "avif/",
    "sizes": ["full", "1280", "640"],
    "formats": ["avif", "webp", "jpeg"],
    "rules": [],
}
ALLOWED = [f"avif/photos/*{suffix}" for suffix in [".avif", ".avif.jpg", ".avif.webp"]]
TYPES = {".avif": "image/avif", ".avif.webp": "image/webp", ".avif.jpg": "image/jpeg"}
# The Accept headers of image requests, with the type of the response.
CLIENTS = {
    "Chrome 128": ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/avif"),
    "Chrome 80": ("image/webp,image/apng,image/*,*/*;q=0.8", "image/webp"),
    "Edge 128": ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image/avif"),
    "Edge 18": ("image/png, image/svg+xml, image/*; q=0.8, */*; q=0.5", "image/jpeg"),
    "Firefox 128": ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "image/avif"),
    "Firefox 80": ("image/webp,*/*", "image/webp"),
    "Safari 17": (
        "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        "image/avif",
    ),
    "Safari 14": ("image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", "image/webp"),
    "Safari 13": ("image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", "image/jpeg"),
    "Outlook, WhatsApp and curl": ("*/*", "image/jpeg"),
    "Internet Explorer 11": ("image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5", "image/jpeg"),
    "no Accept header": (None, "image/jpeg"),
}


class Function:
    """Makes and stores a missing variant, as the Lambda function does for the key of an output."""

    def __init__(self, s3, seconds: float = 0):
        self.s3, self.seconds, self.made = s3, seconds, []

    def __call__(self, event: dict) -> dict:
        key = unquote(event["rawPath"].removeprefix("/"))
        found = re.fullmatch(r"avif/(photos/\d+\.jpg)(?:\.w\d+)?(\.avif(?:\.webp|\.jpg)?)", key)
        if not found:
            return {"statusCode": 404, "headers": {"Cache-Control": "max-age=10"}, "body": "no such image"}
        time.sleep(self.seconds)
        self.made.append(key)
        content, cache = key.encode(), "public, max-age=31536000, immutable"
        self.s3.put_object(Bucket="cdn", Key=key, Body=content, ContentType=TYPES[found[2]], CacheControl=cache)
        headers = {"Content-Type": TYPES[found[2]], "Cache-Control": cache}
        return {"statusCode": 200, "headers": headers, "body": base64.b64encode(content).decode(), "isBase64Encoded": True}


class Distribution(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = Account()
        cls.addClassCleanup(cls.account.close)
        cls.s3 = cls.account.client("s3")

    def setUp(self):
        self.s3.create_bucket(Bucket="cdn", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.addCleanup(self.empty)
        self.now = 0
        self.made = Function(self.s3)
        self.caches = [self.cache(), self.cache()]

    def empty(self):
        for entry in self.s3.list_objects_v2(Bucket="cdn").get("Contents", []):
            self.s3.delete_object(Bucket="cdn", Key=entry["Key"])
        self.s3.delete_bucket(Bucket="cdn")

    def cache(self) -> Cache:
        function = function_origin(lambda event: self.made(event))
        cache = Cache(code_with(SETTINGS), bucket_origin(self.s3, "cdn", ALLOWED), function, lambda: self.now)
        self.addCleanup(cache.close)
        return cache

    def test_every_client_gets_its_format(self):
        for name, (accept, expected) in CLIENTS.items():
            with self.subTest(name):
                response = self.caches[0].get("/photos/1.jpg", "width=600", accept)
                self.assertEqual((response.status, response.headers["content-type"]), (200, expected))

    def test_ten_thousand_requests_make_each_variant_once(self):
        chance, [first, second] = random.Random(1), self.caches
        requests = [(f"/photos/{chance.randrange(50)}.jpg", f"width={chance.randrange(1, 2000)}") for _ in range(10_000)]
        accepts = [chance.choice(list(CLIENTS.values())) for _ in requests]
        for (path, query), (accept, expected) in zip(requests, accepts):
            response = first.get(path, query, accept)
            self.assertEqual((response.status, response.headers["content-type"]), (200, expected))
        # 50 images in 3 sizes and 3 formats.
        self.assertEqual(len(self.made.made), len(set(self.made.made)))
        self.assertLessEqual(len(self.made.made), 450)
        self.assertEqual((first.count["miss"], first.count["hit"]), (first.count["function"], 10_000 - first.count["miss"]))
        self.assertGreaterEqual(first.count["hit"] / 10_000, 0.955)
        # An empty cache reads from the bucket what the function stored, and invokes nothing.
        made = len(self.made.made)
        for (path, query), (accept, _) in zip(requests[:1000], accepts):
            self.assertEqual(second.get(path, query, accept).status, 200)
        self.assertEqual((second.count["function"], len(self.made.made)), (0, made))

    def test_simultaneous_requests_for_one_variant_invoke_the_function_once(self):
        self.made.seconds = 0.2
        with ThreadPoolExecutor(64) as threads:
            answers = list(threads.map(lambda _: self.caches[0].get("/photos/1.jpg", "width=640", "image/avif"), range(1000)))
        self.assertEqual({answer.body for answer in answers}, {b"avif/photos/1.jpg.w640.avif"})
        self.assertEqual(len(self.made.made), 1)

    def test_refused_requests_reach_no_origin(self):
        cache = self.caches[0]
        for path, query, status in [
            ("/drafts/1.jpg", "", 404),
            ("/avif/photos/1.jpg.w641.avif", "", 404),
            ("/avif/photos/1.jpg.avif.json", "", 404),
            ("/photos/1.jpg", "height=1", 400),
            ("/photos/../1.jpg", "", 400),
        ]:
            self.assertEqual(cache.get(path, query).status, status)
        self.assertEqual(cache.count, {"resolve": 5})

    def test_missing_image_is_looked_up_again_after_some_seconds(self):
        cache = self.caches[0]
        for _ in range(3):
            self.assertEqual(cache.get("/photos/missing.jpg", "", "image/avif").status, 404)
        self.assertEqual(cache.count["function"], 1)
        self.now = 10
        cache.get("/photos/missing.jpg", "", "image/avif")
        self.assertEqual(cache.count["function"], 2)

    def test_bucket_gives_only_variants(self):
        self.s3.put_object(Bucket="cdn", Key="avif/photos/1.jpg", Body=b"secret")
        get = bucket_origin(self.s3, "cdn", ALLOWED)
        for path in ["/avif/photos/1.jpg", "/avif/drafts/1.jpg.avif", "/avif/photos/1.jpg.avif.json", "/avif/photos/2.jpg.avif"]:
            self.assertEqual(get(path, {}, None).status, 403)


class Rules(unittest.TestCase):
    def test_time_in_the_cache_follows_status_and_cache_control(self):
        for status, control, seconds in [
            (200, None, 3600),
            (200, "max-age=60", 60),
            (200, "public, max-age=60, s-maxage=5", 5),
            (200, "max-age=99999999", 31536000),
            (200, "no-store", 0),
            (200, "private, max-age=60", 0),
            (302, "no-store", 0),
            (302, None, 3600),
            (404, None, 10),
            (404, "no-store", 10),
            (404, "max-age=60", 60),
            (503, None, 1),
            (400, None, 0),
            (415, "max-age=60", 60),
            (406, "max-age=60", 0),
            (429, None, 0),
        ]:
            headers = {} if control is None else {"cache-control": control}
            self.assertEqual(time_to_live(Response(status, headers)), seconds, (status, control))

    def test_response_that_is_not_cached_is_not_shared(self):
        redirect, together = Response(302, {"cache-control": "no-store", "location": "/"}), threading.Barrier(8)
        cache = Cache(code_with(SETTINGS | {"formats": ["avif"]}), lambda *_: Response(403), lambda *_: redirect)
        self.addCleanup(cache.close)

        def get(_):
            together.wait()
            return cache.get("/photos/1.jpg", "", "image/png").status

        with ThreadPoolExecutor(8) as threads:
            self.assertEqual(set(threads.map(get, range(8))), {302})
        self.assertEqual((cache.count["function"], cache.count["hit"]), (8, 0))
