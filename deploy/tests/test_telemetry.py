"""The extension in the deployment: its settings are those of docs/telemetry.md, its metrics those of the dashboard."""

import json
import re
import unittest

from sam import TEMPLATE, template
from samtranslator.yaml_helper import yaml_parse
from terraform import MODULE, ROOT, Refused, evaluate

# The one setting that holds a secret, which the module and the template take by themselves.
HEADERS = "otel_exporter_otlp_headers"
# Each setting with a value that is not its default.
EXAMPLES = {
    "telemetry_emf": False,
    "telemetry_namespace": "photographs/avif",
    "telemetry_file": "/tmp/telemetry.ndjson",
    "otel_exporter_otlp_endpoint": "https://otel.example:4318",
    "otel_exporter_otlp_headers": "authorization=Basic%20YQ==,x-team=a",
    "otel_exporter_otlp_timeout": 500,
    "otel_exporter_otlp_compression": "gzip",
    "otel_exporter_otlp_protocol": "http/protobuf",
    "otel_metrics_exporter": "none",
    "otel_traces_exporter": "none",
    "otel_logs_exporter": "none",
    "otel_sdk_disabled": True,
    "otel_service_name": "photographs",
    "otel_resource_attributes": "deployment.environment.name=production,team=a",
}


# The same as the module takes them.
GIVEN = {"telemetry": {name: value for name, value in EXAMPLES.items() if name != HEADERS}, "telemetry_headers": EXAMPLES[HEADERS]}


def text(value) -> str:
    """A value as an environment has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def extension_settings() -> set:
    """The table of docs/telemetry.md, which a test of the extension's holds to what it reads, without what Lambda sets."""
    page = (ROOT / "docs/telemetry.md").read_text()
    return {name.lower() for name in re.findall(r"^\| `((?:TELEMETRY|OTEL)_[A-Z_]+)`", page, re.MULTILINE)}


def documented_dashboard(namespace: str) -> list:
    """The graphs of docs/dashboard.json, of a function of the module's name."""
    text = (ROOT / "docs/dashboard.json").read_text()
    for word, own in {"FUNCTION": "avif", "REGION": "eu-central-1", "avif-lambda": namespace}.items():
        text = text.replace(json.dumps(word), json.dumps(own))
    return json.loads(text)["widgets"]


class Settings(unittest.TestCase):
    def test_the_module_has_every_setting_of_the_extension_and_no_other(self):
        declared = re.findall(r"^    ([a-z_]+) += optional\(", (MODULE / "telemetry.tf").read_text(), re.MULTILINE)
        self.assertEqual(set(declared), extension_settings() - {HEADERS})

    def test_every_setting_reaches_the_extension_by_its_own_name(self):
        self.assertEqual(set(EXAMPLES), extension_settings())
        written = {name.upper(): text(value) for name, value in EXAMPLES.items()}
        self.assertEqual(evaluate("environment", **GIVEN), written)
        self.assertEqual(evaluate("environment", **GIVEN, settings={"speed": 4}), written | {"AVIF_SPEED": "4"})

    def test_what_the_extension_would_pass_over_is_refused_in_the_plan(self):
        for telemetry in [
            {
                "telemetry_namespace": "a b",
                "telemetry_file": "telemetry.ndjson",
                "otel_exporter_otlp_endpoint": "collector:4318",
                "otel_exporter_otlp_timeout": 0,
                "otel_exporter_otlp_compression": "zstd",
                "otel_exporter_otlp_protocol": "grpc",
                "otel_metrics_exporter": "prometheus",
                "otel_traces_exporter": "zipkin",
                "otel_logs_exporter": "console",
                "otel_resource_attributes": "production",
            },
            {"otel_exporter_otlp_timeout": 1.5, "telemetry_file": "/var/telemetry"},
        ]:
            with self.subTest(**telemetry):
                with self.assertRaises(Refused) as refused:
                    evaluate("environment", telemetry=telemetry)
                told = [re.match(r"telemetry\.([a-z_]+)", detail)[1] for detail in refused.exception.of["telemetry"]]
                self.assertEqual(sorted(told), sorted(telemetry))
        with self.assertRaises(Refused) as refused:
            evaluate("environment", telemetry_headers="token-of-somebody")
        self.assertEqual(set(refused.exception.of), {"telemetry_headers"})
        self.assertNotIn("token-of-somebody", str(refused.exception.of))

    def test_the_template_has_every_setting_of_the_extension(self):
        variables = template()["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
        ours = {name: value for name, value in variables.items() if not name.startswith("AVIF_")}
        parameter = {name: "".join(word.capitalize() for word in name.split("_")) for name in extension_settings() - {HEADERS}}
        reference = {"Fn::Sub": "{{resolve:secretsmanager:${OtelExporterOtlpHeadersSecret}}}"}
        headers = {HEADERS.upper(): {"Fn::If": ["HasHeaders", reference, ""]}}
        self.assertEqual(ours, headers | {name.upper(): {"Ref": called} for name, called in parameter.items()})
        for name, value in GIVEN["telemetry"].items():
            declared = template()["Parameters"][parameter[name]]
            for one in ["", text(value)]:
                self.assertRegex(one, declared.get("AllowedPattern", "^"))
                self.assertIn(one, declared.get("AllowedValues", [one]))

    def test_no_secret_is_in_the_processed_template(self):
        # SAM writes the values of parameters, even of one with NoEcho, into the template that everybody with access to the stack sees.
        self.assertEqual([name for name, parameter in template()["Parameters"].items() if "NoEcho" in parameter], [])
        pattern = template()["Parameters"]["OtelExporterOtlpHeadersSecret"]["AllowedPattern"]
        arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:otel/headers-AbCdEf"
        for secret in ["", "otel", "otel:SecretString:headers", arn, f"{arn}:SecretString:::0d5a8a5e-0000-4000-8000-000000000000"]:
            self.assertRegex(secret, pattern)
        for headers in [EXAMPLES[HEADERS], "authorization=token"]:
            self.assertNotRegex(headers, pattern)


class Dashboard(unittest.TestCase):
    def test_shows_the_extensions_metrics_as_its_own_dashboard_does(self):
        for namespace in ["avif-lambda", "photographs"]:
            given = {} if namespace == "avif-lambda" else {"telemetry": {"telemetry_namespace": namespace}}
            pictures = documented_dashboard(namespace)
            self.assertEqual(evaluate("widgets", **given)[: len(pictures)], pictures)

    def test_shows_none_of_them_where_the_extension_writes_none(self):
        shown = json.dumps(evaluate("widgets", telemetry={"telemetry_emf": False}))
        self.assertNotIn("avif-lambda", shown)
        self.assertIn("AWS/Lambda", shown)

    def test_is_the_same_by_the_template(self):
        [dashboard] = yaml_parse(TEMPLATE.with_name("dashboard.yaml").read_text())["Resources"].values()
        text = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
        for parameter, value in {"FunctionName": "avif", "Namespace": "avif-lambda", "AWS::Region": "eu-central-1"}.items():
            text = text.replace(f"${{{parameter}}}", value)
        self.assertEqual(json.loads(text), {"widgets": evaluate("widgets")})


class Alarms(unittest.TestCase):
    def test_read_metrics_that_the_extension_writes(self):
        for namespace in ["avif-lambda", "photographs"]:
            alarms = evaluate("alarms", telemetry={"telemetry_namespace": namespace})
            ours = [alarm for alarm in alarms.values() if not alarm["namespace"].startswith("AWS/")]
            self.assertEqual([(alarm["namespace"], alarm["of"]) for alarm in ours], [(namespace, {"FunctionName": "avif"})])
            written = {line[1] for graph in documented_dashboard(namespace) for line in graph["properties"]["metrics"]}
            self.assertLessEqual({alarm["metric"] for alarm in ours}, written)

    def test_are_left_out_where_the_extension_writes_no_metrics(self):
        self.assertTrue(evaluate("alarms")["rejected"]["when"])
        self.assertFalse(evaluate("alarms", telemetry={"telemetry_emf": False})["rejected"]["when"])
