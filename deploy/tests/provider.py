"""A simulated AWS provider for Terraform. It has the schema of the real provider, and does not contact AWS.

A resource gets the attributes of its configuration. `computed_state` sets the attributes that AWS would compute. `schema.json`
lists the attributes whose change replaces a resource, and the computed attributes that change with each update. So plans come
from Terraform itself, with its validation and its dependency graph.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import msgpack

# The format of `terraform providers schema -json`. It contains the resources, arguments and blocks that the module can use, and
# which arguments replace a resource by the documentation of the provider. The file names the release of the provider.
SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text())
# The attributes that can contain the name of a resource, in the order of preference.
NAMES = [
    "name",
    "function_name",
    "bucket",
    "alarm_name",
    "dashboard_name",
    "repository",
    "rule",
    "queue_url",
    "topic_arn",
    "event_source_arn",
    "role",
]
# The encoding of a value that is known only after the apply.
UNKNOWN = msgpack.ExtType(0, b"\0")
ACCOUNT, REGION = "123456789012", "eu-central-1"


# Protocol buffers: plugins need only numbers and length-delimited fields.
def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value) if value else b""


def text(field: int, value: bytes | str) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def fields(message: bytes) -> dict:
    """Returns the fields of a message by number. If a field is repeated, its last value is used."""
    found, at = {}, 0

    def read() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        tag = read()
        value = read()
        if tag & 7 == 2:
            value, at = message[at : at + value], at + value
        found[tag >> 3] = value
    return found


# The encoding of a schema, as in tfplugin6.proto.
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


def encoded_schema(schema: dict) -> bytes:
    return text(2, encoded_block(schema["block"]))


def encoded_block(block: dict) -> bytes:
    attributes = b"".join(text(2, encoded_attribute(name, attribute)) for name, attribute in block["attributes"].items())
    return attributes + b"".join(text(3, encoded_nested(name, nested)) for name, nested in block.get("block_types", {}).items())


def encoded_attribute(name: str, attribute: dict) -> bytes:
    flags = b"".join(number(field, attribute.get(flag, False)) for field, flag in [(4, "required"), (5, "optional"), (6, "computed")])
    return text(1, name) + text(2, json.dumps(attribute["type"])) + flags


def encoded_nested(name: str, nested: dict) -> bytes:
    items = number(4, nested.get("min_items", 0)) + number(5, nested.get("max_items", 0))
    return text(1, name) + text(2, encoded_block(nested["block"])) + number(3, NESTING[nested["nesting_mode"]]) + items


def dynamic(value) -> bytes:
    return text(1, msgpack.packb(value))


def value_of(message: bytes):
    return msgpack.unpackb(fields(message)[1], ext_hook=lambda code, data: UNKNOWN, strict_map_key=False)


def unset(block: dict) -> dict:
    """Returns a block in which all attributes and nested blocks are unset."""
    nested = {name: None if kind["nesting_mode"] == "single" else [] for name, kind in block.get("block_types", {}).items()}
    return dict.fromkeys(block["attributes"]) | nested


def computed(kind: str) -> dict:
    """The computed attributes of a resource, with their types."""
    attributes = SCHEMA["resource_schemas"][kind]["block"]["attributes"]
    return {name: attribute["type"] for name, attribute in attributes.items() if attribute.get("computed")}


def computed_state(kind: str, state: dict, before: dict | None, partition: str) -> dict:
    """The state of a resource after AWS created or changed it."""
    name = next((state[key] for key in NAMES if isinstance(state.get(key), str)), "this")
    computed_values = {
        attribute: {"string": f"{attribute}-of-{kind}-{name}", "number": 0, "bool": False}[of] for attribute, of in computed(kind).items()
    }
    computed_values |= {"arn": f"arn:{partition}:{kind}:{REGION}:{ACCOUNT}:{name}"}
    if kind == "aws_lambda_function":
        computed_values["version"] = str(int(before["version"]) + 1 if before else 1)
    return {attribute: computed_values[attribute] if value == UNKNOWN else value for attribute, value in state.items()}


class Provider(grpc.GenericRpcHandler):
    """The provider, as a server on this machine. `close` stops it."""

    def __init__(self, partition: str = "aws"):
        self.partition = partition
        # The resource type and the action, in the order of the actions.
        self.done = []
        self.server = grpc.server(ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers([self])
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def reattach(self) -> dict:
        """The environment variables that make Terraform use this provider."""
        address = {"Network": "tcp", "String": f"127.0.0.1:{self.port}"}
        plugin = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": 1, "Test": True, "Addr": address}
        return {"TF_REATTACH_PROVIDERS": json.dumps({"hashicorp/aws": plugin})}

    def close(self):
        self.server.stop(None)

    def service(self, call):
        method = getattr(self, call.method.rpartition("/")[2], None)
        return method and grpc.unary_unary_rpc_method_handler(lambda request, _: method(fields(request)))

    def GetProviderSchema(self, _):
        of = [(2, "resource_schemas"), (3, "data_source_schemas")]
        entries = [
            text(field, text(1, name) + text(2, encoded_schema(schema))) for field, key in of for name, schema in SCHEMA[key].items()
        ]
        return text(1, encoded_schema(SCHEMA["provider"])) + b"".join(entries) + text(6, number(1, 1))

    def ValidateProviderConfig(self, _):
        return b""

    ValidateResourceConfig = ValidateDataResourceConfig = ConfigureProvider = GetResourceIdentitySchemas = ValidateProviderConfig

    def UpgradeResourceState(self, request):
        kind = request[1].decode()
        state = json.loads(fields(request[3])[1])
        return text(1, dynamic(unset(SCHEMA["resource_schemas"][kind]["block"]) | state))

    def ReadResource(self, request):
        return text(1, request[2])

    def ReadDataSource(self, request):
        state = value_of(request[2])
        values = {"account_id": ACCOUNT, "partition": self.partition, "dns_suffix": f"amazonaws.of.{self.partition}", "region": REGION}
        return text(1, dynamic(state | {name: value for name, value in values.items() if name in state}))

    def PlanResourceChange(self, request):
        kind, before, planned = request[1].decode(), value_of(request[2]), value_of(request[3])
        if planned is None:
            return text(1, dynamic(None))
        forcing = [name for name in SCHEMA["replaced_by"][kind] if before and planned[name] != before[name]]
        if before is None or forcing:
            planned |= {name: UNKNOWN for name in computed(kind) if planned[name] is None or before}
        elif planned != before:
            planned |= dict.fromkeys(SCHEMA["changes_on_update"].get(kind, []), UNKNOWN)
        replace = b"".join(text(2, text(1, text(1, name))) for name in forcing)
        return text(1, dynamic(planned)) + replace

    def ApplyResourceChange(self, request):
        kind, before, planned = request[1].decode(), value_of(request[2]), value_of(request[3])
        self.done.append((kind, "create" if before is None else "update" if planned else "delete"))
        return text(1, dynamic(planned and computed_state(kind, planned, before, self.partition)))
