"""Creates and removes the resources of one run: a bucket, and a stack with the same name that contains all other resources."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from .account import Account
from .progress import Failure, Step, say

TEMPLATE = Path(__file__).resolve().parents[1] / "sam/template.yaml"
# The bucket policy denies all writes of outputs with this prefix, so that conversions fail.
DENIED = "denied/"
# CloudFormation deletes such a stack in one to three minutes.
REMOVAL_LIMIT = 900


@dataclass(frozen=True)
class Removal:
    """Deletes a resource. `command` is the AWS CLI command that does the same."""

    resource: str
    delete: Callable[[Step], None]
    command: str


class Deployment:
    """The resources of one run. `remove` deletes them."""

    def __init__(self, account: Account, name: str):
        self.region, self.name = account.region, name
        services = ["s3", "cloudformation", "lambda", "sqs", "logs"]
        self.s3, self.stacks, self.functions, self.sqs, self.logs = (account.session.client(service) for service in services)
        # In the order of creation.
        self.removals: list[Removal] = []
        # The outputs of the stack.
        self.outputs: dict[str, str] = {}

    def create_bucket(self):
        """Creates a bucket that sends events to EventBridge. S3 starts to send them after about five minutes."""
        # S3 rejects us-east-1 as a LocationConstraint.
        location = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        command = f"aws s3 rb --force s3://{self.name}"
        with self.removed_by(Removal(f"bucket {self.name}", self.delete_bucket, command)):
            self.s3.create_bucket(Bucket=self.name, **location)
        self.s3.put_bucket_notification_configuration(Bucket=self.name, NotificationConfiguration={"EventBridgeConfiguration": {}})
        partition = self.s3.meta.partition
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:{partition}:s3:::{self.name}/{DENIED}*.avif",
        }
        self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    def create_stack(self, step: Step, parameters: dict[str, str]):
        command = f"aws cloudformation delete-stack --stack-name {self.name}"
        with self.removed_by(Removal(f"stack {self.name}", self.delete_stack, command)):
            self.create_change_set("create", "CREATE", parameters)
        self.execute_change_set(step, "create", "CREATE_COMPLETE")

    def update_stack(self, step: Step, parameters: dict[str, str]):
        self.create_change_set("update", "UPDATE", parameters)
        self.execute_change_set(step, "update", "UPDATE_COMPLETE")

    def create_change_set(self, change_set: str, kind: str, parameters: dict[str, str]):
        self.stacks.create_change_set(
            StackName=self.name,
            ChangeSetName=change_set,
            ChangeSetType=kind,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            # The template creates a role without a name, and contains a transform.
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

    def execute_change_set(self, step: Step, change_set: str, expected: str):
        """Waits for the change set, executes it, and waits until the stack has the expected status."""

        def poll_change_set() -> bool | None:
            state = self.stacks.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            if state["Status"] == "FAILED":
                raise Failure(f"CloudFormation cannot process the template for the stack {self.name}: {state['StatusReason']}")
            return True if state["Status"] == "CREATE_COMPLETE" else None

        step.wait(poll_change_set, lambda: f"the change set of the stack {self.name} is not complete")
        self.stacks.execute_change_set(StackName=self.name, ChangeSetName=change_set)

        def poll_stack() -> dict | None:
            [stack] = self.stacks.describe_stacks(StackName=self.name)["Stacks"]
            status = stack["StackStatus"]
            if "ROLLBACK" in status or "FAILED" in status:
                raise Failure(f"the stack {self.name} is {status}: {self.find_stack_failure()}")
            # UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: all resources have their new state.
            return stack if status.startswith(expected) else None

        stack = step.wait(poll_stack, lambda: f"the stack {self.name} is not {expected}: {self.find_stack_failure()}")
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def connect_failure_queue(self):
        """Creates an event source mapping that sends the failed events to the function again."""
        arn = self.outputs["FailuresArn"]
        find = f"aws lambda list-event-source-mappings --event-source-arn {arn} --query 'EventSourceMappings[].UUID' --output text"
        removal = Removal(
            "event source mapping of the redrive", self.disconnect_failure_queue, f"aws lambda delete-event-source-mapping --uuid $({find})"
        )
        with self.removed_by(removal):
            self.functions.create_event_source_mapping(
                FunctionName=self.outputs["AliasArn"],
                EventSourceArn=arn,
                BatchSize=10,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                ScalingConfig={"MaximumConcurrency": 2},
            )

    def disconnect_failure_queue(self, step: Step):
        """Disables the event source mapping, then deletes it. Lambda rejects both while it still processes a change."""

        def poll() -> bool | None:
            mappings = self.functions.list_event_source_mappings(EventSourceArn=self.outputs["FailuresArn"])["EventSourceMappings"]
            with contextlib.suppress(self.functions.exceptions.ResourceInUseException, self.functions.exceptions.ResourceNotFoundException):
                for mapping in mappings:
                    if mapping["State"] == "Enabled":
                        self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
                    elif mapping["State"] == "Disabled":
                        self.functions.delete_event_source_mapping(UUID=mapping["UUID"])
            return None if mappings else True

        step.wait(poll, lambda: "the event source mapping of the redrive still exists")

    def find_stack_failure(self) -> str:
        """The first resource that failed, and CloudFormation's reason."""
        pages = self.stacks.get_paginator("describe_stack_events").paginate(StackName=self.name)
        failed = [event for page in pages for event in page["StackEvents"] if event.get("ResourceStatus", "").endswith("_FAILED")]
        # Events are listed newest first, so the last one is the first failure.
        return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason')}" if failed else "no resource failed"

    @contextlib.contextmanager
    def removed_by(self, removal: Removal):
        """Registers a removal before the creation, so that an interruption during the creation leaves no resource behind."""
        self.removals.append(removal)
        try:
            yield
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                # AWS rejected the creation, so nothing exists.
                self.removals.remove(removal)
            raise

    def remove_newest(self, step: Step):
        self.removals[-1].delete(step)
        self.removals.pop()

    def remove(self) -> bool:
        """Deletes all resources in reverse order. Returns whether all were deleted. Prints each resource that was not."""
        complete = True
        for removal in reversed(self.removals):
            try:
                with Step("remove", REMOVAL_LIMIT) as step:
                    step.result = removal.resource
                    removal.delete(step)
            except (Failure, ClientError, BotoCoreError) as error:
                complete = False
                say(f"smoke: cannot remove the {removal.resource}: {error}\n  to remove it: {removal.command}")
        return complete

    def delete_stack(self, step: Step):
        """CloudFormation may reject the deletion of a stack during an update, so this waits for the end of the update."""
        requested = False

        def poll() -> bool | None:
            nonlocal requested
            status = self.read_stack_status()
            if status is None:
                return True
            if requested and status == "DELETE_FAILED":
                raise Failure(f"DELETE_FAILED: {self.find_stack_failure()}")
            if not requested and not ("UPDATE" in status and status.endswith("_IN_PROGRESS")):
                self.stacks.delete_stack(StackName=self.name)
                requested = True
            return None

        step.wait(poll, lambda: f"the stack {self.name} still exists")

    def read_stack_status(self) -> str | None:
        """The status of the stack; None if it does not exist."""
        try:
            [stack] = self.stacks.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stack["StackStatus"]

    def delete_bucket(self, step: Step):
        """Deletes the objects and the bucket. Repeats both deletions, because the last invocation may still write a variant."""

        def poll() -> bool | None:
            try:
                self.delete_objects()
                self.s3.delete_bucket(Bucket=self.name)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in ("NoSuchBucket", "BucketNotEmpty"):
                    raise
                return None if code == "BucketNotEmpty" else True
            return True

        step.wait(poll, lambda: f"the bucket {self.name} still contains objects")

    def delete_objects(self):
        """Deletes all objects, including all versions, because account rules can turn on versioning."""
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name):
            versions = page.get("Versions", []) + page.get("DeleteMarkers", [])
            objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
            if objects:
                errors = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
                if errors:
                    raise Failure(f"cannot delete s3://{self.name}/{errors[0]['Key']}: {errors[0]['Message']}")
