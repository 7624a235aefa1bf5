"""Runs the commands of docs/deploy.md, docs/operations.md, docs/telemetry.md and docs/upgrade.md in a reader's order, against moto."""

import json
import unittest
from pathlib import Path

from runtime import invoke
from test_policy import OTHER_FORMATS, documented, https_only, named, statements
from terraform import evaluate
from walk import RUN, Walk

ACCOUNT = "123456789012"
BUCKET = f"photographs-{ACCOUNT}-eu-central-1"
ALIAS = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:avif:live"
QUEUE, FAILURES = (f"arn:aws:sqs:eu-central-1:{ACCOUNT}:{name}" for name in ["avif", "avif-failures"])
DEPLOY, OPERATIONS, SERVING, TELEMETRY, UPGRADE = (
    f"docs/{name}.md" for name in ["deploy", "operations", "serving", "telemetry", "upgrade"]
)

SUFFIXES = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".hif"]
NOTIFICATIONS = {"s3:ObjectCreated:*", "s3:ObjectRestore:Completed", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*"}


class Walkthrough(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.walk = Walk()
        cls.addClassCleanup(cls.walk.close)
        names = ["s3", "sqs", "iam", "lambda", "events", "logs", "cloudwatch"]
        cls.s3, cls.sqs, cls.iam, cls.functions, cls.events, cls.logs, cls.cloudwatch = (cls.walk.client(name) for name in names)

    def test_documented_commands_deploy_convert_redrive_upgrade_and_roll_back(self):
        read = self.walk.read
        read(DEPLOY, "Before you start")
        read(DEPLOY, "Test your settings locally (optional)")
        read(DEPLOY, "AWS CLI")
        self.check_role()
        self.check_function()
        self.check_rule()
        observer = self.observe_rule()
        read(DEPLOY, "Turn on EventBridge for the bucket")
        read(DEPLOY, "Convert the first image")
        self.check_avif(observer)
        read(OPERATIONS, "Redrive", before={"--no-enabled": self.check_redrive})
        self.assertEqual(self.functions.list_event_source_mappings()["EventSourceMappings"], [])

        read(OPERATIONS, "Triggers")
        self.assertEqual(self.events.list_rules()["Rules"], [])
        read(OPERATIONS, "Connect a queue")
        self.check_queue()
        self.s3.put_object(Bucket=BUCKET, Key="photo.jpg", Body=self.walk.photo.read_bytes(), StorageClass="GLACIER")
        read(OPERATIONS, "Archived sources")
        self.check_restored()
        self.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
        read(OPERATIONS, "Connect S3 notifications")
        self.check_notifications("LambdaFunctionConfigurations", "LambdaFunctionArn", ALIAS)
        self.check_permission("s3", "s3.amazonaws.com", f"arn:aws:s3:::{BUCKET}", ACCOUNT)

        read(OPERATIONS, "Emergency stop", before={"executions 50": self.check_stopped})
        self.check_resumed()

        # The function of this test has another name than a function that serves.
        read(SERVING, "Stop an attack", before={"executions 10": self.check_no_invocation}, **{"avif-serve": "avif"})
        self.assertEqual(self.functions.get_function_concurrency(FunctionName="avif")["ReservedConcurrentExecutions"], 10)
        self.check_bucket_policy()

        read(OPERATIONS, "Alarms", FUNCTION="avif")
        filters = self.logs.describe_metric_filters(logGroupName="/aws/lambda/avif")["metricFilters"]
        patterns = {metric["filterName"]: metric["filterPattern"] for metric in filters}
        self.assertEqual(
            patterns,
            {"rejected": '{ $.report.outcome = "rejected" }', "rejected-records": '{ $.record.outcome = "rejected" }'},
        )
        [alarm] = self.cloudwatch.describe_alarms(AlarmNames=["avif-rejected"])["MetricAlarms"]
        self.assertEqual((alarm["MetricName"], alarm["Namespace"], alarm["Threshold"]), ("RejectedRecords", "avif", 0))
        read(TELEMETRY, "Metrics")
        json.loads(self.cloudwatch.get_dashboard(DashboardName="my-function")["DashboardBody"])

        # Lambda cannot change a function from an image to a zip package.
        self.functions.delete_function(FunctionName="avif")
        read(DEPLOY, "Zip package and extension layer")
        self.functions.create_alias(FunctionName="avif", Name="live", FunctionVersion="$LATEST")
        read(UPGRADE, "Zip package or extension layer")
        read(UPGRADE, "Change settings")
        for page, heading, version in [(UPGRADE, "Roll back", "1"), (DEPLOY, "Update and roll back", "2")]:
            read(page, heading, BEFORE=version)
            self.assertEqual(self.functions.get_alias(FunctionName="avif", Name="live")["FunctionVersion"], version)
        read(DEPLOY, "Remove")
        self.assertEqual(self.walk.done, RUN)

    def check_role(self):
        """The role has the statements of docs/iam.md and no others."""
        policy = self.iam.get_role_policy(RoleName="avif", PolicyName="avif")["PolicyDocument"]
        created = named(json.dumps(policy).replace(BUCKET, "photographs"))
        expected = json.loads(json.dumps(documented()).replace("OUTPUTS", "SOURCES"))
        self.assertEqual(json.loads(json.dumps(created)), {sid: expected[sid] for sid in created})
        optional = {"ReadTags", "WriteTags", "WriteCatalog", "DecryptSources", "EncryptOutputs", "TakeFromQueue"} | OTHER_FORMATS
        self.assertEqual(set(expected) - set(created), optional)

    def check_function(self):
        """The alias sends failed events to a queue, which Lambda can also read for a redrive."""
        function = self.functions.get_function_configuration(FunctionName="avif")
        self.assertEqual(function["Role"], f"arn:aws:iam::{ACCOUNT}:role/avif")
        config = self.functions.get_function_event_invoke_config(FunctionName="avif", Qualifier="live")
        self.assertEqual(config["DestinationConfig"]["OnFailure"]["Destination"], FAILURES)
        failures = self.attributes("avif-failures")
        self.assertGreaterEqual(int(failures["VisibilityTimeout"]), function["Timeout"])
        self.assertEqual(failures["MessageRetentionPeriod"], "1209600")
        [group] = self.logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/avif")["logGroups"]
        self.assertEqual(group["retentionInDays"], 30)
        concurrency = self.functions.get_function_concurrency(FunctionName="avif")["ReservedConcurrentExecutions"]
        self.assertEqual(concurrency, evaluate("reserved"))

    def check_rule(self):
        """The rule may invoke the alias, and may send undelivered events to the failure queue."""
        [target] = self.events.list_targets_by_rule(Rule="avif")["Targets"]
        self.assertEqual((target["Arn"], target["DeadLetterConfig"]["Arn"]), (ALIAS, FAILURES))
        rule = self.events.describe_rule(Name="avif")
        self.check_permission("eventbridge", "events.amazonaws.com", rule["Arn"])
        self.check_queue_policy("avif-failures", FAILURES, "events.amazonaws.com", {"ArnEquals": {"aws:SourceArn": rule["Arn"]}})

    def observe_rule(self) -> str:
        """Replaces the function by a queue that receives the events of the rule, because moto's EventBridge does not invoke functions."""
        url = self.sqs.create_queue(QueueName="observer")["QueueUrl"]
        self.events.remove_targets(Rule="avif", Ids=["avif"])
        self.events.put_targets(Rule="avif", Targets=[{"Id": "observer", "Arn": self.attributes("observer")["QueueArn"]}])
        return url

    def check_avif(self, observer: str):
        """The upload sent an event. The function, with its settings, converts this event to an AVIF."""
        [message] = self.messages(observer)
        self.events.remove_targets(Rule="avif", Ids=["observer"])
        self.events.put_targets(Rule="avif", Targets=[{"Id": "avif", "Arn": ALIAS}])
        self.assertEqual(message["detail-type"], "Object Created")
        self.created = message
        self.run_function(message)
        keys = [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        self.assertIn("photo.jpg.avif", keys)
        self.assertEqual(self.s3.get_object(Bucket=BUCKET, Key="photo.jpg.avif")["Body"].read()[4:12], b"ftypavif")

    def check_redrive(self):
        """Lambda reads the failure queue, keeps messages that fail again, and the function converts the failed image."""
        [mapping] = self.functions.list_event_source_mappings()["EventSourceMappings"]
        self.check_mapping(mapping, FAILURES)
        self.s3.delete_object(Bucket=BUCKET, Key="photo.jpg.avif")
        # The format of Lambda (developer guide, "Capturing records of Lambda asynchronous invocations").
        failure = {
            "version": "1.0",
            "timestamp": "2026-01-02T03:04:05.678Z",
            "requestContext": {"requestId": "1", "functionArn": ALIAS, "condition": "RetriesExhausted", "approximateInvokeCount": 3},
            "requestPayload": self.created,
            "responseContext": {"statusCode": 200, "executedVersion": "1", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "1 of 1 failed"},
        }
        record = {"messageId": "1", "body": json.dumps(failure), "eventSource": "aws:sqs", "eventSourceARN": FAILURES}
        self.assertEqual(self.run_function({"Records": [record]}), {"batchItemFailures": []})
        self.s3.head_object(Bucket=BUCKET, Key="photo.jpg.avif")

    def check_queue(self):
        """S3 sends events to the queue and Lambda reads them. After five receives SQS moves a message to the failure queue."""
        condition = {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
        self.check_queue_policy("avif", QUEUE, "s3.amazonaws.com", condition)
        attributes = self.attributes("avif")
        self.assertEqual(json.loads(attributes["RedrivePolicy"]), {"deadLetterTargetArn": FAILURES, "maxReceiveCount": 5})
        self.assertEqual(attributes["VisibilityTimeout"], "360")
        policy = self.iam.get_role_policy(RoleName="avif", PolicyName="take-from-queue")["PolicyDocument"]
        self.assertEqual(named(json.dumps(policy)), {"TakeFromQueue": documented()["TakeFromQueue"]})
        [mapping] = self.functions.list_event_source_mappings()["EventSourceMappings"]
        self.check_mapping(mapping, QUEUE)
        self.check_notifications("QueueConfigurations", "QueueArn", QUEUE)
        # Without this, moto's Lambda would receive the messages.
        self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        self.s3.put_object(Bucket=BUCKET, Key="second.JPG", Body=self.walk.photo.read_bytes())
        [message] = self.messages(self.url("avif"))
        record = {"messageId": "1", "body": json.dumps(message), "eventSource": "aws:sqs", "eventSourceARN": QUEUE}
        self.assertEqual(self.run_function({"Records": [record]}), {"batchItemFailures": []})
        self.s3.head_object(Bucket=BUCKET, Key="second.JPG.avif")

    def check_no_invocation(self):
        """Asserts that no invocation starts."""
        concurrency = self.functions.get_function_concurrency(FunctionName="avif")
        self.assertEqual(concurrency["ReservedConcurrentExecutions"], 0)

    def check_bucket_policy(self):
        """The statement is added to a bucket without a policy, and to one with other statements, and replaces an earlier one."""
        other = {"Sid": "Other", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/secret/*"}
        for number, present in enumerate([None, [other], [other, {"Sid": "ReadVariants"}]]):
            if present is not None:
                policy = {"Version": "2012-10-17", "Statement": present}
                self.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
            statement = {"Sid": "ReadVariants", "Effect": "Allow", "Resource": f"arn:aws:s3:::{BUCKET}/{number}*.avif"}
            Path(self.walk.folder, "statement.json").write_text(json.dumps(statement) + "\n")
            self.walk.read(SERVING, "Allow CloudFront to read the variants")
            written = json.loads(self.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
            self.assertEqual(written, ([other] if present else []) + [statement])
        # The section ran several times.
        del self.walk.done[-2:]
        self.s3.delete_bucket_policy(Bucket=BUCKET)

    def check_stopped(self):
        """Asserts that no invocation starts, and that Lambda receives no messages from the queue."""
        self.check_no_invocation()
        [mapping] = self.functions.list_event_source_mappings()["EventSourceMappings"]
        self.assertIn(mapping["State"], ["Disabling", "Disabled"])

    def check_resumed(self):
        """Asserts that the function has no concurrency limit, and that Lambda receives messages again."""
        self.assertNotIn("ReservedConcurrentExecutions", self.functions.get_function_concurrency(FunctionName="avif"))
        [mapping] = self.functions.list_event_source_mappings()["EventSourceMappings"]
        self.assertIn(mapping["State"], ["Enabling", "Enabled"])

    def check_restored(self):
        """S3 sends an event to the queue when a restore ends."""
        # moto completes one step of a restore at each request.
        for _ in range(2):
            self.s3.head_object(Bucket=BUCKET, Key="photo.jpg")
        self.assertIn("ObjectRestore:Completed", [message["Records"][0]["eventName"] for message in self.messages(self.url("avif"))])

    def check_mapping(self, mapping: dict, queue: str):
        self.assertEqual(mapping["EventSourceArn"], queue)
        self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(mapping["FunctionArn"].split(":")[6], "avif")

    def check_notifications(self, kind: str, arn: str, destination: str):
        """One notification for each suffix of an image in upper and lower case, of every event that the function handles."""
        configuration = self.s3.get_bucket_notification_configuration(Bucket=BUCKET)
        entries = configuration[kind]
        suffixes = {entry["Filter"]["Key"]["FilterRules"][0]["Value"] for entry in entries}
        self.assertEqual(suffixes, {case(suffix) for suffix in SUFFIXES for case in [str.lower, str.upper]})
        self.assertEqual(len(entries), len(suffixes))
        for entry in entries:
            self.assertEqual(entry[arn], destination)
            self.assertEqual(set(entry["Events"]), NOTIFICATIONS)

    def check_permission(self, sid: str, service: str, source: str, account: str | None = None):
        policy = json.loads(self.functions.get_policy(FunctionName="avif", Qualifier="live")["Policy"])
        [statement] = [statement for statement in policy["Statement"] if statement["Sid"] == sid]
        self.assertEqual((statement["Principal"], statement["Resource"]), ({"Service": service}, ALIAS))
        self.assertIn(source, json.dumps(statement["Condition"]))
        self.assertEqual(account is not None, "SourceAccount" in json.dumps(statement["Condition"]))

    def check_queue_policy(self, name: str, arn: str, service: str, condition: dict):
        policy = json.loads(self.attributes(name)["Policy"])
        self.assertEqual(policy["Statement"][0], https_only(arn))
        [_, (effect, actions, resource, on)] = statements(policy).values()
        self.assertEqual((effect, actions, resource, on), ("Allow", ["sqs:SendMessage"], arn, condition))
        self.assertIn(f'"{service}"', self.attributes(name)["Policy"])

    def run_function(self, event: dict):
        """Runs the real function with the settings of the function that the reader created."""
        settings = self.functions.get_function_configuration(FunctionName="avif")["Environment"]["Variables"]
        environment = {
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_S3": self.walk.account.endpoint,
            "AWS_LAMBDA_FUNCTION_NAME": "avif",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        }
        return invoke(event, environment | settings)

    def url(self, queue: str) -> str:
        return self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]

    def attributes(self, queue: str) -> dict:
        return self.sqs.get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=["All"])["Attributes"]

    def messages(self, url: str) -> list:
        received = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in received]
