"""The SAM template: its stacks, its settings, and its policies, which are those of docs/iam.md."""

import ast
import json
import re
import unittest

from sam import TEMPLATE, Account, deploy, template, translated, version_of
from samtranslator.yaml_helper import yaml_parse
from terraform import DIGEST, IMAGE, ROOT, evaluate
from test_policy import ALWAYS, ASYNCHRONOUS, KEYS, documented, https_only, named, served
from test_rules import documented_alarms
from test_settings import EXAMPLES, function_settings

# The template accepts one prefix.
SERVED = {"serve_prefixes": "photos/", "serve_bucket": "photographs"}
OTHER = IMAGE.replace(DIGEST, DIGEST[::-1])


def parameter(setting: str) -> str:
    """The parameter of a setting."""
    return "".join(word.capitalize() for word in setting.split("_"))


def text(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def holds(condition: dict, values: dict) -> bool:
    """Whether a condition of the template holds with these parameters."""
    [(name, of)] = condition.items()
    match name:
        case "Condition":
            return holds(template()["Conditions"][of], values)
        case "Fn::Equals":
            left, right = (values[one["Ref"]] if isinstance(one, dict) else one for one in of)
            return left == right
        case "Fn::Not":
            return not holds(of[0], values)
        case "Fn::And":
            return all(holds(one, values) for one in of)
        case "Fn::Or":
            return any(holds(one, values) for one in of)
    raise ValueError(name)


def violated_rules(**parameters) -> list[str]:
    """The rules of the template that reject these parameters. moto does not check rules."""
    values = {name: of.get("Default") for name, of in template()["Parameters"].items()} | {"SourceBucket": "photographs"} | parameters
    rules = template()["Rules"].items()
    applied = {name: rule["Assertions"] for name, rule in rules if holds(rule["RuleCondition"], values)}
    return [name for name, assertions in applied.items() if not all(holds(assertion["Assert"], values) for assertion in assertions)]


class Rules(unittest.TestCase):
    def check(self, is_valid: bool, **parameters):
        with self.subTest(**parameters):
            self.assertEqual(violated_rules(**parameters), [] if is_valid else ["FormatsNeedOtherKeys"])

    def test_formats_need_an_output_bucket_or_prefix(self):
        for trigger in ["eventbridge", "sqs", "notification", "none"]:
            self.check(True, Trigger=trigger)
            self.check(True, Trigger=trigger, Formats="avif")
            for formats in ["avif,webp", "jpeg"]:
                self.check(False, Trigger=trigger, Formats=formats)
                self.check(False, Trigger=trigger, Formats=formats, SourcePrefix="originals/")
                self.check(True, Trigger=trigger, Formats=formats, OutputBucket="cdn")

    def test_formats_need_a_location_that_the_trigger_does_not_match(self):
        for trigger in ["eventbridge", "sqs", "notification", "none"]:
            in_source_bucket = {"Trigger": trigger, "Formats": "avif,webp", "OutputPrefix": "variants/"}
            # Without a source prefix, the EventBridge rule excludes outputs.
            is_excluded = trigger in ["eventbridge", "none"]
            self.check(is_excluded, **in_source_bucket)
            self.check(is_excluded, **in_source_bucket, OutputBucket="photographs")
            self.check(True, **in_source_bucket, SourcePrefix="originals/")
            self.check(trigger == "none", **in_source_bucket, SourcePrefix="variants/")

    def test_serving_needs_the_trigger_url_and_the_prefix_of_the_role(self):
        given = {"ServePrefixes": "photos/", "SourcePrefix": "photos/", "ServeBucket": "photographs"}
        public = {"ServePrefixes": "*", "ServeBucket": "photographs"}
        for parameters in [given, public, given | {"Formats": "avif,webp", "OutputPrefix": "avif/"}]:
            self.assertEqual(violated_rules(Trigger="url", **parameters), [])
        for parameters in [{}, given | {"ServeBucket": "other"}, given | {"SourcePrefix": ""}, public | {"SourcePrefix": "photos/"}]:
            self.assertEqual(violated_rules(Trigger="url", **parameters), ["UrlNeedsPrefix"])
        for trigger in ["eventbridge", "sqs", "notification", "none"]:
            for parameters in [given, {"ServeBucket": "photographs"}, {"ServePrefixes": "*"}]:
                self.assertEqual(violated_rules(Trigger=trigger, **parameters), ["PrefixNeedsUrl"])

    def test_topic_needs_a_queue_and_kms_key_needs_its_arn(self):
        self.assertEqual(violated_rules(TopicArn="arn:aws:sns:eu-central-1:123456789012:photographs"), ["TopicNeedsQueue"])
        self.assertEqual(violated_rules(TopicArn="arn:aws:sns:eu-central-1:123456789012:photographs", Trigger="sqs"), [])
        self.assertEqual(violated_rules(KmsKey="alias/photographs"), ["KmsKeyNeedsArn"])
        self.assertEqual(violated_rules(KmsKey="alias/photographs", OutputKmsKeyArn=KEYS[1]), [])


class Template(unittest.TestCase):
    def test_template_settings_equal_function_settings(self):
        variables = template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
        ours = {name for name in variables if name.startswith("AVIF_")}
        self.assertEqual({name.removeprefix("AVIF_").lower() for name in ours}, function_settings())
        for setting in function_settings():
            self.assertEqual(variables[f"AVIF_{setting.upper()}"], {"Ref": parameter(setting)})

    def test_parameters_accept_valid_settings(self):
        parameters = template()["Parameters"]
        for setting, value in (EXAMPLES | SERVED).items():
            declared = parameters[parameter(setting)]
            for one in ["", text(value)]:
                self.assertRegex(one, declared.get("AllowedPattern", "^"))
                self.assertIn(one, declared.get("AllowedValues", [one]))

    def test_image_uri_must_have_digest(self):
        pattern = template()["Parameters"]["ImageUri"]["AllowedPattern"]
        self.assertRegex(IMAGE, pattern)
        self.assertNotRegex(IMAGE.partition("@")[0] + ":latest", pattern)
        self.assertIn(json.dumps(pattern)[1:-1], (ROOT / "deploy/terraform/variables.tf").read_text())

    def test_only_changes_of_the_function_publish_a_version(self):
        same = version_of(translated())
        self.assertEqual(version_of(translated(MaximumConcurrency="30", Trigger="sqs")), same)
        self.assertNotEqual(version_of(translated(ImageUri=OTHER)), same)
        function = template()["Resources"]["Function"]["Properties"]
        compared = {entry["Ref"] for entry in function.pop("ImageUri")["Fn::Select"][1]}
        function.pop("AutoPublishAlias")
        # A setting of the function, not of a version.
        function.pop("ReservedConcurrentExecutions")
        parameters = set(template()["Parameters"])
        used = parameters & set(re.findall(r"\w+", json.dumps(function)))
        self.assertEqual(used | {"ImageUri"}, compared)
        for setting, value in (EXAMPLES | SERVED).items():
            self.assertNotEqual(version_of(translated(**{parameter(setting): text(value)})), same, setting)

    def test_permissions_allow_only_the_trigger_from_one_source(self):
        resources = template()["Resources"]
        permissions = {name: resource for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Permission"}
        conditions = {resource["Properties"]["Principal"]: resource["Condition"] for resource in permissions.values()}
        self.assertEqual(conditions, {"events.amazonaws.com": "ByEventBridge", "s3.amazonaws.com": "ByNotification"})
        for permission in permissions.values():
            self.assertIn("SourceArn", permission["Properties"])
        self.assertIn("SourceAccount", permissions["NotificationPermission"]["Properties"])

    def test_queue_accepts_events_from_bucket_or_topic(self):
        # moto's CloudFormation creates neither queue policies nor subscriptions.
        resources = template()["Resources"]
        queue = {"Fn::GetAtt": ["Queue", "Arn"]}
        self.assertEqual(resources["Subscription"]["Condition"], "ByTopic")
        self.assertEqual(resources["Subscription"]["Properties"], {"TopicArn": {"Ref": "TopicArn"}, "Protocol": "sqs", "Endpoint": queue})
        [_, statement] = resources["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        bucket = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${SourceBucket}"}
        for choice, service, source, account in [
            (1, "sns", {"Ref": "TopicArn"}, {"Ref": "AWS::NoValue"}),
            (2, "s3", bucket, {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}),
        ]:
            conditions = statement["Condition"]
            choices = [statement["Principal"]["Service"], conditions["ArnEquals"]["aws:SourceArn"], conditions["StringEquals"]]
            self.assertEqual([either["Fn::If"][choice] for either in choices], [f"{service}.amazonaws.com", source, account])
            self.assertEqual({either["Fn::If"][0] for either in choices}, {"ByTopic"})

    def test_queues_deny_plain_http(self):
        for name in ["Failures", "Queue"]:
            policies = [
                resource for resource in template()["Resources"].values() if resource["Properties"].get("Queues") == [{"Ref": name}]
            ]
            [policy] = policies
            # The policy exists whenever its queue exists.
            self.assertEqual(policy.get("Condition"), template()["Resources"][name].get("Condition"))
            arn = {"Fn::GetAtt": [name, "Arn"]}
            self.assertEqual(policy["Properties"]["PolicyDocument"]["Statement"][0], https_only(arn))

    def test_reserved_concurrency_equals_that_of_the_module(self):
        def value(of, values: dict):
            if not isinstance(of, dict):
                return of
            [(name, of)] = of.items()
            return (
                (None if of == "AWS::NoValue" else values[of])
                if name == "Ref"
                else value(of[1 if holds({"Condition": of[0]}, values) else 2], values)
            )

        reserved = template()["Resources"]["Function"]["Properties"]["ReservedConcurrentExecutions"]
        for trigger in ["eventbridge", "notification", "none", "sqs", "url"]:
            for given, module in [("", None), ("-1", -1), ("20", 20)]:
                more = {"replace_bucket_notifications": True} if trigger == "notification" else {}
                more |= {"settings": {"serve_prefixes": ["photos/"]}} if trigger == "url" else {}
                expected = evaluate("reserved", trigger=trigger, reserved_concurrent_executions=module, **more)
                actual = value(reserved, {"Trigger": trigger, "ReservedConcurrency": given})
                self.assertEqual(-1 if actual is None else int(actual), expected, (trigger, given))

    def test_rule_matches_uploads_restores_and_deletions(self):
        types = template()["Resources"]["Rule"]["Properties"]["EventPattern"]["detail-type"]
        deleted = {"Fn::If": ["IgnoresDeletions", {"Ref": "AWS::NoValue"}, "Object Deleted"]}
        self.assertEqual(types, ["Object Created", "Object Restore Completed", deleted])

    def test_rule_excludes_the_outputs_of_every_format(self):
        key = template()["Resources"]["Rule"]["Properties"]["EventPattern"]["detail"]["object"]["key"]
        [module] = json.loads(evaluate("event_pattern"))["detail"]["object"]["key"]
        self.assertEqual(key, [{"Fn::If": ["HasPrefix", {"prefix": {"Ref": "SourcePrefix"}}, module]}])

    def test_failure_queue_can_be_read_by_the_function(self):
        # Lambda creates a mapping only if the visibility timeout of the queue is at least the function's timeout.
        seconds = {"Fn::FindInMap": ["VisibilityTimeout", {"Ref": "Timeout"}, "Seconds"]}
        for queue in ["Failures", "Queue"]:
            self.assertEqual(template()["Resources"][queue]["Properties"]["VisibilityTimeout"], seconds)
        for timeout, visibility in template()["Mappings"]["VisibilityTimeout"].items():
            self.assertEqual(visibility["Seconds"], 6 * int(timeout))

    def test_alarms_equal_documentation(self):
        alarms = TEMPLATE.with_name("alarms.yaml").read_text()
        self.assertEqual(set(re.findall(r"MetricName: (\w+)", alarms)), documented_alarms())


class Alarms(unittest.TestCase):
    def test_alarms_on_extension_metrics_need_a_namespace(self):
        alarms = yaml_parse(TEMPLATE.with_name("alarms.yaml").read_text())
        own = [alarm for alarm in alarms["Resources"].values() if not str(alarm["Properties"].get("Namespace", "AWS/")).startswith("AWS/")]
        self.assertEqual([alarm["Properties"]["MetricName"] for alarm in own], ["RejectedRecords"])
        [rejected] = own
        self.assertEqual((rejected["Properties"]["Namespace"], rejected["Condition"]), ({"Ref": "Namespace"}, "HasMetrics"))
        self.assertEqual(alarms["Conditions"]["HasMetrics"], {"Fn::Not": [{"Fn::Equals": [{"Ref": "Namespace"}, ""]}]})
        self.assertEqual(alarms["Parameters"]["Namespace"]["Default"], evaluate("namespace"))


class Stack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = Account()
        cls.addClassCleanup(cls.account.close)
        cls.stacks, cls.functions, cls.roles = (cls.account.client(name) for name in ["cloudformation", "lambda", "iam"])

    def policy(self, name: str = "avif", **parameters) -> dict:
        """The statements of a policy of a stack with these parameters, with the placeholders of docs/iam.md."""
        deploy(self.account, "avif", OutputBucket="cdn", **parameters)
        [role] = [role["RoleName"] for role in self.roles.list_roles()["Roles"] if name in self.policies_of(role["RoleName"])]
        policy = self.roles.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        self.stacks.delete_stack(StackName="avif")
        # moto stores the policy as a Python literal, with None for each AWS::NoValue.
        policy = ast.literal_eval(policy)
        return named(json.dumps(policy | {"Statement": [statement for statement in policy["Statement"] if statement]}))

    def policies_of(self, role: str) -> list:
        return self.roles.list_role_policies(RoleName=role)["PolicyNames"]

    def test_stack_is_created_updated_and_deleted(self):
        deploy(self.account, "photographs-avif", Sizes="full,640")
        function = self.functions.get_function(FunctionName="photographs-avif")
        self.assertEqual(function["Code"]["ImageUri"], IMAGE)
        self.assertEqual(function["Configuration"]["Environment"]["Variables"]["AVIF_SIZES"], "full,640")
        versions = self.functions.list_versions_by_function(FunctionName="photographs-avif")["Versions"]
        self.assertEqual([version["Version"] for version in versions], ["$LATEST", "1"])
        queues = self.account.client("sqs").list_queues()["QueueUrls"]
        deploy(self.account, "photographs-avif", Sizes="full,640", ImageUri=OTHER)
        self.assertEqual(self.functions.get_function(FunctionName="photographs-avif")["Code"]["ImageUri"], OTHER)
        self.assertEqual(self.account.client("sqs").list_queues()["QueueUrls"], queues)
        self.stacks.delete_stack(StackName="photographs-avif")
        self.assertEqual(self.functions.list_functions()["Functions"], [])
        self.assertNotIn("QueueUrls", self.account.client("sqs").list_queues())

    def test_policy_with_every_option_equals_documentation(self):
        everything = {"CopyTags": "true", "CatalogTable": "images", "SourceKmsKeyArn": KEYS[0], "OutputKmsKeyArn": KEYS[1]}
        everything |= {"Formats": "avif,webp,jpeg"}
        self.assertEqual(self.policy(Trigger="sqs", **everything) | self.policy(**everything), documented())

    def test_policy_of_a_function_that_serves_has_only_the_served_prefix(self):
        given = {"Trigger": "url", "ServePrefixes": "photos/", "SourcePrefix": "photos/", "ServeBucket": "photographs"}
        everything = {"CopyTags": "true", "CatalogTable": "images", "SourceKmsKeyArn": KEYS[0], "OutputKmsKeyArn": KEYS[1]}
        self.assertEqual(self.policy(**given, **everything, Formats="avif,webp"), served())
        self.assertEqual(set(self.policy(**given)), ALWAYS)

    def test_function_url_accepts_only_signed_requests(self):
        url = template()["Resources"]["Url"]
        self.assertEqual((url["Condition"], url["Properties"]["AuthType"]), ("ByUrl", "AWS_IAM"))

    def test_backfill_policy_equals_documentation(self):
        self.assertEqual(self.policy("backfill", BackfillBucket="jobs"), documented(backfill=True))

    def test_policy_has_only_statements_of_selected_options(self):
        self.assertEqual(set(self.policy(Trigger="none")), ALWAYS)
        self.assertEqual(set(self.policy(Trigger="sqs")), ALWAYS | {"TakeFromQueue", "NoQueuesForCode"})
        self.assertEqual(set(self.policy(Trigger="notification")), ALWAYS | ASYNCHRONOUS)
        self.assertEqual(set(self.policy(CopyTags="true")), ALWAYS | ASYNCHRONOUS | {"ReadTags", "WriteTags"})
        self.assertEqual(set(self.policy(Trigger="none", Formats="avif")), ALWAYS)
        self.assertEqual(set(self.policy(Trigger="none", Formats="avif,webp")), ALWAYS | {"OtherFormats"})
        narrow = self.policy(Trigger="none", SourcePrefix="originals/", OutputPrefix="avif/", Formats="jpeg")
        self.assertEqual(
            narrow["OtherFormats"][2], [f"arn:aws:s3:::OUTPUTS/avif/originals/*{suffix}" for suffix in [".avif.jpg", ".avif.webp"]]
        )
        self.assertEqual(narrow["ReadSources"][2], "arn:aws:s3:::SOURCES/originals/*")
        self.assertEqual(
            narrow["WriteOutputs"][2], [f"arn:aws:s3:::OUTPUTS/avif/originals/*{suffix}" for suffix in [".avif", ".avif.json"]]
        )
