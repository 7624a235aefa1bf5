"""The steps of the test: uploads, variants, a change of settings, a rollback, a deletion, a failure and its redrive."""

import json
from collections.abc import Callable

from botocore.exceptions import ClientError

from .deployment import DENIED, Deployment
from .log import Log, read_log
from .progress import Failure, Step

# S3 and EventBridge encode keys in different ways, so these keys contain characters that are often encoded wrongly.
KEYS = [
    "photo.jpg",
    "with space.jpg",
    "with+plus.jpg",
    "写真/富士山.jpg",
    "50%.jpg",
    "a%20b.jpg",
    "a&b=c?d.jpg",
    "it's (one).jpg",
    "folder/UPPER.JPG",
    "no suffix",
]
DENIED_KEY = f"{DENIED}photo.jpg"
# Different from the default, so that CloudFormation publishes a second version.
CHANGED = {"Quality": "visual:70"}
# Seconds to wait before an image is uploaded again. Its event may be lost, or another version of the function may process it.
REPEAT = 20
REMEDY = "find the reason in the function's log, and look it up in docs/operations.md, section Outcomes"


class Images:
    """Uploads the photo, and reads its variants."""

    def __init__(self, deployment: Deployment, photo: bytes):
        self.deployment, self.photo = deployment, photo

    def upload(self, key: str):
        self.deployment.s3.put_object(Bucket=self.deployment.name, Key=key, Body=self.photo, ContentType="image/jpeg")

    def read_recipe(self, key: str) -> str | None:
        """The fingerprint of the settings in the metadata of a variant; None if there is no variant."""
        try:
            head = self.deployment.s3.head_object(Bucket=self.deployment.name, Key=f"{key}.avif")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return head["Metadata"]["avif-recipe"]

    def convert(self, step: Step, key: str, accept: Callable[[str], bool]) -> str:
        """Uploads an image until its variant has an accepted fingerprint, and returns this fingerprint."""
        uploaded_at = None

        def poll() -> str | None:
            nonlocal uploaded_at
            if uploaded_at is None or step.seconds() - uploaded_at > REPEAT:
                self.upload(key)
                uploaded_at = step.seconds()
            recipe = self.read_recipe(key)
            return recipe if recipe is not None and accept(recipe) else None

        return step.wait(poll, lambda: f"s3://{self.deployment.name}/{key} has no variant with the expected settings", REMEDY)

    def check_avif(self, key: str) -> int:
        """Downloads the variant, checks that it is an AVIF, and returns its size."""
        variant = self.deployment.s3.get_object(Bucket=self.deployment.name, Key=f"{key}.avif")
        body = variant["Body"].read()
        size = int.from_bytes(body[:4], "big")
        if body[4:8] != b"ftyp" or b"avif" not in [body[at : at + 4] for at in range(8, size, 4)] or variant["ContentType"] != "image/avif":
            raise Failure(f"s3://{self.deployment.name}/{key}.avif ({variant['ContentType']}) is not an AVIF; it begins with {body[:32]!r}")
        return len(body)


def convert_first_image(step: Step, images: Images) -> str:
    """The first image shows that S3 sends events. S3 sends no events for earlier uploads, so this step repeats the upload."""
    recipe = images.convert(step, "first.jpg", lambda _: True)
    step.result = f"first.jpg.avif, fingerprint {recipe}"
    return recipe


def convert_images(step: Step, images: Images):
    for key in KEYS:
        images.upload(key)
    missing = set(KEYS)

    def poll() -> bool | None:
        missing.difference_update([key for key in missing if images.read_recipe(key)])
        step.show(f"{len(KEYS) - len(missing)} of {len(KEYS)} variants")
        return None if missing else True

    step.wait(poll, lambda: f"no variant of {', '.join(f's3://{images.deployment.name}/{key}' for key in sorted(missing))}", REMEDY)
    sizes = [images.check_avif(key) for key in KEYS]
    step.result = f"{len(sizes)} AVIF files of at most {max(sizes):,} bytes; the photo has {len(images.photo):,} bytes"


def fail_conversion(step: Step, images: Images):
    """Uploads an image. The bucket policy denies the upload of its variant. Lambda makes three attempts in about three minutes."""
    wait_for_policy(step, images.deployment, denied=True)
    images.upload(DENIED_KEY)
    step.result = f"uploaded {DENIED_KEY}; the bucket policy denies its variant; Lambda makes three attempts"


def change_settings(step: Step, images: Images, parameters: dict[str, str], recipe: str) -> str:
    """Publishes a version with other settings, and returns the previous version."""
    deployment = images.deployment
    before = read_alias(deployment)
    deployment.update_stack(step, parameters | CHANGED)
    after = read_alias(deployment)
    if after == before:
        raise Failure(f"the alias {deployment.name}:live still points to version {before} after a change of settings")
    changed = images.convert(step, "changed.jpg", lambda found: found != recipe)
    step.result = f"version {before} -> {after}; changed.jpg.avif has the fingerprint {changed}"
    return before


def roll_back(step: Step, images: Images, before: str, recipe: str):
    """Moves the alias, as docs/upgrade.md describes, and converts an image with the previous version."""
    deployment = images.deployment
    deployment.functions.update_alias(FunctionName=deployment.name, Name="live", FunctionVersion=before)
    if read_alias(deployment) != before:
        raise Failure(f"the alias {deployment.name}:live does not point to version {before}")
    images.convert(step, "restored.jpg", lambda found: found == recipe)
    step.result = f"version {before}; restored.jpg.avif has the fingerprint {recipe}"


def read_alias(deployment: Deployment) -> str:
    return deployment.functions.get_alias(FunctionName=deployment.name, Name="live")["FunctionVersion"]


def delete_source(step: Step, images: Images):
    deployment, key = images.deployment, KEYS[0]
    deployment.s3.delete_object(Bucket=deployment.name, Key=key)
    step.wait(
        lambda: True if images.read_recipe(key) is None else None,
        lambda: f"s3://{deployment.name}/{key}.avif still exists; its source was deleted",
        REMEDY,
    )
    step.result = f"{key}.avif was deleted after {key}"


def wait_for_failure(step: Step, deployment: Deployment):
    """Waits until the failed event is in the failure queue, and leaves it there."""

    def poll() -> dict | None:
        # With a visibility timeout of 0, the message stays visible for the redrive.
        received = deployment.sqs.receive_message(
            QueueUrl=deployment.outputs["FailuresUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=1
        )
        records = [json.loads(message["Body"]) for message in received.get("Messages", [])]
        return next((record for record in records if DENIED_KEY in json.dumps(record, ensure_ascii=False)), None)

    record = step.wait(
        poll, lambda: f"the event of s3://{deployment.name}/{DENIED_KEY} is not in the queue {deployment.outputs['FailuresUrl']}"
    )
    # An event that EventBridge could not deliver has no `requestContext`.
    attempts = record.get("requestContext", {}).get("approximateInvokeCount", 0)
    step.result = f"in the failure queue after {attempts} attempts"


def redrive(step: Step, images: Images):
    """Removes the bucket policy that caused the failure. Connects the failure queue to the function, as docs/operations.md describes."""
    deployment = images.deployment
    deployment.s3.delete_bucket_policy(Bucket=deployment.name)
    # A message that fails again stays invisible for six minutes, so wait until the policy is removed.
    wait_for_policy(step, deployment, denied=False)
    deployment.connect_failure_queue()
    numbers = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def poll() -> bool | None:
        queue = deployment.sqs.get_queue_attributes(QueueUrl=deployment.outputs["FailuresUrl"], AttributeNames=numbers)["Attributes"]
        return True if images.read_recipe(DENIED_KEY) and not any(int(queue[number]) for number in numbers) else None

    step.wait(
        poll,
        lambda: f"the variant of s3://{deployment.name}/{DENIED_KEY} does not exist, or the failure queue is not empty, after the redrive",
    )
    deployment.remove_newest(step)
    step.result = f"{DENIED_KEY}.avif exists; the failure queue is empty"


def wait_for_policy(step: Step, deployment: Deployment, *, denied: bool):
    """S3 may need some seconds until it applies a bucket policy. The policy also applies to the credentials of this program."""

    def poll() -> bool | None:
        try:
            deployment.s3.put_object(Bucket=deployment.name, Key=f"{DENIED}probe.avif", Body=b"")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            return True if denied else None
        return None if denied else True

    step.wait(poll, lambda: f"s3://{deployment.name}/{DENIED}probe.avif is {'not denied' if denied else 'still denied'}")


def wait_for_log(step: Step, deployment: Deployment) -> Log:
    """CloudWatch receives log lines some seconds after the invocation."""

    def poll() -> Log | None:
        log = read_log(deployment)
        return log if {*KEYS, DENIED_KEY} <= {conversion.key for conversion in log.conversions} else None

    log = step.wait(poll, lambda: f"the log group /aws/lambda/{deployment.name} does not contain the reports of all images")
    step.result = f"{len(log.lines)} lines, {len(log.invocations)} invocations"
    return log
