"""Plans and applies the module and its examples, with Terraform and the provider's real schema."""

import json
import unittest
from pathlib import Path

from deployment import Deployment
from terraform import DIGEST, IMAGE, REQUIRED
from test_policy import KEYS, https_only
from test_settings import EXAMPLES as SETTINGS
from test_settings import KEY
from test_telemetry import GIVEN as TELEMETRY

OTHER = IMAGE.replace(DIGEST, DIGEST[::-1])
NETWORK = {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
EVERYTHING = (
    REQUIRED
    | TELEMETRY
    | {
        "settings": SETTINGS,
        "source_kms_key_arn": KEYS[0],
        "output_kms_key_arn": KEYS[1],
        "environment_kms_key_arn": KEY,
        "log_kms_key_arn": KEY,
        "network": NETWORK,
        "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
        "backfill_bucket": "jobs",
        "alarm_actions": ["arn:aws:sns:eu-central-1:123456789012:alarms"],
        "tags": {"team": "images"},
        "log_format": "Text",
    }
)
TRIGGERS = {
    "eventbridge": REQUIRED,
    "topic": EVERYTHING | {"trigger": "sqs", "topic_arn": "arn:aws:sns:eu-central-1:123456789012:photographs"},
    "sqs": REQUIRED | {"trigger": "sqs", "replace_bucket_notifications": True},
    "notification": EVERYTHING | {"trigger": "notification", "replace_bucket_notifications": True, "source_account_id": "210987654321"},
    "url": REQUIRED | {"trigger": "url", "settings": {"serve_prefixes": ["photos/"]}},
    "none": REQUIRED | {"trigger": "none", "create_alarms": False, "create_dashboard": False, "log_format": "Text"},
}


def planned(module: dict):
    """Every resource of a plan, also those of child modules."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from planned(child)


ONLY_FUNCTION = {"aws_lambda_function.this": ["update"], "aws_lambda_alias.this": ["update"]}


class Plan(unittest.TestCase):
    def deployment(self, *arguments, **named) -> Deployment:
        deployment = Deployment(*arguments, **named)
        self.addCleanup(deployment.close)
        return deployment

    def test_second_plan_is_empty(self):
        for trigger, variables in TRIGGERS.items():
            with self.subTest(trigger):
                deployment = self.deployment()
                created = deployment.apply(**variables)
                self.assertEqual({action for actions in created.values() for action in actions}, {"create"})
                self.assertEqual(deployment.plan(**variables), {})

    def test_new_digest_or_setting_changes_only_function_and_alias(self):
        deployment = self.deployment()
        deployment.apply(**REQUIRED)
        for change in [
            {"image_uri": OTHER},
            {"settings": {"sizes": "full,640"}},
            {"telemetry": {"otel_exporter_otlp_endpoint": "https://otel.example"}},
            {"memory_size": 3538},
            {"architecture": "x86_64"},
        ]:
            with self.subTest(**change):
                self.assertEqual(deployment.plan(**REQUIRED | change), ONLY_FUNCTION)
        deployment.apply(**REQUIRED | {"image_uri": OTHER})
        self.assertEqual(deployment.plan(**REQUIRED | {"image_uri": OTHER}), {})
        # A rollback publishes another version with the earlier code.
        self.assertEqual(deployment.plan(**REQUIRED), ONLY_FUNCTION)

    def test_only_a_change_of_the_name_replaces_resources_with_data(self):
        deployment = self.deployment()
        least, everything = (
            REQUIRED | {"trigger": "sqs"},
            TRIGGERS["topic"] | {"memory_size": 3538, "timeout": 120, "log_retention_in_days": 1},
        )
        deployment.apply(**least)
        holding = {"aws_sqs_queue.failures[0]", "aws_sqs_queue.this[0]", "aws_cloudwatch_log_group.this", "aws_lambda_function.this"}
        for variables in [everything, everything | {"source_bucket": "others", "source_prefix": "originals/"}]:
            self.assertEqual({address for address, actions in deployment.plan(**variables).items() if "delete" in actions} & holding, set())
        for trigger in ["eventbridge", "notification", "none"]:
            gone = {address for address, actions in deployment.plan(**TRIGGERS[trigger]).items() if "delete" in actions}
            # This is the queue of the trigger. README.md contains a warning about it.
            self.assertEqual(gone & holding, {"aws_sqs_queue.this[0]"})
        renamed = deployment.plan(**least | {"name": "other"})
        self.assertEqual({address for address, actions in renamed.items() if "delete" in actions} & holding, holding)

    def test_function_leaves_the_vpc_before_its_role_loses_the_network_permissions(self):
        deployment = self.deployment()
        deployment.apply(**REQUIRED | {"network": NETWORK})
        deployment.provider.done.clear()
        deployment.apply(**REQUIRED)
        left = deployment.provider.done.index(("aws_lambda_function", "update"))
        self.assertLess(left, deployment.provider.done.index(("aws_iam_role_policy", "delete")))

    def test_queues_and_buckets_deny_plain_http(self):
        for folder, variables, queues, buckets in [(".", TRIGGERS["sqs"], 2, 0), ("examples/complete", {"image_uri": IMAGE}, 1, 2)]:
            deployment = self.deployment(folder)
            deployment.apply(**variables)
            deployment.plan(**variables)
            of = {}
            for resource in planned(deployment.planned["planned_values"]["root_module"]):
                of.setdefault(resource["type"], []).append(resource["values"])
            policies = {policy["queue_url"]: policy["policy"] for policy in of["aws_sqs_queue_policy"]}
            policies |= {policy["bucket"]: policy["policy"] for policy in of.get("aws_s3_bucket_policy", [])}
            self.assertEqual(len(policies), queues + buckets)
            for queue in of["aws_sqs_queue"]:
                denied = json.loads(policies[queue["url"]])["Statement"][0]
                self.assertEqual(denied, https_only(f"arn:aws:sqs:eu-central-1:123456789012:{queue['name']}"))
            for bucket in of.get("aws_s3_bucket", []):
                [denied] = json.loads(policies[bucket["bucket"]])["Statement"]
                self.assertEqual(denied, https_only([bucket["arn"], f"{bucket['arn']}/*"]) | {"Action": "s3:*"})

    def test_failure_queue_can_be_read_by_the_function(self):
        # Lambda creates a mapping only if the visibility timeout of the queue is at least the function's timeout.
        deployment = self.deployment()
        deployment.plan(**TRIGGERS["sqs"] | {"timeout": 120})
        resources = {
            resource["address"]: resource["values"] for resource in deployment.planned["planned_values"]["root_module"]["resources"]
        }
        for queue in ["aws_sqs_queue.failures[0]", "aws_sqs_queue.this[0]"]:
            self.assertEqual(resources[queue]["visibility_timeout_seconds"], 720)

    def test_plan_uses_partition_of_the_provider(self):
        deployment = self.deployment(partition="aws-cn")
        variables = REQUIRED | {
            "source_kms_key_arn": KEYS[0].replace("arn:aws:", "arn:aws-cn:"),
            "network": NETWORK,
            "backfill_bucket": "jobs",
        }
        deployment.plan(**variables | {"image_uri": IMAGE.replace("amazonaws.com", "amazonaws.com.cn")})
        planned = json.dumps(deployment.planned["planned_values"])
        self.assertIn("arn:aws-cn:s3:::photographs", planned)
        self.assertIn("s3.eu-central-1.amazonaws.of.aws-cn", planned)
        self.assertNotIn("arn:aws:", planned)

    def test_sensitive_headers_stay_sensitive(self):
        root = f"""
            variable "token" {{
              type      = string
              sensitive = true
            }}
            module "avif" {{
              source        = "../.."
              image_uri     = "{IMAGE}"
              source_bucket = "photographs"
              telemetry_headers = "authorization=${{var.token}}"
            }}
        """
        deployment = self.deployment("examples/secret", root=root)
        deployment.apply(token="7a1b")
        function = next(
            change for change in deployment.planned["resource_changes"] if change["address"].endswith("aws_lambda_function.this")
        )
        self.assertEqual(function["change"]["after_sensitive"]["environment"], [{"variables": {"OTEL_EXPORTER_OTLP_HEADERS": True}}])
        self.assertEqual(deployment.plan(token="7a1b"), {})

    def test_plans_do_not_show_the_headers(self):
        deployment = self.deployment()
        Path(deployment.folder, "terraform.tfvars.json").write_text(json.dumps(REQUIRED | {"telemetry_headers": "authorization=7a1b"}))
        shown = str(deployment.terraform.plan(json=False).value)
        self.assertIn("(sensitive value)", shown)
        self.assertNotIn("7a1b", shown)


class Repository(unittest.TestCase):
    deployment = Plan.deployment

    def test_repository_policy_lets_lambda_pull_and_keeps_tagged_images(self):
        deployment = self.deployment("modules/repository")
        deployment.apply(pulling_account_ids=["210987654321"])
        [policy] = [
            change["change"]["after"]["policy"]
            for change in deployment.planned["resource_changes"]
            if change["type"] == "aws_ecr_repository_policy"
        ]
        [functions, readers] = json.loads(policy)["Statement"]
        self.assertEqual(
            functions["Condition"],
            {
                "StringLike": {
                    "aws:SourceArn": [f"arn:aws:lambda:eu-central-1:{account}:function:*" for account in ["123456789012", "210987654321"]]
                }
            },
        )
        self.assertEqual(readers["Principal"], {"AWS": "arn:aws:iam::210987654321:root"})
        self.assertEqual(deployment.plan(pulling_account_ids=["210987654321"]), {})
        # Only images without a tag expire.
        [lifecycle] = [
            change["change"]["after"]["policy"]
            for change in deployment.planned["resource_changes"]
            if change["type"] == "aws_ecr_lifecycle_policy"
        ]
        self.assertEqual([rule["selection"]["tagStatus"] for rule in json.loads(lifecycle)["rules"]], ["untagged"])


class Examples(unittest.TestCase):
    deployment = Plan.deployment

    def test_complete_example_needs_two_applies_in_empty_account(self):
        deployment = self.deployment("examples/complete")
        first = deployment.apply()
        self.assertIn("module.repository.aws_ecr_repository.this", first)
        self.assertFalse([address for address in first if address.startswith("module.avif")])
        second = deployment.apply(image_uri=IMAGE, mail="images@example.org")
        self.assertEqual({action for actions in second.values() for action in actions}, {"create"})
        self.assertIn("module.avif[0].aws_lambda_function.this", second)
        self.assertEqual(deployment.plan(image_uri=IMAGE, mail="images@example.org"), {})

    def test_serving_example_needs_two_applies_in_empty_account(self):
        deployment = self.deployment("examples/serving")
        first = deployment.apply()
        self.assertFalse([address for address in first if address.startswith(("module.avif", "module.images"))])
        second = deployment.apply(image_uri=IMAGE, rate_limit=1000)
        self.assertEqual({action for actions in second.values() for action in actions}, {"create"})
        self.assertIn("module.images[0].aws_cloudfront_distribution.this", second)
        self.assertEqual(deployment.plan(image_uri=IMAGE, rate_limit=1000), {})
        # A new image changes only the functions and their aliases, never the distribution.
        changed = deployment.plan(image_uri=OTHER, rate_limit=1000)
        modules = ["module.avif[0]", "module.images[0].module.function"]
        self.assertEqual(changed, {f"{module}.{address}": actions for module in modules for address, actions in ONLY_FUNCTION.items()})

    def test_examples_accept_existing_bucket(self):
        for example in ["existing-bucket", "sqs"]:
            with self.subTest(example):
                deployment = self.deployment(f"examples/{example}")
                deployment.apply(image_uri=IMAGE, bucket="photographs")
                self.assertEqual(deployment.plan(image_uri=IMAGE, bucket="photographs"), {})
