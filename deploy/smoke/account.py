"""Checks what the test needs before it creates anything: credentials, region, repository and image."""

import os
import re
import subprocess
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from .progress import Failure

REPOSITORY = re.compile(r"[0-9]{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.]+/[a-z0-9][a-z0-9._/-]*")


@dataclass(frozen=True)
class Account:
    """The AWS account and the region of the test."""

    number: str
    region: str
    session: boto3.Session


def find_account() -> Account:
    try:
        # boto3 does not read AWS_REGION.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        if session.region_name is None:
            raise Failure("no AWS region is configured", "export AWS_REGION=REGION, with the region of REPOSITORY")
        return Account(session.client("sts").get_caller_identity()["Account"], session.region_name, session)
    except (BotoCoreError, ClientError) as error:
        remedy = 'configure credentials; if the AWS CLI is already logged in, run: eval "$(aws configure export-credentials --format env)"'
        raise Failure(f"cannot use AWS credentials: {error}", remedy) from error


def check_repository(repository: str, region: str):
    match = REPOSITORY.fullmatch(repository)
    if match is None:
        raise Failure(
            f"REPOSITORY is {repository!r}, but Lambda runs only images from ECR",
            "pass ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME; to create it: aws ecr create-repository --repository-name NAME",
        )
    if match["region"] != region:
        remedy = f"export AWS_REGION={match['region']}, or pass a repository in {region}"
        raise Failure(f"{repository} is in {match['region']}, but the test runs in {region}; Lambda needs both in one region", remedy)


def read_architecture(image: str) -> str:
    """The CPU architecture of a Docker archive, as Lambda calls it."""
    inspected = run(["skopeo", "inspect", "--format", "{{.Architecture}}", f"docker-archive:{image}"], f"cannot read the image {image}")
    return inspected.replace("amd64", "x86_64")


def push_image(repository: str, region: str) -> str:
    """Pushes the image in $AVIF_IMAGE, and returns REPOSITORY@DIGEST."""
    remedy = f"if the repository does not exist: aws ecr create-repository --repository-name {repository.partition('/')[2]}"
    return run(["push", repository], f"cannot push to {repository}", remedy, {"AWS_REGION": region, "AWS_DEFAULT_REGION": region})


def run(command: list[str], failure: str, remedy: str = "", variables: dict | None = None) -> str:
    """Runs a program and returns its stdout. The failure message contains its stderr."""
    try:
        result = subprocess.run(command, env=os.environ | (variables or {}), capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Failure(f"{failure}: the program {command[0]} is not installed", "run this program with make smoke") from error
    if result.returncode != 0:
        raise Failure(f"{failure}: {result.stderr.strip()}", remedy)
    return result.stdout.strip()
