"""The real function behind a local S3 server (`avif local`), and `avif picture`."""

import json
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[1]
AVIF = ROOT / "target/quick/avif"
BUCKET = "photos"
# The prefix of the variants.
PREFIX = "variants/"


class Function:
    """Converts images. `folder` contains the objects as files. `close` stops it."""

    def __init__(self, **settings: str):
        self.work = tempfile.TemporaryDirectory()
        self.folder = Path(self.work.name, BUCKET)
        pairs = [word for name, value in (settings | {"AVIF_OUTPUT_PREFIX": PREFIX}).items() for word in ["--env", f"{name}={value}"]]
        self.process = subprocess.Popen(
            [AVIF, "local", "--port", "0", "--data", self.work.name, *pairs], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        head = [self.process.stdout.readline() for _ in range(4)]
        words = " ".join(head).split()
        assert self.process.poll() is None and "AWS_REGION" in "".join(head), f"avif local did not start: {''.join(head)}"
        given = dict(word.split("=", 1) for word in words if word.startswith("AWS_"))
        self.s3 = boto3.client(
            "s3",
            endpoint_url=next(word for word in words if word.startswith("http")).rstrip("."),
            region_name=given["AWS_REGION"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        )

    def convert(self, key: str, content: bytes) -> dict:
        """Uploads an image, and returns its manifest, which the function writes last."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        end = time.monotonic() + 120
        while True:
            try:
                return json.load(self.s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}{key}.avif.json")["Body"])
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey" or time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        self.work.cleanup()


def picture(manifest: dict, *options: str) -> str:
    """The HTML that `avif picture` prints."""
    run = subprocess.run([AVIF, "picture", "-", *options], input=json.dumps(manifest), capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    return run.stdout
