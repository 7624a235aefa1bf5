"""The schema of docs/manifest.md, and its example consumer with manifests that the real function wrote (moto)."""

import copy
import importlib.util
import json
import os
import re
import unittest
from unittest.mock import patch

from jsonschema import Draft202012Validator
from runtime import invoke
from sam import REGION, Account
from terraform import ROOT, evaluate

PAGE = (ROOT / "docs/manifest.md").read_text()
EXAMPLE, PATTERN = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
SCHEMA = json.loads((ROOT / "docs/manifest.schema.json").read_text())
SCHEMA_OF = Draft202012Validator(SCHEMA)

spec = importlib.util.spec_from_file_location("manifest_consumer", ROOT / "docs/manifest_consumer.py")
consumer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(consumer)

# A path in the example, and values that are not allowed there. None removes the field.
INVALID = {
    ("manifest_version",): [None, 1, 3, "2"],
    ("tool",): [""],
    ("source",): [None, []],
    ("source", "bucket"): [None, ""],
    ("source", "key"): [None, "", "a" * 1025],
    ("source", "etag"): [None, "", '"a"'],
    ("source", "version"): [""],
    ("source", "format"): [None, "", "image/jpeg"],
    ("source", "width"): [None, 0, -1, "640", 1.5],
    ("source", "height"): [None, 0],
    ("source", "bytes"): [None, 0],
    ("source", "frames"): [None, 0],
    ("source", "alpha"): ["false"],
    ("source", "animated"): [None, 0],
    ("recipe",): [None, "", "0123456789abcdeg", "0123456789abcdef0"],
    ("placeholder", "thumbhash"): [None, "", "AAAA", "1QcSHQRnh493V4dIh4eXh1h4kJU", "1QcSHQRnh493V4dIh4eXh1h4kJ-_", "A" * 40],
    ("placeholder", "color"): [None, "red", "#fff", "#00000g", "#000000;"],
    ("placeholder",): ["1QcSHQRnh493V4dIh4eXh1h4kJUI"],
    ("variants",): [None, {}],
    ("variants", 0): ["a.avif"],
    ("variants", 0, "bucket"): [None, ""],
    ("variants", 0, "key"): [None, ""],
    ("variants", 0, "asked"): [None, "0", "", "32769", "99999", 640, "wide", "0640"],
    ("variants", 0, "format"): [None, "jxl", "webp", "jpeg"],
    ("variants", 0, "width"): [None, 0, 32769],
    ("variants", 0, "height"): [None, 0, 32769],
    ("variants", 0, "type"): [None, "image/webp", "image/jpeg", "avif"],
    ("variants", 0, "bytes"): [None, 0],
    ("variants", 0, "score"): [100.1, "75"],
    ("variants", 0, "sha256"): [None, "ff", "g" * 64, "a" * 65],
    ("variants", 0, "etag"): [None, "", '"a"'],
}
VALID = {
    ("placeholder",): [None],
    ("tool",): [None],
    ("new",): [1],
    ("source", "new"): [1],
    ("source", "alpha"): [None, True],
    ("source", "version"): ["v1"],
    ("source", "format"): ["jxl"],
    ("variants",): [[]],
    ("variants", 0, "new"): [1],
    ("variants", 0, "score"): [None, 100, -3.5],
    ("variants", 0, "asked"): ["1", "9999", "10000", "31999", "32699", "32768"],
    ("variants", 0, "width"): [1, 32768],
}


def changed(path: tuple, value):
    """The example with another value at a path, or without the field."""
    manifest = copy.deepcopy(EXAMPLE)
    *parents, name = path
    place = manifest
    for parent in parents:
        place = place[parent]
    if value is None:
        place.pop(name, None)
    else:
        place[name] = value
    return manifest


class Schema(unittest.TestCase):
    def test_schema_is_valid_and_accepts_the_example(self):
        Draft202012Validator.check_schema(SCHEMA)
        SCHEMA_OF.validate(EXAMPLE)

    def test_invalid_values_are_rejected(self):
        for path, values in INVALID.items():
            for value in values:
                with self.subTest(path=path, value=value):
                    self.assertFalse(SCHEMA_OF.is_valid(changed(path, value)))

    def test_values_of_another_type_are_rejected(self):
        for path in INVALID.keys() - {("variants",)}:
            with self.subTest(path=path):
                self.assertFalse(SCHEMA_OF.is_valid(changed(path, [1])))
        self.assertFalse(SCHEMA_OF.is_valid([EXAMPLE]))

    def test_optional_and_unknown_fields_are_accepted(self):
        for path, values in VALID.items():
            for value in values:
                with self.subTest(path=path, value=value):
                    SCHEMA_OF.validate(changed(path, value))

    def test_page_describes_every_field(self):
        tables = re.split(r"(?m)^`(\w+)`.*:$", PAGE.partition("\n## Fields\n")[2].partition("\n## ")[0])
        described = {"": tables[0]} | dict(zip(tables[1::2], tables[2::2]))
        objects = {"": SCHEMA, "variants": SCHEMA["$defs"]["variant"]}
        objects |= {name: SCHEMA["properties"][name] for name in ["source", "placeholder"]}
        for name, schema in objects.items():
            rows = re.findall(r"(?m)^\| (`.*?) \|", described[name])
            self.assertEqual({field for row in rows for field in re.findall(r"`(\w+)`", row)}, set(schema["properties"]), name)


class Pattern(unittest.TestCase):
    def test_module_has_the_pattern_of_the_page(self):
        for settings, bucket in [({}, "photographs"), ({"output_bucket": "variants"}, "variants")]:
            expected = json.loads(json.dumps(PATTERN).replace("BUCKET", bucket))
            self.assertEqual(evaluate("manifest_event_pattern", settings=settings), expected)


class Consumer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = Account()
        cls.addClassCleanup(cls.account.close)
        cls.s3, cls.sqs, events = (cls.account.client(name) for name in ["s3", "sqs", "events"])
        for bucket in ["photographs", "variants", "site"]:
            cls.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        cls.s3.put_bucket_notification_configuration(Bucket="variants", NotificationConfiguration={"EventBridgeConfiguration": {}})
        cls.queue = cls.sqs.create_queue(QueueName="manifests")["QueueUrl"]
        arn = cls.sqs.get_queue_attributes(QueueUrl=cls.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps(PATTERN).replace("BUCKET", "variants")
        events.put_rule(Name="manifests", EventPattern=pattern)
        events.put_targets(Rule="manifests", Targets=[{"Id": "manifests", "Arn": arn}])
        cls.environment = {
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_S3": cls.account.endpoint,
        }
        environment = {**os.environ, **cls.environment, "SITE_BUCKET": "site"}
        cls.enterClassContext(patch.dict(os.environ, environment))

    def setUp(self):
        """Converts a photo, and reads the event of its manifest."""
        for bucket in ["photographs", "variants", "site"]:
            for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                self.s3.delete_object(Bucket=bucket, Key=entry["Key"])
        self.s3.put_object(Bucket="photographs", Key="a b+.jpg", Body=(ROOT / "crates/cli/assets/rocket.jpg").read_bytes())
        settings = {
            "AVIF_OUTPUT_BUCKET": "variants",
            "AVIF_FORMATS": "avif,webp,jpeg",
            "AVIF_SIZES": "320,160",
            "AVIF_QUALITY": "60",
            "AVIF_SPEED": "10",
            "AWS_LAMBDA_FUNCTION_NAME": "avif",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        }
        invoke({"bucket": "photographs", "key": "a b+.jpg"}, self.environment | settings)
        messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        # The variants match the pattern no more than the source does.
        [self.event] = [json.loads(message["Body"]) for message in messages]
        self.manifest = json.load(self.s3.get_object(Bucket="variants", Key="a b+.jpg.avif.json")["Body"])

    def published(self) -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket="site").get("Contents", [])]

    def test_manifest_of_the_function_matches_the_schema(self):
        SCHEMA_OF.validate(self.manifest)
        self.assertEqual([variant["format"] for variant in self.manifest["variants"]], ["avif", "webp", "jpeg"] * 2)
        # The example of the page has the fields of a real manifest.
        self.assertEqual(set(EXAMPLE), set(self.manifest))
        self.assertEqual(set(EXAMPLE["source"]), set(self.manifest["source"]))
        scored = set(EXAMPLE["variants"][0]) - {"score"}
        self.assertEqual(scored, set(self.manifest["variants"][0]))

    def test_new_manifest_publishes_all_variants(self):
        keys = [variant["key"] for variant in self.manifest["variants"]]
        self.assertEqual(consumer.handler(self.event, None), keys)
        self.assertEqual(self.published(), sorted(keys))
        for variant in self.manifest["variants"]:
            copied = self.s3.get_object(Bucket="site", Key=variant["key"])
            self.assertEqual((copied["ContentType"], copied["ContentLength"]), (variant["type"], variant["bytes"]))

    def test_replaced_or_deleted_variant_publishes_nothing(self):
        key = self.manifest["variants"][-1]["key"]
        self.s3.put_object(Bucket="variants", Key=key, Body=b"newer")
        self.assertEqual((consumer.handler(self.event, None), self.published()), ([], []))
        self.s3.delete_object(Bucket="variants", Key=key)
        self.assertEqual((consumer.handler(self.event, None), self.published()), ([], []))

    def test_deleted_manifest_publishes_nothing(self):
        self.s3.delete_object(Bucket="variants", Key="a b+.jpg.avif.json")
        self.assertEqual((consumer.handler(self.event, None), self.published()), ([], []))

    def test_wrong_digest_and_newer_version_are_errors(self):
        for field, value, reported in [("sha256", "0" * 64, "digest"), ("manifest_version", 3, "version 3")]:
            manifest = copy.deepcopy(self.manifest)
            (manifest["variants"][0] if field == "sha256" else manifest)[field] = value
            self.s3.put_object(Bucket="variants", Key="a b+.jpg.avif.json", Body=json.dumps(manifest))
            with self.assertRaisesRegex(ValueError, reported):
                consumer.handler(self.event, None)
        self.assertEqual(self.published(), [])
