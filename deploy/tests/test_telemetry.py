"""The deployment has the settings of docs/telemetry.md and the graphs of docs/dashboard.json."""

import json
import re
import unittest

from sam import TEMPLATE, template
from samtranslator.yaml_helper import yaml_parse
from terraform import MODULE, ROOT, InvalidVariables, evaluate

# The only secret setting. The module and the template have a separate variable for it.
HEADERS = "otel_exporter_otlp_headers"
# Each setting with a value that is not its default.
EXAMPLES = {
    "telemetry_emf": False,
    "telemetry_namespace": "photographs/avif",
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


# The same settings, as variables of the module.
GIVEN = {"telemetry": {name: value for name, value in EXAMPLES.items() if name != HEADERS}, "telemetry_headers": EXAMPLES[HEADERS]}


def text(value) -> str:
    """A value as text of an environment variable."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def extension_settings() -> set:
    """The settings in the table of docs/telemetry.md, without those that Lambda sets. A Rust test compares it with the extension."""
    page = (ROOT / "docs/telemetry.md").read_text()
    return {name.lower() for name in re.findall(r"^\| `((?:TELEMETRY|OTEL)_[A-Z_]+)`", page, re.MULTILINE)}


def documented_dashboard(namespace: str) -> list:
    """The graphs of docs/dashboard.json, with the function name of the module."""
    text = (ROOT / "docs/dashboard.json").read_text()
    for word, own in {"FUNCTION": "avif", "REGION": "eu-central-1", "avif-lambda": namespace}.items():
        text = text.replace(json.dumps(word), json.dumps(own))
    return json.loads(text)["widgets"]


class Settings(unittest.TestCase):
    def test_module_settings_equal_extension_settings(self):
        declared = re.findall(r"^    ([a-z_]+) += optional\(", (MODULE / "telemetry.tf").read_text(), re.MULTILINE)
        self.assertEqual(set(declared), extension_settings() - {HEADERS})

    def test_every_setting_becomes_environment_variable(self):
        self.assertEqual(set(EXAMPLES), extension_settings())
        written = {name.upper(): text(value) for name, value in EXAMPLES.items()}
        self.assertEqual(evaluate("environment", **GIVEN), written)
        self.assertEqual(evaluate("environment", **GIVEN, settings={"speed": 4}), written | {"AVIF_SPEED": "4"})

    def test_invalid_settings_fail_the_plan(self):
        for telemetry in [
            {
                "telemetry_namespace": "a b",
                "otel_exporter_otlp_endpoint": "collector:4318",
                "otel_exporter_otlp_timeout": 0,
                "otel_exporter_otlp_compression": "zstd",
                "otel_exporter_otlp_protocol": "grpc",
                "otel_metrics_exporter": "prometheus",
                "otel_traces_exporter": "zipkin",
                "otel_logs_exporter": "console",
                "otel_resource_attributes": "production",
            },
            {"otel_exporter_otlp_timeout": 1.5},
        ]:
            with self.subTest(**telemetry):
                with self.assertRaises(InvalidVariables) as invalid:
                    evaluate("environment", telemetry=telemetry)
                named = [re.match(r"telemetry\.([a-z_]+)", detail)[1] for detail in invalid.exception.messages["telemetry"]]
                self.assertEqual(sorted(named), sorted(telemetry))
        with self.assertRaises(InvalidVariables) as invalid:
            evaluate("environment", telemetry_headers="secret-token")
        self.assertEqual(set(invalid.exception.messages), {"telemetry_headers"})
        self.assertNotIn("secret-token", str(invalid.exception.messages))

    def test_template_settings_equal_extension_settings(self):
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

    def test_processed_template_contains_no_secret(self):
        # SAM writes the values of parameters, also those with NoEcho, into the processed template, which every reader of the stack sees.
        self.assertEqual([name for name, parameter in template()["Parameters"].items() if "NoEcho" in parameter], [])
        pattern = template()["Parameters"]["OtelExporterOtlpHeadersSecret"]["AllowedPattern"]
        arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:otel/headers-AbCdEf"
        for secret in ["", "otel", "otel:SecretString:headers", arn, f"{arn}:SecretString:::0d5a8a5e-0000-4000-8000-000000000000"]:
            self.assertRegex(secret, pattern)
        for headers in [EXAMPLES[HEADERS], "authorization=token"]:
            self.assertNotRegex(headers, pattern)


class Dashboard(unittest.TestCase):
    def test_dashboard_begins_with_documented_graphs(self):
        for namespace in ["avif-lambda", "photographs"]:
            given = {} if namespace == "avif-lambda" else {"telemetry": {"telemetry_namespace": namespace}}
            documented = documented_dashboard(namespace)
            self.assertEqual(evaluate("widgets", **given)[: len(documented)], documented)

    def test_dashboard_without_metrics_shows_only_aws_graphs(self):
        shown = json.dumps(evaluate("widgets", telemetry={"telemetry_emf": False}))
        self.assertNotIn("avif-lambda", shown)
        self.assertIn("AWS/Lambda", shown)

    def test_dashboards_of_module_and_template_are_equal(self):
        [dashboard] = yaml_parse(TEMPLATE.with_name("dashboard.yaml").read_text())["Resources"].values()
        text = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
        for parameter, value in {"FunctionName": "avif", "Namespace": "avif-lambda", "AWS::Region": "eu-central-1"}.items():
            text = text.replace(f"${{{parameter}}}", value)
        self.assertEqual(json.loads(text), {"widgets": evaluate("widgets")})


class Alarms(unittest.TestCase):
    def test_alarms_use_metrics_of_the_extension(self):
        for namespace in ["avif-lambda", "photographs"]:
            alarms = evaluate("alarms", telemetry={"telemetry_namespace": namespace})
            ours = [alarm for alarm in alarms.values() if not alarm["namespace"].startswith("AWS/")]
            self.assertEqual([(alarm["namespace"], alarm["of"]) for alarm in ours], [(namespace, {"FunctionName": "avif"})])
            written = {line[1] for graph in documented_dashboard(namespace) for line in graph["properties"]["metrics"]}
            self.assertLessEqual({alarm["metric"] for alarm in ours}, written)

    def test_without_metrics_there_is_no_alarm_on_them(self):
        self.assertTrue(evaluate("alarms")["rejected"]["when"])
        self.assertFalse(evaluate("alarms", telemetry={"telemetry_emf": False})["rejected"]["when"])
