"""The settings of the Terraform module are those of the function."""

import json
import re
import unittest

from terraform import IMAGE, MODULE, ROOT, InvalidVariables, evaluate

# Each setting with a value that is not its default.
EXAMPLES = {
    "widths": "full,1280,640",
    "quality": "visual:80.5",
    "speed": 0,
    "metadata": "keep",
    "chroma": "444",
    "color": "compact",
    "damaged": "convert",
    "output_bucket": "cdn",
    "output_prefix": "avif/",
    "cache_control": "no-store",
    "copy_tags": True,
    "copy_headers": False,
    "storage_class": "STANDARD_IA",
    "kms_key": "alias/photographs",
    "catalog_table": "images",
    "keep_larger": True,
    "follow_removals": False,
    "max_bytes": 268435456,
    "max_pixels": 1,
    "max_animation_pixels": 1000000000,
    "max_seconds": 30,
}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def function_settings():
    """The settings in the tables of README.md. A Rust test compares the tables with the function."""
    readme = (ROOT / "README.md").read_text()
    return {name.lower() for name in re.findall(r"^\| `AVIF_([A-Z_]+)`", readme, re.MULTILINE)}


def module_settings():
    text = (MODULE / "settings.tf").read_text()
    return set(re.findall(r"^    ([a-z_]+) += optional\(", text, re.MULTILINE))


class Settings(unittest.TestCase):
    def test_module_settings_equal_function_settings(self):
        self.assertEqual(module_settings(), function_settings())

    def test_every_setting_becomes_environment_variable(self):
        self.assertEqual(set(EXAMPLES), module_settings())
        environment = evaluate("environment", settings=EXAMPLES, output_kms_key_arn=KEY)
        text = {True: "true", False: "false"}
        written = {
            f"AVIF_{name.upper()}": str(text.get(value, value) if isinstance(value, bool) else value) for name, value in EXAMPLES.items()
        }
        self.assertEqual(environment, written)

    def test_omitted_settings_set_no_variable(self):
        self.assertEqual(evaluate("environment"), {})
        self.assertEqual(evaluate("environment", settings={"speed": None}), {})

    def test_example_settings_file_is_valid(self):
        example = json.loads((MODULE / "examples/settings.json").read_text())
        self.assertLessEqual(set(example), module_settings())
        self.assertEqual(len(evaluate("environment", settings=example)), len(example))

    def test_invalid_settings_fail_the_plan(self):
        for settings in [
            {"widths": "", "quality": "visual:29", "speed": 11, "metadata": "all", "storage_class": "DEEP_ARCHIVE", "max_bytes": 0},
            {"widths": "640px", "quality": "visual:95.1", "speed": 6.5, "metadata": "", "kms_key": "alias/photographs"},
            {"widths": "full;640", "quality": "101", "speed": -1, "storage_class": "standard", "max_bytes": 1.5},
            {"widths": "0", "quality": "high", "chroma": "422", "color": "p3", "damaged": ""},
        ]:
            with self.subTest(**settings):
                with self.assertRaises(InvalidVariables) as invalid:
                    evaluate("environment", settings=settings)
                named = [re.match(r"settings\.([a-z_]+)", detail)[1] for detail in invalid.exception.messages["settings"]]
                self.assertEqual(sorted(named), sorted(settings))

    def test_valid_settings_pass_the_plan(self):
        for settings in [
            {"widths": "640, full", "quality": "0", "speed": 10},
            {"widths": "1", "quality": "visual:95.0"},
            {"quality": "100"},
        ]:
            with self.subTest(**settings):
                self.assertEqual(len(evaluate("environment", settings=settings)), len(settings))


class Variables(unittest.TestCase):
    def test_image_uri_must_have_digest(self):
        repository = IMAGE.partition("@")[0]
        for suffix in ["amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov"]:
            evaluate("environment", image_uri=IMAGE.replace("amazonaws.com", suffix))
        for image in [f"{repository}:latest", repository, f"{repository}:0.1.0@sha256:{'0' * 64}", f"{repository}@sha256:123", "avif"]:
            with self.subTest(image=image), self.assertRaisesRegex(InvalidVariables, "by its digest"):
                evaluate("environment", image_uri=image)

    def test_values_out_of_range_fail_the_plan(self):
        low = {
            "name": "a b",
            "architecture": "arm",
            "memory_size": 127,
            "ephemeral_storage_size": 511,
            "timeout": 0,
            "alias": "1",
            "network": {"subnet_ids": [], "security_group_ids": ["sg-1"]},
            "source_bucket": "s3://photographs",
            "source_prefix": "a*",
            "source_account_id": "210987654321",
            "source_kms_key_arn": "alias/photographs",
            "output_kms_key_arn": "1234",
            "environment_kms_key_arn": "1234",
            "log_kms_key_arn": "1234",
            "permissions_boundary": "boundary",
            "topic_arn": "arn:aws:sns:eu-central-1:123456789012:photographs",
            "suffixes": [".avif"],
            "batch_size": 0,
            "maximum_concurrency": 1,
            "log_retention_in_days": 2,
            "log_format": "text",
            "log_level": "LOUD",
            "alarm_actions": ["mail"],
            "backfill_bucket": "s3://photographs",
        }
        high = {"memory_size": 10241, "ephemeral_storage_size": 10241, "timeout": 901, "batch_size": 11, "maximum_concurrency": 1001}
        # In a separate plan, because validations of other variables use these.
        for variables in [low, high, {"reserved_concurrent_executions": 0, "trigger": "cron", "output_account_id": "1234"}]:
            with self.assertRaises(InvalidVariables) as invalid:
                evaluate("environment", **variables)
            self.assertEqual(set(invalid.exception.messages), set(variables))

    def test_maximum_concurrency_must_not_exceed_reserved_concurrency(self):
        with self.assertRaises(InvalidVariables) as invalid:
            evaluate("environment", trigger="sqs", reserved_concurrent_executions=10, maximum_concurrency=11)
        self.assertIn("maximum_concurrency", invalid.exception.messages)
        evaluate("environment", trigger="sqs", reserved_concurrent_executions=10, maximum_concurrency=10)
        evaluate("environment", reserved_concurrent_executions=10)
        evaluate("environment", trigger="sqs", maximum_concurrency=1000)

    def test_notifications_are_replaced_only_if_the_variable_allows_it(self):
        with self.assertRaises(InvalidVariables) as invalid:
            evaluate("environment", trigger="notification")
        [detail] = invalid.exception.messages["replace_bucket_notifications"]
        self.assertIn("replaces every notification that the bucket has", detail)
        with self.assertRaises(InvalidVariables):
            evaluate("environment", trigger="eventbridge", replace_bucket_notifications=True)
        self.assertEqual(evaluate("environment", trigger="notification", replace_bucket_notifications=True), {})
