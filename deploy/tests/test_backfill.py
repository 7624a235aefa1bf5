"""The request with which `avif backfill` creates a job, checked with the service's model. No local server simulates S3 Batch Operations.

A test of the crate backfill compares create-job.xml with the request.
"""

import unittest
import xml.etree.ElementTree as ElementTree

import botocore.session
from botocore.model import ListShape, Shape, StringShape, StructureShape
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from terraform import ROOT

SENT = (ROOT / "crates/backfill/tests/it/create-job.xml").read_text().strip()
SERVICE = botocore.session.get_session().get_service_model("s3control")
CREATE = SERVICE.operation_model("CreateJob")
ACCOUNT = {"AccountId": "123456789012"}


def tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def read(element: ElementTree.Element, shape: Shape):
    """The value of an element by the model. An element that the model does not know is an error."""
    if isinstance(shape, StructureShape):
        members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        return {members[tag(child)][0]: read(child, members[tag(child)][1]) for child in element}
    if isinstance(shape, ListShape):
        assert {tag(child) for child in element} <= {shape.member.serialization.get("name", "member")}
        return [read(child, shape.member) for child in element]
    if isinstance(shape, StringShape) and shape.enum:
        assert element.text in shape.enum, element.text
    return {"boolean": lambda text: {"true": True, "false": False}[text], "integer": int}.get(shape.type_name, str)(element.text)


def canonical(text: str | bytes) -> str:
    """The XML with the elements of each structure in alphabetical order."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        element[:] = sorted(element, key=tag)
    return ElementTree.canonicalize(ElementTree.tostring(root))


class Job(unittest.TestCase):
    def test_request_is_valid_for_the_service(self):
        parameters = ACCOUNT | read(ElementTree.fromstring(SENT), CREATE.input_shape)
        errors = ParamValidator().validate(parameters, CREATE.input_shape)
        self.assertFalse(errors.has_errors(), errors.generate_report())

    def test_request_equals_that_of_botocore(self):
        parameters = ACCOUNT | read(ElementTree.fromstring(SENT), CREATE.input_shape)
        request = create_serializer(SERVICE.metadata["protocol"]).serialize_to_request(parameters, CREATE)
        self.assertEqual((request["method"], request["url_path"]), ("POST", "/v20180820/jobs"))
        self.assertEqual(request["headers"]["x-amz-account-id"], ACCOUNT["AccountId"])
        self.assertEqual(canonical(request["body"]), canonical(SENT))
