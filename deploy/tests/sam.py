"""The SAM template as CloudFormation processes it: translated by SAM's translator, deployed to moto."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
from terraform import IMAGE, ROOT

TEMPLATE = ROOT / "deploy/sam/template.yaml"
REGION = "eu-central-1"
# SAM's translator requires a region.
os.environ["AWS_DEFAULT_REGION"] = REGION


class NoManagedPolicies:
    """Replaces the part of SAM that reads managed policies from the account. The template uses no managed policies."""

    def load(self):
        return {}


def template() -> dict:
    return yaml_parse(TEMPLATE.read_text())


def translated(**parameters) -> dict:
    """The template with these parameters, translated by SAM."""
    source = template()
    values = {name: parameter["Default"] for name, parameter in source["Parameters"].items() if "Default" in parameter}
    values |= {"ImageUri": IMAGE, "SourceBucket": "photographs", "AWS::Region": REGION} | parameters
    return transform(source, values, NoManagedPolicies())


class Account:
    """A simulated AWS account (moto) on this machine. `close` stops it."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.server = subprocess.Popen(
            [Path(sys.executable).with_name("moto_server"), "--host", "127.0.0.1", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.endpoint = f"http://127.0.0.1:{port}"
        stacks = self.client("cloudformation")
        for _ in range(200):
            try:
                stacks.list_stacks()
                return
            except EndpointConnectionError:
                time.sleep(0.1)
        raise RuntimeError("moto did not start")

    def client(self, service: str):
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, aws_access_key_id="test", aws_secret_access_key="test")

    def close(self):
        self.server.kill()
        self.server.wait()


def deploy(account: Account, stack: str, **parameters):
    """Creates or updates the stack, as `sam deploy` does."""
    stacks = account.client("cloudformation")
    given = {"ImageUri": IMAGE, "SourceBucket": "photographs"} | parameters
    order = {
        "StackName": stack,
        "TemplateBody": json.dumps(without_alias(translated(**parameters))),
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    try:
        stacks.describe_stacks(StackName=stack)
    except ClientError:
        stacks.create_stack(**order)
    else:
        stacks.update_stack(**order)


def without_alias(body: dict) -> dict:
    """Replaces the alias by the function, and removes the function URL: moto's CloudFormation creates neither of them."""
    del body["Resources"]["FunctionAliaslive"], body["Resources"]["Url"], body["Outputs"]["FunctionUrl"]
    for resource in body["Resources"].values():
        if resource.get("DependsOn") == "FunctionAliaslive":
            resource["DependsOn"] = "Function"
    arn = json.dumps({"Fn::Sub": "${Function.Arn}"})
    return json.loads(json.dumps(body).replace('{"Ref": "FunctionAliaslive"}', arn))


def version_of(stack_template: dict) -> str:
    """The logical name of the version that the alias points to. A different name means a different version."""
    alias = stack_template["Resources"]["FunctionAliaslive"]["Properties"]["FunctionVersion"]
    [name] = re.findall(r"FunctionVersion\w+", json.dumps(alias))
    return name
