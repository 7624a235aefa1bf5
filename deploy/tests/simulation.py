"""A simulated AWS account (moto) that also processes the SAM template and runs the real function.

moto does not process SAM templates, create aliases with CloudFormation, invoke functions by EventBridge, or read queues for
functions without Docker. This does these four things, and passes all other requests on to moto.
"""

import io
import json
import tempfile
import threading
import time
import traceback
import urllib.request
from urllib.parse import parse_qs, urlencode

import boto3
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from runtime import call
from sam import REGION, TEMPLATE, translated, version_of, without_alias
from werkzeug.serving import make_server

ACCOUNT = "123456789012"
# The queue that receives the events of the rule. Simulation.run sends them to the function.
OBSERVER = "observer"
DENIAL = """<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::{account}:user/test
is not authorized to perform: cloudformation:{action}</Message></Error></ErrorResponse>"""


class QuietHandler(MotoRequestHandler):
    def log(self, *_):
        """Does not log requests."""


class Simulation:
    """`denied` are actions of CloudFormation that the account denies. `close` stops the simulation."""

    def __init__(self):
        self.moto, self.cloudformation = DomainDispatcherApplication(create_backend_app), get_backend("cloudformation")[ACCOUNT][REGION]
        self.denied, self.running = set(), True
        # The logical names of the versions that are published. They contain a hash of the parameters.
        self.versions = set()
        # Whether the function receives events, and what to do before the response to an upload.
        self.delivers, self.on_upload = True, None
        self.server = make_server("127.0.0.1", 0, self.respond, threaded=True, request_handler=QuietHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        # Without this, moto's Lambda needs Docker.
        body = json.dumps({"lambda": {"use_docker": False}}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/moto-api/config", body, {"Content-Type": "application/json"}))
        names = ["s3", "sqs", "lambda", "logs", "cloudformation", "events", "iam"]
        self.s3, self.sqs, self.functions, self.logs, self.stacks, self.events, self.iam = (self.client(name) for name in names)
        self.observer = self.sqs.create_queue(QueueName=OBSERVER)["QueueUrl"]
        self.worker = threading.Thread(target=self.run, daemon=True)
        self.worker.start()

    def client(self, service: str):
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, aws_access_key_id="test", aws_secret_access_key="test")

    def close(self):
        self.running = False
        self.worker.join()
        self.server.shutdown()

    def respond(self, environ: dict, start_response):
        """A WSGI application between the client and moto."""
        if self.on_upload is not None and environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].endswith(".jpg"):
            self.on_upload()
        if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
            form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
            if form["Action"] in self.denied:
                start_response("403 Forbidden", [("Content-Type", "text/xml")])
                return [DENIAL.format(account=ACCOUNT, action=form["Action"]).encode()]
            if form["Action"] == "CreateChangeSet":
                form |= {"TemplateBody": json.dumps(self.process(form))}
            body = urlencode(form).encode()
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            response = list(self.moto(environ, start_response))
            if form["Action"] == "ExecuteChangeSet":
                self.compute_outputs(form["StackName"])
                self.move_alias(form["StackName"])
            return response
        return self.moto(environ, start_response)

    def process(self, form: dict) -> dict:
        """The template as CloudFormation processes it; its rule sends events to the observer."""
        assert form["TemplateBody"] == TEMPLATE.read_text(), "the stack has another template"
        keys = [name for name in form if name.startswith("Parameters.member.") and name.endswith(".ParameterKey")]
        parameters = {form[key]: form[key.replace("ParameterKey", "ParameterValue")] for key in keys}
        body = translated(**parameters)
        self.version = version_of(body)
        body = without_alias(body)
        arn = self.sqs.get_queue_attributes(QueueUrl=self.observer, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        body["Resources"]["Rule"]["Properties"]["Targets"] = [{"Id": "observer", "Arn": arn}]
        return body

    def compute_outputs(self, name: str):
        """moto computes the outputs of a stack before it executes the change set."""
        stack = self.cloudformation.get_stack(name)
        stack._parse_template()
        stack.output_map = stack._create_output_map()

    def move_alias(self, function: str):
        """Publishes a version and moves the alias to it, if the template has a new logical name for the version."""
        if self.version in self.versions:
            return
        self.versions.add(self.version)
        version = self.functions.publish_version(FunctionName=function)["Version"]
        names = [alias["Name"] for alias in self.functions.list_aliases(FunctionName=function)["Aliases"]]
        change = self.functions.update_alias if "live" in names else self.functions.create_alias
        change(FunctionName=function, Name="live", FunctionVersion=version)

    def run(self):
        """Sends the events of the rule and the messages of event source mappings to the function."""
        while self.running:
            try:
                if self.delivers:
                    self.deliver_events()
                    self.deliver_messages()
            except Exception:
                # The account changes at the same time: the stack may be deleted between two requests.
                traceback.print_exc()
            time.sleep(0.05)

    def deliver_events(self):
        for message in self.receive(self.observer):
            self.sqs.delete_message(QueueUrl=self.observer, ReceiptHandle=message["ReceiptHandle"])
            for function in self.functions.list_functions()["Functions"]:
                self.invoke_asynchronously(function["FunctionName"], json.loads(message["Body"]))

    def invoke_asynchronously(self, function: str, event: dict):
        """Three attempts, then an invocation record in the failure queue."""
        for _ in range(3):
            kind, response = self.invoke(function, event)
            if kind == "response":
                return
        record = {
            "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
            "requestPayload": event,
            "responsePayload": response,
        }
        self.sqs.send_message(QueueUrl=self.sqs.get_queue_url(QueueName=f"{function}-failures")["QueueUrl"], MessageBody=json.dumps(record))

    def deliver_messages(self):
        for mapping in self.functions.list_event_source_mappings()["EventSourceMappings"]:
            queue = self.sqs.get_queue_url(QueueName=mapping["EventSourceArn"].rpartition(":")[2])["QueueUrl"]
            for message in self.receive(queue) if mapping["State"] == "Enabled" else []:
                record = {
                    "messageId": message["MessageId"],
                    "body": message["Body"],
                    "eventSource": "aws:sqs",
                    "eventSourceARN": mapping["EventSourceArn"],
                }
                if self.invoke(mapping["FunctionArn"].split(":")[6], {"Records": [record]}) == ("response", {"batchItemFailures": []}):
                    self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def receive(self, queue: str) -> list[dict]:
        return self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])

    def invoke(self, function: str, event: dict) -> tuple:
        """Invokes the version of the alias, and writes the function's log and Lambda's report to CloudWatch."""
        version = self.functions.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
        configuration = self.functions.get_function_configuration(FunctionName=function, Qualifier=version)
        environment = {
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_LAMBDA_FUNCTION_VERSION": version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        }
        group, request = f"/aws/lambda/{function}", str(time.monotonic_ns())
        with tempfile.TemporaryFile("w+") as log:
            begin = time.monotonic()
            answer = call(event, environment | configuration["Environment"]["Variables"], request, log)
            milliseconds = round(1000 * (time.monotonic() - begin), 3)
            log.seek(0)
            lines = log.read().splitlines()
        metrics = {
            "durationMs": milliseconds,
            "billedDurationMs": int(milliseconds) + 1,
            "memorySizeMB": configuration["MemorySize"],
            "maxMemoryUsedMB": 100,
        }
        if not self.logs.describe_log_streams(logGroupName=group)["logStreams"]:
            metrics["initDurationMs"] = 200
        lines.append(json.dumps({"type": "platform.report", "record": {"requestId": request, "metrics": metrics, "status": "success"}}))
        self.logs.create_log_stream(logGroupName=group, logStreamName=request)
        self.logs.put_log_events(
            logGroupName=group, logStreamName=request, logEvents=[{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
        )
        return answer

    def contents(self) -> dict[str, list]:
        """Everything in the account, by service, without the observer."""
        listed = {
            "buckets": self.s3.list_buckets()["Buckets"],
            "stacks": self.stacks.describe_stacks()["Stacks"],
            "functions": self.functions.list_functions()["Functions"],
            "mappings": self.functions.list_event_source_mappings()["EventSourceMappings"],
            "queues": [url for url in self.sqs.list_queues().get("QueueUrls", []) if url != self.observer],
            "log groups": self.logs.describe_log_groups()["logGroups"],
            "rules": self.events.list_rules()["Rules"],
            "roles": self.iam.list_roles()["Roles"],
        }
        return {name: content for name, content in listed.items() if content}
