"""What Terraform makes of the module, by the provider's real schema: what a second apply finds, and what a change changes."""

import json
import unittest
from pathlib import Path

from deployment import Deployment
from terraform import DIGEST, IMAGE, LEAST
from test_policy import KEYS, https_only
from test_settings import EXAMPLES as SETTINGS
from test_settings import KEY
from test_telemetry import GIVEN as TELEMETRY

OTHER = IMAGE.replace(DIGEST, DIGEST[::-1])
NETWORK = {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
EVERYTHING = LEAST | TELEMETRY | {
    "settings": SETTINGS,
    "source_kms_key_arn": KEYS[0],
    "output_kms_key_arn": KEYS[1],
    "environment_kms_key_arn": KEY,
    "log_kms_key_arn": KEY,
    "network": NETWORK,
    "permissions_boundary": "arn:aws:iam::123456789012:policy/boundary",
    "backfill_bucket": "jobs",
    "alarm_actions": ["arn:aws:sns:eu-central-1:123456789012:alarms"],
    "tags": {"team": "pictures"},
    "log_format": "Text",
}
TRIGGERS = {
    "eventbridge": LEAST,
    "topic": EVERYTHING | {"trigger": "sqs", "topic_arn": "arn:aws:sns:eu-central-1:123456789012:photographs"},
    "sqs": LEAST | {"trigger": "sqs", "replace_bucket_notifications": True},
    "notification": EVERYTHING | {"trigger": "notification", "replace_bucket_notifications": True, "source_account_id": "210987654321"},
    "none": LEAST | {"trigger": "none", "create_alarms": False, "create_dashboard": False, "log_format": "Text"},
}


def planned(module: dict):
    """Every resource of a plan, those of the modules in it as well."""
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from planned(child)


FUNCTION_ALONE = {"aws_lambda_function.this": ["update"], "aws_lambda_alias.this": ["update"]}


class Plan(unittest.TestCase):
    def deployment(self, *arguments, **named) -> Deployment:
        deployment = Deployment(*arguments, **named)
        self.addCleanup(deployment.close)
        return deployment

    def test_a_second_apply_does_nothing(self):
        for trigger, variables in TRIGGERS.items():
            with self.subTest(trigger):
                deployment = self.deployment()
                made = deployment.apply(**variables)
                self.assertEqual({action for actions in made.values() for action in actions}, {"create"})
                self.assertEqual(deployment.plan(**variables), {})

    def test_another_digest_or_setting_changes_the_function_and_its_alias_alone(self):
        deployment = self.deployment()
        deployment.apply(**LEAST)
        for change in [
            {"image_uri": OTHER},
            {"settings": {"widths": "full,640"}},
            {"telemetry": {"otel_exporter_otlp_endpoint": "https://otel.example"}},
            {"memory_size": 3538},
            {"architecture": "x86_64"},
        ]:
            with self.subTest(**change):
                self.assertEqual(deployment.plan(**LEAST | change), FUNCTION_ALONE)
        deployment.apply(**LEAST | {"image_uri": OTHER})
        self.assertEqual(deployment.plan(**LEAST | {"image_uri": OTHER}), {})
        # Back is a version more, with the code of then.
        self.assertEqual(deployment.plan(**LEAST), FUNCTION_ALONE)

    def test_nothing_that_holds_data_goes_but_by_another_name(self):
        deployment = self.deployment()
        least, everything = LEAST | {"trigger": "sqs"}, TRIGGERS["topic"] | {"memory_size": 3538, "timeout": 120, "log_retention_in_days": 1}
        deployment.apply(**least)
        holding = {"aws_sqs_queue.failures", "aws_sqs_queue.this[0]", "aws_cloudwatch_log_group.this", "aws_lambda_function.this"}
        for variables in [everything, everything | {"source_bucket": "others", "source_prefix": "originals/"}]:
            self.assertEqual({address for address, actions in deployment.plan(**variables).items() if "delete" in actions} & holding, set())
        for trigger in ["eventbridge", "notification", "none"]:
            gone = {address for address, actions in deployment.plan(**TRIGGERS[trigger]).items() if "delete" in actions}
            # The trigger's own queue, of which README.md warns.
            self.assertEqual(gone & holding, {"aws_sqs_queue.this[0]"})
        renamed = deployment.plan(**least | {"name": "other"})
        self.assertEqual({address for address, actions in renamed.items() if "delete" in actions} & holding, holding)

    def test_a_function_leaves_its_network_while_its_role_may_still_remove_the_interfaces(self):
        deployment = self.deployment()
        deployment.apply(**LEAST | {"network": NETWORK})
        deployment.provider.done.clear()
        deployment.apply(**LEAST)
        left = deployment.provider.done.index(("aws_lambda_function", "update"))
        self.assertLess(left, deployment.provider.done.index(("aws_iam_role_policy", "delete")))

    def test_queues_and_buckets_answer_no_plain_http(self):
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
        # Lambda creates no mapping for a queue whose visibility timeout is less than the function's timeout.
        deployment = self.deployment()
        deployment.plan(**TRIGGERS["sqs"] | {"timeout": 120})
        resources = {resource["address"]: resource["values"] for resource in deployment.planned["planned_values"]["root_module"]["resources"]}
        for queue in ["aws_sqs_queue.failures", "aws_sqs_queue.this[0]"]:
            self.assertEqual(resources[queue]["visibility_timeout_seconds"], 720)

    def test_names_no_partition_nor_its_servers(self):
        deployment = self.deployment(partition="aws-cn")
        variables = LEAST | {"source_kms_key_arn": KEYS[0].replace("arn:aws:", "arn:aws-cn:"), "network": NETWORK, "backfill_bucket": "jobs"}
        deployment.plan(**variables | {"image_uri": IMAGE.replace("amazonaws.com", "amazonaws.com.cn")})
        planned = json.dumps(deployment.planned["planned_values"])
        self.assertIn("arn:aws-cn:s3:::photographs", planned)
        self.assertIn("s3.eu-central-1.amazonaws.of.aws-cn", planned)
        self.assertNotIn("arn:aws:", planned)

    def test_a_secret_among_the_headers_stays_one(self):
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
        function = next(change for change in deployment.planned["resource_changes"] if change["address"].endswith("aws_lambda_function.this"))
        self.assertEqual(function["change"]["after_sensitive"]["environment"], [{"variables": {"OTEL_EXPORTER_OTLP_HEADERS": True}}])
        self.assertEqual(deployment.plan(token="7a1b"), {})

    def test_plans_do_not_show_the_headers(self):
        deployment = self.deployment()
        Path(deployment.folder, "terraform.tfvars.json").write_text(json.dumps(LEAST | {"telemetry_headers": "authorization=7a1b"}))
        shown = str(deployment.terraform.plan(json=False).value)
        self.assertIn("(sensitive value)", shown)
        self.assertNotIn("7a1b", shown)


class Repository(unittest.TestCase):
    deployment = Plan.deployment

    def test_lambda_may_pull_and_need_not_say_so_itself(self):
        deployment = self.deployment("modules/repository")
        deployment.apply(pulling_account_ids=["210987654321"])
        [policy] = [change["change"]["after"]["policy"] for change in deployment.planned["resource_changes"] if change["type"] == "aws_ecr_repository_policy"]
        [functions, look] = json.loads(policy)["Statement"]
        self.assertEqual(
            functions["Condition"],
            {"StringLike": {"aws:SourceArn": [f"arn:aws:lambda:eu-central-1:{account}:function:*" for account in ["123456789012", "210987654321"]]}},
        )
        self.assertEqual(look["Principal"], {"AWS": "arn:aws:iam::210987654321:root"})
        self.assertEqual(deployment.plan(pulling_account_ids=["210987654321"]), {})
        # Every image that has a tag stays.
        [lifecycle] = [change["change"]["after"]["policy"] for change in deployment.planned["resource_changes"] if change["type"] == "aws_ecr_lifecycle_policy"]
        self.assertEqual([rule["selection"]["tagStatus"] for rule in json.loads(lifecycle)["rules"]], ["untagged"])


class Examples(unittest.TestCase):
    deployment = Plan.deployment

    def test_from_an_empty_account_in_two_applies(self):
        deployment = self.deployment("examples/complete")
        first = deployment.apply()
        self.assertIn("module.repository.aws_ecr_repository.this", first)
        self.assertFalse([address for address in first if address.startswith("module.avif")])
        second = deployment.apply(image_uri=IMAGE, mail="pictures@example.org")
        self.assertEqual({action for actions in second.values() for action in actions}, {"create"})
        self.assertIn("module.avif[0].aws_lambda_function.this", second)
        self.assertEqual(deployment.plan(image_uri=IMAGE, mail="pictures@example.org"), {})

    def test_beside_a_bucket_that_is_there(self):
        for example in ["existing-bucket", "sqs"]:
            with self.subTest(example):
                deployment = self.deployment(f"examples/{example}")
                deployment.apply(image_uri=IMAGE, bucket="photographs")
                self.assertEqual(deployment.plan(image_uri=IMAGE, bucket="photographs"), {})


