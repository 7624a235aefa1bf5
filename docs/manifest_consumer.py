"""Publishes the variants of an image as soon as all of them are ready.

This is the handler of a Lambda function that an EventBridge rule invokes for each new manifest; docs/manifest.md has the rule.
It copies the variants to the bucket SITE_BUCKET, under the same keys. Each variant must have the ETag and the digest that the
manifest lists, so the copies always belong together.
"""

import hashlib
import json
import os

import boto3
from botocore.exceptions import ClientError

NEWEST_VERSION = 2
# The object does not exist any more, or has another ETag.
SUPERSEDED = {"NoSuchKey", "404", "PreconditionFailed", "412"}


def handler(event: dict, _context) -> list[str]:
    """Returns the keys that were published."""
    s3, at = boto3.client("s3"), event["detail"]
    try:
        # EventBridge does not percent-encode keys. S3 notifications do.
        manifest = read_manifest(s3, at["bucket"]["name"], at["object"]["key"])
        # Reads all variants before the first one is published.
        contents = {variant["key"]: read_variant(s3, variant) for variant in manifest["variants"]}
    except ClientError as error:
        if error.response["Error"]["Code"] in SUPERSEDED:
            # Another conversion is in progress, or the source was deleted. A new manifest has an event of its own.
            return []
        raise
    types = {variant["key"]: variant["type"] for variant in manifest["variants"]}
    for key, content in contents.items():
        s3.put_object(Bucket=os.environ["SITE_BUCKET"], Key=key, Body=content, ContentType=types[key])
    return list(contents)


def read_manifest(s3, bucket: str, key: str) -> dict:
    """Returns the current manifest, which may be newer than the event."""
    manifest = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
    # Version 1 has no field for the version.
    version = manifest.get("manifest_version", 1)
    if version > NEWEST_VERSION:
        raise ValueError(f"s3://{bucket}/{key} has version {version}; this program reads versions up to {NEWEST_VERSION}")
    return manifest


def read_variant(s3, variant: dict) -> bytes:
    """Returns the content that the manifest describes."""
    at = {"Bucket": variant["bucket"], "Key": variant["key"]}
    content = s3.get_object(**at, IfMatch=f'"{variant["etag"]}"')["Body"].read()
    if hashlib.sha256(content).hexdigest() != variant["sha256"]:
        raise ValueError(f"s3://{variant['bucket']}/{variant['key']} does not have the digest of the manifest")
    return content
