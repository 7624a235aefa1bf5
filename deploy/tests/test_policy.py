"""The policies of the Terraform module are those of docs/iam.md. A Rust test compares docs/iam.md with the function's requests."""

import json
import re
import unittest
from collections import Counter

from terraform import MODULE, ROOT, InvalidVariables, evaluate

# The key of the sources, and the key of the variants in another region.
KEYS = [
    "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:us-west-2:123456789012:key/2234abcd-12ab-34cd-56ef-1234567890ab",
]
# The account of the sources, and the account of the variants.
OWNERS = {"source_account_id": "210987654321", "output_account_id": "310987654321"}
# The network of a function in a VPC.
NETWORK = {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
# The values of these tests, and the placeholders for them in docs/iam.md.
WORDS = {
    OWNERS["source_account_id"]: "SOURCE-ACCOUNT",
    OWNERS["output_account_id"]: "OUTPUT-ACCOUNT",
    "subnet/subnet-1": "subnet/SUBNETS",
    "security-group/sg-1": "security-group/SECURITY-GROUPS",
    "arn:aws:s3:::photographs": "arn:aws:s3:::SOURCES",
    "arn:aws:s3:::cdn": "arn:aws:s3:::OUTPUTS",
    KEYS[0]: "SOURCE-KEY-ARN",
    KEYS[1]: "OUTPUT-KEY-ARN",
    "s3.eu-central-1.": "s3.SOURCE-REGION.",
    "s3.us-west-2.": "s3.OUTPUT-REGION.",
    "eu-central-1": "REGION",
    "123456789012": "ACCOUNT",
    "/aws/lambda/avif": "/aws/lambda/FUNCTION",
    "table/images": "table/TABLE",
    ":avif-failures": ":FAILURES",
    "function:avif": "function:FUNCTION",
    "s3:::jobs/": "s3:::BACKFILL/",
    "ACCOUNT:avif": "ACCOUNT:QUEUE",
    # Of a function that serves.
    "/photos/": "/PREFIX",
}


def statements(policy) -> dict:
    """The statements of a policy by Sid: effect, actions, resource, condition."""
    found = {}
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        found[statement["Sid"]] = (statement["Effect"], sorted(actions), statement["Resource"], statement.get("Condition"))
    assert len(found) == len(policy["Statement"])
    return found


def documented(backfill: bool = False, serving: bool = False, network: bool = False, owners: bool = False) -> dict:
    """The statements of docs/iam.md for the function's role, or with `backfill` for the role of S3 Batch Operations, or with
    `serving` for the role of a function that serves. `network` adds the statements for a VPC. Without `owners`, the function's
    account owns both buckets."""
    before, _, after = (ROOT / "docs/iam.md").read_text().partition("\n## Backfill\n")
    before, _, served = before.partition("\n## Function that serves\n")
    always = before.partition("\n## Function in a VPC\n")[0]
    page = after if backfill else served if serving else before if network else always
    if not owners:
        page = page.replace("SOURCE-ACCOUNT", "ACCOUNT").replace("OUTPUT-ACCOUNT", "ACCOUNT")
    policies = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    found = {}
    for policy in policies:
        found |= statements(policy)
    return found


def served(owners: bool = False) -> dict:
    """The statements of docs/iam.md for the role of a function that serves, with every option."""
    of_triggers = {"TakeFromQueue", "SendFailures", "ReceiveFailures", "NoQueuesForCode"}
    found = {sid: statement for sid, statement in documented(owners=owners).items() if sid not in of_triggers}
    text = json.dumps(found | documented(serving=True, owners=owners))
    for bucket in ["SOURCES", "OUTPUTS"]:
        text = text.replace(f"{bucket}/*", f"{bucket}/PREFIX*")
    return {sid: tuple(statement) for sid, statement in json.loads(text).items()}


def named(policy: str) -> dict:
    """The statements of a policy, with the placeholders of docs/iam.md."""
    for own, word in WORDS.items():
        policy = policy.replace(own, word)
    return statements(json.loads(policy))


def module(trigger: str = "eventbridge", settings: dict | None = None, **variables) -> dict:
    settings = {"output_bucket": "cdn"} | (settings or {})
    return named(evaluate("policy", trigger=trigger, settings=settings, **variables))


ALWAYS = {"ReadSources", "ListSources", "ReadOutputs", "ListOutputs", "WriteOutputs", "DeleteOutputs", "WriteLog"}
OTHER_FORMATS = {"OtherFormats", "TagOtherFormats"}
ASYNCHRONOUS = {"SendFailures", "ReceiveFailures", "NoQueuesForCode"}


def https_only(queue) -> dict:
    """The statement of a queue's policy that denies plain HTTP."""
    return {
        "Sid": "HttpsOnly",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Resource": queue,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


class Policy(unittest.TestCase):
    def test_policy_with_every_option_equals_documentation(self):
        everything = {
            "source_kms_key_arn": KEYS[0],
            "output_kms_key_arn": KEYS[1],
            "settings": {"copy_tags": True, "catalog_table": "images", "formats": "avif,webp"},
        }
        policy = module("sqs", **everything) | module("eventbridge", **everything)
        self.assertEqual(policy, documented())
        notified = {"replace_bucket_notifications": True} | OWNERS | everything
        network = named(evaluate("network_policy", network=NETWORK))
        policy = module("sqs", **OWNERS, **everything) | module("notification", **notified) | network
        self.assertEqual(policy, documented(network=True, owners=True))

    def test_bucket_statements_require_owner_account(self):
        for given, source, output in [
            ({}, "ACCOUNT", "ACCOUNT"),
            ({"source_account_id": OWNERS["source_account_id"]}, "SOURCE-ACCOUNT", "ACCOUNT"),
            ({"output_account_id": OWNERS["output_account_id"]}, "ACCOUNT", "OUTPUT-ACCOUNT"),
            # The variants are in the source bucket.
            ({"source_account_id": OWNERS["source_account_id"], "settings": {"output_bucket": None}}, "SOURCE-ACCOUNT", "SOURCE-ACCOUNT"),
        ]:
            with self.subTest(**given):
                policy = module("none", **{"settings": {"copy_tags": True}} | given)
                for sid, (_, actions, _, condition) in policy.items():
                    if actions[0].startswith("s3:"):
                        owner = source if "Sources" in sid or sid == "ReadTags" else output
                        self.assertEqual(condition, {"StringEquals": {"aws:ResourceAccount": owner}}, sid)
        with self.assertRaises(InvalidVariables) as invalid:
            evaluate("policy", output_account_id=OWNERS["output_account_id"])
        self.assertEqual(set(invalid.exception.messages), {"output_account_id"})

    def test_role_writes_and_deletes_only_output_keys(self):
        module_policy = module("none", {"output_prefix": "variants/", "output_bucket": None, "copy_tags": True, "formats": "jpeg"})
        for policy in [module_policy, documented()]:
            for sid, (effect, actions, resource, _) in policy.items():
                if {action.partition(":")[2] for action in actions} & {"PutObject", "DeleteObject", "PutObjectTagging"}:
                    suffixes = {".avif.webp", ".avif.jpg"} if sid in OTHER_FORMATS else {".avif", ".avif.json"}
                    self.assertEqual({one.partition("*")[2] for one in resource}, suffixes, sid)
            self.assertLessEqual(OTHER_FORMATS, set(policy))

    def test_function_code_is_denied_queues_and_network(self):
        code = {"ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:REGION:ACCOUNT:function:FUNCTION"}}
        policy = module("sqs") | module("eventbridge") | named(evaluate("network_policy", network=NETWORK))
        denied = {
            action for effect, actions, _, condition in policy.values() if (effect, condition) == ("Deny", code) for action in actions
        }
        allowed = {action for effect, actions, _, _ in policy.values() if effect == "Allow" for action in actions}
        self.assertLessEqual({action for action in allowed if action.startswith(("sqs:", "ec2:"))}, denied)

    def test_backfill_policy_equals_documentation(self):
        self.assertEqual(named(evaluate("backfill_policy", backfill_bucket="jobs")), documented(backfill=True))
        self.assertIsNone(evaluate("backfill_policy"))

    def test_policy_of_a_function_that_serves_has_only_served_prefixes(self):
        everything = {
            "source_kms_key_arn": KEYS[0],
            "output_kms_key_arn": KEYS[1],
            "settings": {"copy_tags": True, "catalog_table": "images", "formats": "avif,webp", "serve_prefixes": ["photos/"]},
        }
        self.assertEqual(module("url", **OWNERS, **everything), served(owners=True))
        several = module("url", {"serve_prefixes": ["photos/", "b"], "output_prefix": "avif/"})
        self.assertEqual(several["ReadSources"][2], ["arn:aws:s3:::SOURCES/PREFIX*", "arn:aws:s3:::SOURCES/b*"])
        suffixes = [".avif", ".avif.json"]
        outputs = [f"arn:aws:s3:::OUTPUTS/avif/{prefix}*{suffix}" for prefix in ["PREFIX", "b"] for suffix in suffixes]
        self.assertEqual([several[sid][2] for sid in ["ReadOutputs", "WriteOutputs", "DeleteOutputs"]], [outputs] * 3)
        public = module("url", {"serve_prefixes": ["*"]})
        self.assertEqual(public, module("none"))

    def test_policy_has_only_statements_of_selected_options(self):
        for options, more in [
            ({"trigger": "none"}, set()),
            ({"trigger": "sqs"}, {"TakeFromQueue", "NoQueuesForCode"}),
            ({"trigger": "eventbridge"}, ASYNCHRONOUS),
            ({"trigger": "notification", "replace_bucket_notifications": True}, ASYNCHRONOUS),
            ({"trigger": "none", "settings": {"copy_tags": True}}, {"ReadTags", "WriteTags"}),
            ({"trigger": "none", "settings": {"copy_tags": False, "catalog_table": "images"}}, {"WriteCatalog"}),
            ({"trigger": "none", "settings": {"formats": "webp"}}, {"OtherFormats"}),
            ({"trigger": "none", "settings": {"formats": "avif,jpeg", "copy_tags": True}}, {"ReadTags", "WriteTags"} | OTHER_FORMATS),
            ({"trigger": "none", "settings": {"formats": "avif"}}, set()),
            ({"trigger": "none", "source_kms_key_arn": KEYS[0]}, {"DecryptSources"}),
            ({"trigger": "none", "output_kms_key_arn": KEYS[1]}, {"EncryptOutputs"}),
        ]:
            with self.subTest(**options):
                self.assertEqual(set(module(**options)), ALWAYS | more)
        self.assertIsNone(evaluate("network_policy"))

    def test_kms_condition_names_the_region_of_the_key(self):
        policy = json.loads(
            evaluate("policy", trigger="none", settings={"output_bucket": "cdn"}, source_kms_key_arn=KEYS[0], output_kms_key_arn=KEYS[1])
        )
        conditions = {statement["Sid"]: statement.get("Condition", {}).get("StringEquals", {}) for statement in policy["Statement"]}
        services = {sid: values["kms:ViaService"] for sid, values in conditions.items() if "kms:ViaService" in values}
        self.assertEqual(services, {"DecryptSources": "s3.eu-central-1.amazonaws.com", "EncryptOutputs": "s3.us-west-2.amazonaws.com"})

    def test_listing_a_bucket_is_allowed_for_every_prefix(self):
        # The function lists with the whole key of a source as the prefix. A HeadObject or GetObject request has no s3:prefix, so with
        # a condition on it S3 would answer 403 for a missing object.
        policy = module("none", {"output_prefix": "avif/"}, source_prefix="originals/")
        for sid in ["ListSources", "ListOutputs"]:
            self.assertNotIn("s3:prefix", json.dumps(policy[sid][3]), sid)

    def test_prefixes_restrict_resources(self):
        policy = module("none", {"output_prefix": "avif/"}, source_prefix="originals/")
        self.assertEqual(policy["ReadSources"][2], "arn:aws:s3:::SOURCES/originals/*")
        self.assertEqual(
            policy["WriteOutputs"][2], [f"arn:aws:s3:::OUTPUTS/avif/originals/*{suffix}" for suffix in [".avif", ".avif.json"]]
        )
        policy = module("none", {"output_prefix": "avif/", "formats": "webp"}, source_prefix="originals/")
        self.assertEqual(
            policy["OtherFormats"][2], [f"arn:aws:s3:::OUTPUTS/avif/originals/*{suffix}" for suffix in [".avif.jpg", ".avif.webp"]]
        )

    def test_without_output_bucket_outputs_are_in_source_bucket(self):
        policy = named(evaluate("policy"))
        self.assertEqual(policy["WriteOutputs"][2], ["arn:aws:s3:::SOURCES/*.avif", "arn:aws:s3:::SOURCES/*.avif.json"])

    def test_no_policy_allows_wildcard_actions_resources_or_principals(self):
        quoted = Counter()
        for file in MODULE.rglob("*.tf"):
            # Deny statements may use wildcards. The ec2:Describe actions support no resources.
            text = re.sub(r"\{[^{}]*Effect\s*= \"Deny\"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}", "", file.read_text())
            text = re.sub(r'Action\s*= \["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"\]\s*Resource = "\*"', "", text)
            for action in re.findall(r'"([a-z0-9]+:[A-Za-z*]+)"', text):
                quoted[action] += 1
                self.assertNotIn("*", action.replace("s3:ObjectCreated:*", ""), file)
            self.assertNotRegex(text, r'(?i)(resource|principal|aws|service|identifiers|actions?)\s*=\s*\[?\s*"\*"', file)
        self.assertGreater(quoted["s3:GetObject"], 1)


class Events(unittest.TestCase):
    def test_eventbridge_pattern_excludes_outputs(self):
        pattern = json.loads(evaluate("event_pattern"))
        self.assertEqual(pattern["detail-type"], ["Object Created", "Object Restore Completed", "Object Deleted"])
        suffixes = [".avif", ".avif.json", ".avif.jpg", ".avif.webp"]
        self.assertEqual(pattern["detail"]["object"]["key"], [{"anything-but": {"suffix": suffixes}}])
        rule = (ROOT / "docs/operations.md").read_text()
        self.assertIn(json.dumps({"detail": {"object": pattern["detail"]["object"]}}), rule)
        layout = (ROOT / "crates/transfer/src/layout.rs").read_text().partition("#[cfg(test)]")[0]
        self.assertEqual(set(re.findall(r'"(\.avif[.a-z]*)"', layout)), set(suffixes))

    def test_prefix_and_ignored_deletions_restrict_events(self):
        pattern = json.loads(evaluate("event_pattern", source_prefix="originals/", settings={"follow_removals": False}))
        self.assertEqual(pattern["detail-type"], ["Object Created", "Object Restore Completed"])
        self.assertEqual(pattern["detail"]["object"]["key"], [{"prefix": "originals/"}])
        events = evaluate("notification_events", settings={"follow_removals": False})
        self.assertEqual(events, ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"])

    def test_notifications_contain_uploads_restores_and_deletions(self):
        events = ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"]
        self.assertEqual(evaluate("notification_events"), events)
