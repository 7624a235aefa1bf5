"""The settings of the Terraform module are those of the function."""

import json
import re
import unittest

from terraform import IMAGE, MODULE, ROOT, InvalidVariables, evaluate

# Each setting with a value that is not its default.
EXAMPLES = {
    "sizes": "full,1280,640x360,256x256:cover",
    "quality": "visual:80.5",
    "speed": 0,
    "metadata": "keep",
    "chroma": "444",
    "color": "compact",
    "damaged": "convert",
    "formats": "avif,webp",
    "background": "1a2B3c",
    "rules": [
        {"prefix": "avatars/", "sizes": "256x256:cover", "quality": "visual:80", "speed": 4, "formats": "avif,webp"},
        {"prefix": "private/", "suffix": ".jpg", "skip": True},
    ],
    "output_bucket": "cdn",
    "output_prefix": "avif/",
    "manifest": "always",
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
# The settings of a function that serves. They need the trigger "url".
SERVING = {"serve_prefixes": ["photos/", "b/"], "serve_bucket": "photographs"}
# Every way in which events reach the function.
TRIGGERS = [
    {"trigger": "eventbridge"},
    {"trigger": "notification", "replace_bucket_notifications": True},
    {"trigger": "sqs", "replace_bucket_notifications": True},
    {"trigger": "sqs", "topic_arn": "arn:aws:sns:eu-central-1:123456789012:photographs"},
    {"trigger": "none"},
]
# A setting that has a new name, and must not be set together with it.
OLD_NAMES = {"widths": "full,1280,640"}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def function_settings():
    """The settings in the tables of README.md. A Rust test compares the tables with the function."""
    readme = (ROOT / "README.md").read_text()
    return {name.lower() for name in re.findall(r"^\| `AVIF_([A-Z_]+)`", readme, re.MULTILINE)}


def module_settings():
    text = (MODULE / "settings.tf").read_text()
    return set(re.findall(r"^    ([a-z_]+) += optional\(", text, re.MULTILINE))


def module_rule_fields():
    text = (MODULE / "settings.tf").read_text()
    return set(re.findall(r"^      ([a-z_]+) += optional\(", text, re.MULTILINE))


class Settings(unittest.TestCase):
    def test_module_settings_equal_function_settings(self):
        self.assertEqual(module_settings(), function_settings())

    def test_every_setting_becomes_environment_variable(self):
        self.assertEqual(EXAMPLES.keys() | OLD_NAMES.keys() | SERVING.keys(), module_settings())
        environment = evaluate("environment", settings=EXAMPLES, output_kms_key_arn=KEY)
        text = {True: "true", False: "false"}
        written = {
            f"AVIF_{name.upper()}": str(text.get(value, value) if isinstance(value, bool) else value) for name, value in EXAMPLES.items()
        }
        self.assertEqual(json.loads(environment.pop("AVIF_RULES")), EXAMPLES["rules"])
        del written["AVIF_RULES"]
        self.assertEqual(environment, written)
        self.assertEqual(evaluate("environment", settings=OLD_NAMES), {"AVIF_WIDTHS": "full,1280,640"})
        served = {"AVIF_SERVE_PREFIXES": "photos/,b/", "AVIF_SERVE_BUCKET": "photographs"}
        for settings in [SERVING, {"serve_prefixes": SERVING["serve_prefixes"]}]:
            self.assertEqual(evaluate("environment", trigger="url", settings=settings), served)

    def test_rules_have_the_fields_of_the_function(self):
        # The first table of the page lists the fields. A Rust test compares it with the function.
        page = (ROOT / "docs/rules.md").read_text()
        self.assertEqual(module_rule_fields(), set(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)))

    def test_formats_of_a_rule_give_the_role_permissions(self):
        for formats, expected in [("webp", True), ("avif", False), (None, False)]:
            settings = {"rules": [{"prefix": "a/", "formats": formats}], "output_bucket": "cdn"}
            self.assertIs(evaluate("has_other_formats", settings=settings), expected)

    def test_omitted_settings_set_no_variable(self):
        self.assertEqual(evaluate("environment"), {})
        self.assertEqual(evaluate("environment", settings={"speed": None}), {})

    def test_example_settings_file_is_valid(self):
        example = json.loads((MODULE / "examples/settings.json").read_text())
        self.assertLessEqual(set(example), module_settings())
        self.assertEqual(len(evaluate("environment", settings=example)), len(example))

    def test_invalid_settings_fail_the_plan(self):
        for settings in [
            {"sizes": "", "quality": "visual:29", "speed": 11, "metadata": "all", "storage_class": "DEEP_ARCHIVE", "max_bytes": 0},
            {"widths": "640px", "quality": "visual:95.1", "speed": 6.5, "metadata": "", "kms_key": "alias/photographs"},
            {"widths": "full;640", "quality": "101", "speed": -1, "storage_class": "standard", "max_bytes": 1.5},
            {"sizes": "256:cover", "quality": "high", "chroma": "422", "color": "p3", "damaged": ""},
            {"formats": "avif,jpg", "background": "white", "manifest": "no"},
            {"formats": "", "background": "#fff", "manifest": ""},
            {"formats": "avif;avif", "background": "1a2b3c4d"},
            {"sizes": "640x360:contain"},
        ]:
            with self.subTest(**settings):
                with self.assertRaises(InvalidVariables) as invalid:
                    evaluate("environment", settings=settings)
                named = [re.match(r"settings\.([a-z_]+)", detail)[1] for detail in invalid.exception.messages["settings"]]
                self.assertEqual(sorted(named), sorted(settings))

    def test_both_names_of_a_setting_fail_the_plan(self):
        with self.assertRaises(InvalidVariables) as invalid:
            evaluate("environment", settings={"widths": "full", "sizes": "full"})
        [detail] = invalid.exception.messages["settings"]
        self.assertTrue(detail.startswith("settings.widths: this is the old name of settings.sizes"), detail)

    def test_valid_settings_pass_the_plan(self):
        for settings in [
            {"sizes": "640, full, 1x1 ,32768x32768:cover", "quality": "0", "speed": 10},
            {"widths": "1", "quality": "visual:95.0"},
            {"quality": "100"},
            {"formats": "avif", "background": "#FFFFFF", "manifest": "never"},
            {"formats": "jpeg, avif,webp", "output_bucket": "cdn", "manifest": "several"},
        ]:
            with self.subTest(**settings):
                self.assertEqual(len(evaluate("environment", settings=settings)), len(settings))


class Serving(unittest.TestCase):
    def check(self, reason: str, name: str = "settings", **variables):
        with self.subTest(**variables), self.assertRaises(InvalidVariables) as invalid:
            evaluate("environment", **variables)
        self.assertIn(reason, " ".join(invalid.exception.messages[name]))

    def test_serving_needs_the_trigger_url(self):
        for trigger in TRIGGERS:
            self.check('the trigger "url" needs this setting', settings={"serve_prefixes": ["*"]}, **trigger)
            self.check("Other triggers do not allow", settings={"serve_bucket": "photographs"}, **trigger)
        self.check('the trigger "url" needs this setting', trigger="url")
        self.check("expected source_bucket", trigger="url", settings={"serve_prefixes": ["*"], "serve_bucket": "other"})
        self.check("remove source_prefix", "source_prefix", trigger="url", source_prefix="a/", settings={"serve_prefixes": ["a/"]})

    def test_everything_is_served_only_if_the_star_is_written(self):
        for prefixes in [[], [""], ["*", "photos/"], ["photos/*"], ["/photos/"], ["a,b"], [" photos/"], ["photos/ "], ["a" * 151]]:
            self.check("to make every source public", trigger="url", settings={"serve_prefixes": prefixes})
        for prefixes in [["*"], ["photos/", "a b/ü"], ["a" * 150]]:
            evaluate("environment", trigger="url", settings={"serve_prefixes": prefixes})

    def test_few_requests_run_at_the_same_time(self):
        self.assertEqual(evaluate("reserved", trigger="url", settings=SERVING), 10)
        self.assertEqual(evaluate("reserved", trigger="url", settings=SERVING, reserved_concurrent_executions=3), 3)


class Formats(unittest.TestCase):
    """WebP and JPEG variants must be in a location that does not invoke the function."""

    def check(self, is_valid: bool, formats: str, location: dict, **variables):
        settings = {"formats": formats} | location
        with self.subTest(**settings, **variables):
            if is_valid:
                evaluate("environment", settings=settings, **variables)
                return
            with self.assertRaises(InvalidVariables) as invalid:
                evaluate("environment", settings=settings, **variables)
            self.assertEqual(set(invalid.exception.messages), {"settings"})
            [detail] = invalid.exception.messages["settings"]
            self.assertTrue(detail.startswith("settings.formats: in this location"), detail)
            self.assertIn("Set settings.output_bucket to another bucket", detail)

    def test_formats_need_an_output_bucket_or_prefix(self):
        # The function does not start without it, whatever its trigger is.
        for trigger in TRIGGERS:
            self.check(False, "avif, jpeg", {}, suffixes=[".png"], **trigger)
            self.check(True, "avif,webp,jpeg", {"output_bucket": "cdn"}, **trigger)
        self.check(False, "webp", {"output_bucket": "", "output_prefix": ""})
        self.check(True, "avif", {})

    def test_eventbridge_rule_matches_the_source_prefix_or_excludes_outputs(self):
        self.check(True, "webp", {"output_prefix": "variants/"})
        self.check(True, "webp", {"output_bucket": "photographs"})
        for prefix, is_valid in [("variants/", True), ("originals/variants/", False), ("originals/", False), ("original", True)]:
            self.check(is_valid, "webp", {"output_prefix": prefix}, source_prefix="originals/")
        self.check(False, "jpeg", {"output_bucket": "photographs"}, source_prefix="originals/")
        # The key of an output is "a/" and a key that begins with "a/a/".
        self.check(False, "webp", {"output_prefix": "a/"}, source_prefix="a/a/")

    def test_notifications_match_the_source_prefix_and_the_suffixes(self):
        notification, *queues = TRIGGERS[1:4]
        for trigger in [notification, *queues]:
            self.check(True, "webp", {"output_prefix": "variants/"}, source_prefix="originals/", **trigger)
            self.check(False, "webp", {"output_prefix": "originals/"}, source_prefix="originals/", **trigger)
            self.check(False, "webp", {"output_prefix": "variants/"}, **trigger)
            self.check(True, "webp,jpeg", {"output_prefix": "variants/"}, suffixes=[".png", ".heic"], **trigger)
        self.check(False, "jpeg", {"output_bucket": "photographs"}, **notification)
        # The key of a JPEG ends in .jpg, never in .jpeg or .JPG.
        for formats, suffixes, is_valid in [
            ("jpeg", [".png", ".jpeg", ".JPG", ".webp"], True),
            ("jpeg", [".png", ".jpg"], False),
            ("avif,webp", [".jpg"], True),
            ("avif,webp", ["webp"], False),
        ]:
            self.check(is_valid, formats, {"output_prefix": "variants/"}, suffixes=suffixes, **notification)

    def test_without_trigger_every_prefix_is_valid(self):
        self.check(True, "webp", {"output_prefix": "originals/"}, trigger="none", source_prefix="originals/")


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
        # In separate plans, because validations of other variables use these.
        for variables in [low, high, {"reserved_concurrent_executions": 0, "trigger": "cron"}, {"output_account_id": "1234"}]:
            with self.assertRaises(InvalidVariables) as invalid:
                evaluate("environment", **variables)
            self.assertEqual(set(invalid.exception.messages), set(variables))

    def test_suffixes_of_outputs_fail_the_plan(self):
        for suffix in [".avif", ".AVIF", ".avif.json", ".json", ".avif.webp", "a.Avif.jpg", ""]:
            with self.subTest(suffix=suffix), self.assertRaisesRegex(InvalidVariables, "never converts such keys"):
                evaluate("environment", suffixes=[".png", suffix])
        evaluate("environment", suffixes=["avif.jpeg", "webp", "_avif.jpg"])

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
