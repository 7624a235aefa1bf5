"""A cache with the rules of the CloudFront distribution in deploy/terraform/modules/cdn, in front of a bucket and a function.

A request goes through resolve.js, then the path alone is the key. Simultaneous requests for a key become one request to the origins.
If the bucket answers 403 or 404, the function gets the same request. (Amazon CloudFront developer guide, "Manage how long content
stays in the cache", "HTTP 4xx and 5xx status codes that CloudFront caches", "Simultaneous requests for the same object".)
"""

import base64
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import unquote

from botocore.exceptions import ClientError
from resolve import Resolve

DEFAULT_TTL, MAX_TTL = 3600, 31536000
# The minimum time of errors by status. CloudFront caches 400, 403, 405, 412 and 415 only if they have a max-age.
ERROR_TTL = {404: 10, 414: 10, 500: 1, 501: 1, 502: 1, 503: 1, 504: 1}
ERRORS_WITH_MAX_AGE = {400, 403, 405, 412, 415}


@dataclass
class Response:
    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""


# An origin gets the path, the query and the Accept header.
Origin = Callable[[str, dict, str | None], Response]


def bucket_origin(s3, bucket: str, allowed: list[str]) -> Origin:
    """The bucket, with the permission of the distribution: `allowed` are the patterns of keys that it may read. It may not list, so
    a missing key has the status 403."""

    def get(path: str, query: dict, accept: str | None) -> Response:
        key = unquote(path.removeprefix("/"))
        if not any(fnmatchcase(key, pattern) for pattern in allowed):
            return Response(403)
        try:
            found = s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            missing = error.response["Error"]["Code"] == "NoSuchKey"
            return Response(403 if missing else error.response["ResponseMetadata"]["HTTPStatusCode"])
        names = {"ContentType": "content-type", "CacheControl": "cache-control", "ETag": "etag"}
        return Response(200, {names[name]: found[name] for name in names if name in found}, found["Body"].read())

    return get


def function_origin(invoke: Callable[[dict], dict]) -> Origin:
    """The function behind its URL. `invoke` gets an event with payload format 2.0 and returns the function's response."""

    def get(path: str, query: dict, accept: str | None) -> Response:
        headers = {"host": "id.lambda-url.eu-central-1.on.aws", "x-amz-cf-id": "id"} | ({} if accept is None else {"accept": accept})
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "&".join(f"{name}={of['value']}" for name, of in query.items() if name in ["size", "width"]),
            "headers": headers,
            "requestContext": {"domainName": headers["host"], "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1"}},
            "isBase64Encoded": False,
        }
        answer = invoke(event)
        body = answer.get("body") or ""
        content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return Response(answer["statusCode"], {name.lower(): value for name, value in answer.get("headers", {}).items()}, content)

    return get


def time_to_live(response: Response) -> int:
    """For how many seconds CloudFront caches a response; 0 if it does not."""
    directives = response.headers.get("cache-control", "").lower()
    ages = re.findall(r"s-maxage=(\d+)", directives) or re.findall(r"max-age=(\d+)", directives)
    age = min(int(ages[0]), MAX_TTL) if ages else None
    if response.status >= 400:
        least = ERROR_TTL.get(response.status)
        return max(least, age or 0) if least is not None else (age or 0) if response.status in ERRORS_WITH_MAX_AGE else 0
    if re.search(r"\b(no-store|no-cache|private)\b", directives):
        return 0
    return DEFAULT_TTL if age is None else age


class Cache:
    """`count` has the numbers of hits, misses, responses of resolve.js, and requests to each origin."""

    def __init__(self, code: str, bucket: Origin, function: Origin, clock: Callable[[], float] = time.monotonic):
        self.code, self.bucket, self.function, self.clock = code, bucket, function, clock
        self.resolve, self.resolving = Resolve(), threading.Lock()
        self.stored, self.waiting, self.changing = {}, {}, threading.Lock()
        self.count = Counter()

    def close(self):
        self.resolve.close()

    def get(self, path: str, query: str = "", accept: str | None = None) -> Response:
        with self.resolving:
            changed = self.resolve(self.code, path, query, accept)
        if "statusCode" in changed:
            self.add("resolve")
            headers = {name: of["value"] for name, of in changed["headers"].items()}
            return Response(changed["statusCode"], headers, changed["body"]["data"].encode())
        key, is_first = changed["uri"], False
        while not is_first:
            with self.changing:
                response, until = self.stored.get(key, (None, 0))
                if response is not None and self.clock() < until:
                    self.count["hit"] += 1
                    return response
                is_first = key not in self.waiting
                done = self.waiting.setdefault(key, threading.Event())
            if not is_first:
                # The other request may have a response that is not cached. Then this request goes to the origins itself.
                done.wait()
        try:
            self.add("miss")
            response = self.request(key, changed["querystring"], accept)
            with self.changing:
                self.stored[key] = (response, self.clock() + time_to_live(response))
            return response
        finally:
            with self.changing:
                self.waiting.pop(key).set()

    def request(self, path: str, query: dict, accept: str | None) -> Response:
        self.add("bucket")
        response = self.bucket(path, query, accept)
        if response.status not in [403, 404]:
            return response
        self.add("function")
        return self.function(path, query, accept)

    def add(self, name: str):
        with self.changing:
            self.count[name] += 1
