"""Tests the container image in a real AWS account, and removes the bucket and the stack that it created.

Pushes the image in $AVIF_IMAGE to REPOSITORY. Creates a bucket and a stack of deploy/sam/template.yaml. Uploads ten images,
and checks their variants. Then it checks a change of settings, a rollback, the deletion of a source, and the redrive of a
failed event. At the end it removes the stack and the bucket, even after a failure or Ctrl+C, and prints times and cost.
The image stays in REPOSITORY, because a deployment may already use it.
"""

import argparse
import os
import secrets
import signal
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from . import steps
from .account import Account, check_repository, find_account, push_image, read_architecture
from .deployment import Deployment
from .log import format_last_lines
from .progress import Failure, Step, say
from .report import Run, format_cost, format_lines, format_times

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PLAN = """\
account {account.number}, region {account.region}, architecture {architecture}

This test pushes the image to {repository}, and creates
  the bucket  {name}
  the stack   {name}, with a function, a role, a queue, a rule and a log group
It takes about ten minutes and costs about one cent. At the end it removes the bucket and the stack.
If this program is killed, remove them with these commands:
  aws cloudformation delete-stack --stack-name {name}
  aws s3 rb --force s3://{name}
The last command does not delete old versions. If the bucket has versioning, first empty it in the S3 console.
"""
STAYS = """
These stay:
  the image {image}, because a deployment may already use it
    to delete it: aws ecr batch-delete-image --repository-name {repository} --image-ids imageDigest={digest}
  the permission for Lambda to pull the image, if Lambda added it to the repository policy
  the metrics of the function: CloudWatch deletes them after 15 months"""


class Interrupted(BaseException):
    """The program received a signal. It is not a subclass of Exception, because boto3 would catch it and retry the request."""


def main() -> int:
    arguments = parse_arguments()
    try:
        account, architecture = check(arguments)
    except Failure as failure:
        explain(failure)
        return 1
    name = f"avif-smoke-{secrets.token_hex(6)}"
    say(PLAN.format(account=account, architecture=architecture, repository=arguments.repository, name=name))
    if arguments.dry_run:
        say("dry run: nothing was pushed or created")
        return 0
    for number in SIGNALS:
        signal.signal(number, interrupt)
    deployment, image, run = Deployment(account, name), None, None
    try:
        with Step("push", arguments.limit) as running:
            image = running.result = push_image(arguments.repository, account.region)
        run = run_steps(arguments, architecture, deployment, image)
    except (Failure, Interrupted, ClientError, BotoCoreError) as error:
        explain(error)
        if deployment.outputs:
            say(format_last_lines(deployment))
    finally:
        ignore_signals()
        removed = deployment.remove()
        if image is not None:
            repository, _, digest = image.partition("@")
            say(STAYS.format(image=image, repository=repository.partition("/")[2], digest=digest))
    if run is not None:
        say(f"\n{format_times(run)}\n\n{format_cost(run)}\n\nLines for docs/performance.md:\n\n{format_lines(run)}\n")
    say("smoke: passed" if run and removed else "smoke: failed")
    return 0 if run and removed else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m deploy.smoke", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", metavar="REPOSITORY", help="the URI of an ECR repository in the region of the test")
    parser.add_argument("--dry-run", action="store_true", help="check the credentials, the region and the image; create nothing")
    photo = ROOT / "crates/cli/assets/rocket.jpg"
    parser.add_argument("--photo", type=Path, default=photo, help=f"the JPEG file that is converted [default: {photo.relative_to(ROOT)}]")
    parser.add_argument("--limit", type=float, default=600, metavar="SECONDS", help="the time limit of each step [default: %(default)s]")
    return parser.parse_args()


def check(arguments: argparse.Namespace) -> tuple[Account, str]:
    if not arguments.photo.is_file():
        raise Failure(f"cannot read {arguments.photo}: it is not a file")
    if "AVIF_IMAGE" not in os.environ:
        raise Failure("AVIF_IMAGE is not set", "set it to the path of the container image, a Docker archive")
    account = find_account()
    check_repository(arguments.repository, account.region)
    return account, read_architecture(os.environ["AVIF_IMAGE"])


def run_steps(arguments: argparse.Namespace, architecture: str, deployment: Deployment, image: str) -> Run:
    images = steps.Images(deployment, arguments.photo.read_bytes())

    def step(name: str) -> Step:
        return Step(name, arguments.limit)

    # No reserved concurrency: a new account may have a quota of only 10.
    parameters = {"ImageUri": image, "Architecture": architecture, "SourceBucket": deployment.name, "ReservedConcurrency": "-1"}
    with step("create bucket") as running:
        deployment.create_bucket()
        running.result = deployment.name
    with step("create stack") as running:
        deployment.create_stack(running, parameters)
        running.result = deployment.name
    with step("first image") as running:
        recipe = steps.convert_first_image(running, images)
    with step("ten images") as running:
        steps.convert_images(running, images)
    with step("failing image") as running:
        steps.fail_conversion(running, images)
    # Lambda retries the failing image during the next three steps.
    with step("change settings") as running:
        before = steps.change_settings(running, images, parameters, recipe)
    with step("roll back") as running:
        steps.roll_back(running, images, before, recipe)
    with step("delete source") as running:
        steps.delete_source(running, images)
    with step("failed event") as running:
        steps.wait_for_failure(running, deployment)
    with step("redrive") as running:
        steps.redrive(running, images)
    with step("log") as running:
        log = steps.wait_for_log(running, deployment)
    return Run(deployment.region, architecture, log)


def interrupt(number: int, _frame):
    ignore_signals()
    raise Interrupted(f"received {signal.Signals(number).name}; removing the bucket and the stack; further signals are ignored")


def ignore_signals():
    """The removal must not be interrupted."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def explain(error: BaseException):
    say(f"smoke: {error}")
    remedy = getattr(error, "remedy", "")
    # The response to a HEAD request has no error code, only the status.
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403"):
        remedy = "add the permission for the action in this message to your credentials"
    if remedy:
        say(f"  what to do: {remedy}")


if __name__ == "__main__":
    sys.exit(main())
