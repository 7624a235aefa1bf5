"""The CloudFront distribution of Terraform and of CloudFormation: what is public, who may invoke the function, what is cached."""

import json
import re
import unittest

from deployment import Deployment
from resolve import code_with
from sam import TEMPLATE
from samtranslator.yaml_helper import yaml_parse
from terraform import IMAGE, ROOT
from test_plan import planned
from test_policy import https_only

SETTINGS = {
    "sizes": "full, 640",
    "formats": "avif,webp",
    "output_bucket": "cdn",
    "output_prefix": "avif/",
    # Objects with different attributes, as in a file of settings.
    "rules": [{"prefix": "photos/private/", "skip": True}, {"suffix": ".png", "sizes": "320,64", "skip": False}],
}
REQUIRED = {"image_uri": IMAGE, "source_bucket": "photographs", "serve_prefixes": ["photos/"], "settings": SETTINGS}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EVERYTHING = REQUIRED | {
    "serve_prefixes": ["photos/", "b"],
    "output_region": "eu-west-1",
    "output_kms_key_arn": KEY,
    "replace_bucket_policy": True,
    "domain_names": ["images.example"],
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab",
    "rate_limit": 1000,
    "access_logs_arn": "arn:aws:s3:::logs",
    "global_alarm_actions": ["arn:aws:sns:us-east-1:123456789012:alarms"],
    "tags": {"team": "images"},
}
GLOBAL = TEMPLATE.with_name("cdn-us-east-1.yaml")


def cdn() -> dict:
    return yaml_parse(TEMPLATE.with_name("cdn.yaml").read_text())


def words(value):
    """A configuration of CloudFront without the differences between Terraform and CloudFormation: names of attributes in lower case
    without underscores, sorted lists, numbers and booleans as text, and no empty values."""
    if isinstance(value, dict):
        found = {name.lower().replace("_", ""): words(one) for name, one in value.items()}
        return {name: one for name, one in found.items() if one not in (None, {}, [], "")}
    if isinstance(value, list):
        return words(value[0]) if len(value) == 1 and isinstance(value[0], dict) else sorted((words(one) for one in value), key=str)
    return None if value is None else str(value).lower()


class Distribution(unittest.TestCase):
    def deployment(self, **variables) -> Deployment:
        deployment = Deployment("modules/cdn")
        self.addCleanup(deployment.close)
        deployment.apply(**variables)
        self.assertEqual(deployment.plan(**variables), {})
        self.outputs = {name: output["value"] for name, output in deployment.planned["planned_values"]["outputs"].items()}
        self.resources = {of["address"]: of["values"] for of in planned(deployment.planned["planned_values"]["root_module"])}
        return deployment

    def of(self, kind: str) -> dict:
        """The only resource of a type."""
        [values] = [values for address, values in self.resources.items() if address.startswith(f"{kind}.")]
        return values

    def test_second_plan_is_empty(self):
        for variables in [REQUIRED, EVERYTHING, REQUIRED | {"settings": {}, "serve_prefixes": ["*"], "create_alarms": False}]:
            self.deployment(**variables)

    def test_only_the_distribution_may_invoke_the_function(self):
        self.deployment(**REQUIRED)
        distribution = self.of("aws_cloudfront_distribution")
        url = self.resources["module.function.aws_lambda_function_url.this[0]"]
        self.assertEqual(url["authorization_type"], "AWS_IAM")
        permissions = [values for address, values in self.resources.items() if ".aws_lambda_permission." in f".{address}"]
        self.assertEqual({one["action"] for one in permissions}, {"lambda:InvokeFunction", "lambda:InvokeFunctionUrl"})
        for permission in permissions:
            self.assertEqual((permission["principal"], permission["source_arn"]), ("cloudfront.amazonaws.com", distribution["arn"]))
            self.assertEqual((permission["function_name"], permission["qualifier"]), (url["function_name"], url["qualifier"]))
        function = self.resources["module.function.aws_lambda_function.this"]
        self.assertEqual((function["reserved_concurrent_executions"], function["timeout"]), (10, 30))
        resources = cdn()["Resources"]
        permissions = [of["Properties"] for of in resources.values() if of["Type"] == "AWS::Lambda::Permission"]
        self.assertEqual({one["Action"] for one in permissions}, {"lambda:InvokeFunction", "lambda:InvokeFunctionUrl"})
        for permission in permissions:
            self.assertEqual(permission["Principal"], "cloudfront.amazonaws.com")
            self.assertTrue(permission["FunctionName"]["Fn::Sub"].endswith("function:${FunctionName}:live"))
            self.assertTrue(permission["SourceArn"]["Fn::Sub"].endswith("distribution/${Distribution}"))

    def test_documented_cost_of_an_attack_follows_from_the_defaults(self):
        self.deployment(**REQUIRED)
        function = self.resources["module.function.aws_lambda_function.this"]
        gigabytes = function["memory_size"] / 1024
        price = float(re.search(r'"arm64": ([\d.]+)', (ROOT / "bench/cost.py").read_text())[1])
        page = (ROOT / "docs/serving.md").read_text()
        for executions, shown in [(function["reserved_concurrent_executions"], "$0.83 for the time of Lambda"), (1000, "$83 per hour")]:
            dollars = executions * 3600 * gigabytes * price
            self.assertAlmostEqual(float(re.search(r"\$([\d.]+)", shown)[1]), dollars, delta=0.005 * dollars)
            self.assertIn(shown, page)

    def test_bucket_allows_the_distribution_only_variants_of_served_prefixes(self):
        self.deployment(**EVERYTHING)
        arn = self.of("aws_cloudfront_distribution")["arn"]
        statement = json.loads(self.outputs["bucket_statement"])
        self.assertEqual((statement["Action"], statement["Principal"]), ("s3:GetObject", {"Service": "cloudfront.amazonaws.com"}))
        self.assertEqual(statement["Condition"], {"StringEquals": {"AWS:SourceArn": arn}})
        keys = [
            f"arn:aws:s3:::cdn/avif/{prefix}*{suffix}" for prefix in ["photos/", "b"] for suffix in [".avif", ".avif.jpg", ".avif.webp"]
        ]
        self.assertEqual(statement["Resource"], keys)
        policy = json.loads(self.of("aws_s3_bucket_policy")["policy"])
        https = https_only(["arn:aws:s3:::cdn", "arn:aws:s3:::cdn/*"]) | {"Action": "s3:*"}
        self.assertEqual(policy["Statement"], [https, statement])
        key = json.loads(self.outputs["key_statement"])
        self.assertEqual((key["Action"], key["Resource"], key["Condition"]), ("kms:Decrypt", KEY, statement["Condition"]))

    def test_statement_of_cloudformation_equals_that_of_terraform(self):
        self.deployment(**REQUIRED)
        text, keys = cdn()["Outputs"]["BucketStatement"]["Value"]["Fn::Sub"]
        names = {"VariantsBucket": "cdn", "OutputPrefix": "avif/", "Prefix": "photos/", "AWS::Partition": "aws"}
        names["Keys"] = fill(keys["Keys"]["Fn::Sub"][0], names)
        arn = self.of("aws_cloudfront_distribution")["arn"]
        text = text.replace("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}", arn)
        self.assertEqual(json.loads(fill(text, names)), json.loads(self.outputs["bucket_statement"]))

    def test_missing_variants_go_to_the_function(self):
        self.deployment(**EVERYTHING)
        distribution = self.of("aws_cloudfront_distribution")
        [group] = distribution["origin_group"]
        self.assertEqual([member["origin_id"] for member in group["member"]], ["variants", "function"])
        self.assertEqual(set(group["failover_criteria"][0]["status_codes"]), {403, 404})
        origins = {origin["origin_id"]: origin for origin in distribution["origin"]}
        self.assertEqual(origins["variants"]["domain_name"], "cdn.s3.eu-west-1.amazonaws.of.aws")
        self.assertEqual(origins["function"]["connection_attempts"], 1)
        controls = {values["id"]: values for address, values in self.resources.items() if "origin_access_control" in address}
        for name, kind in [("variants", "s3"), ("function", "lambda")]:
            control = controls[origins[name]["origin_access_control_id"]]
            self.assertEqual(control["origin_access_control_origin_type"], kind)
            self.assertEqual((control["signing_behavior"], control["signing_protocol"]), ("always", "sigv4"))
            self.assertEqual(origins[name]["origin_shield"], [{"enabled": True, "origin_shield_region": "eu-central-1"}])

    def test_cache_key_is_the_path_alone(self):
        self.deployment(**REQUIRED)
        cache = self.of("aws_cloudfront_cache_policy")
        # With a minimum, CloudFront would cache responses with no-store.
        self.assertEqual(cache["min_ttl"], 0)
        [key] = cache["parameters_in_cache_key_and_forwarded_to_origin"]
        behaviors = [key["cookies_config"][0]["cookie_behavior"], key["headers_config"][0]["header_behavior"]]
        self.assertEqual(behaviors + [key["query_strings_config"][0]["query_string_behavior"]], ["none"] * 3)
        self.assertFalse(key["enable_accept_encoding_brotli"] or key["enable_accept_encoding_gzip"])
        forwarded = self.of("aws_cloudfront_origin_request_policy")
        # Host would invalidate the signature.
        self.assertEqual(forwarded["headers_config"][0]["headers"][0]["items"], ["Accept"])
        self.assertEqual(forwarded["query_strings_config"][0]["query_strings"][0]["items"], ["size", "width"])
        behavior = self.of("aws_cloudfront_distribution")["default_cache_behavior"][0]
        self.assertEqual(set(behavior["allowed_methods"]), {"GET", "HEAD"})
        self.assertEqual(behavior["function_association"][0]["event_type"], "viewer-request")

    def test_resolve_has_the_settings_of_the_function(self):
        self.deployment(**REQUIRED)
        rules = [{"prefix": "photos/private/", "skip": True}, {"sizes": ["320", "64"], "suffix": ".png"}]
        settings = {
            "formats": ["avif", "webp"],
            "output_prefix": "avif/",
            "prefixes": ["photos/"],
            "rules": rules,
            "sizes": ["full", "640"],
        }
        self.assertEqual(self.of("aws_cloudfront_function")["code"], compact(code_with(settings), settings))
        variables = self.resources["module.function.aws_lambda_function.this"]["environment"][0]["variables"]
        self.assertEqual((variables["AVIF_SERVE_PREFIXES"], variables["AVIF_SERVE_BUCKET"]), ("photos/", "photographs"))
        self.assertEqual(json.loads(variables["AVIF_RULES"])[0], {"prefix": "photos/private/", "skip": True})
        self.deployment(**REQUIRED | {"settings": {"widths": "1280"}, "serve_prefixes": ["*"]})
        settings = {"formats": ["avif"], "output_prefix": "", "prefixes": ["*"], "rules": [], "sizes": ["1280"]}
        self.assertEqual(self.of("aws_cloudfront_function")["code"], compact(code_with(settings), settings))

    def test_too_many_rules_fail_the_plan(self):
        rules = [{"prefix": f"photos/{number:050}/", "sizes": "640"} for number in range(60)]
        with self.assertRaisesRegex(AssertionError, "at most 10,240 bytes, but with these settings it has 1[0-9]{4}"):
            self.deployment(**REQUIRED | {"settings": {"rules": rules}})

    def test_invalid_variables_fail_the_plan(self):
        certificate = EVERYTHING["certificate_arn"]
        for variables, reason in [
            ({"domain_names": ["images.example"]}, "Set both domain_names and certificate_arn"),
            (
                {"domain_names": ["a.example"], "certificate_arn": certificate.replace("us-east-1", "eu-west-1")},
                "only certificates of this region",
            ),
            ({"rate_limit": 9}, "at least 10"),
            ({"rate_limit": 10, "web_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"}, "has one web ACL"),
            ({"web_acl_arn": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b"}, "scope CLOUDFRONT"),
            ({"replace_bucket_policy": True, "settings": {}}, "whose policy the module does not replace"),
            ({"global_alarm_actions": ["arn:aws:sns:eu-west-1:123456789012:alarms"]}, "in the region of the alarm"),
            ({"access_logs_arn": "arn:aws:logs:eu-west-1:123456789012:log-group:a"}, "log group in us-east-1"),
            ({"serve_prefixes": []}, "at least one prefix"),
            ({"serve_prefixes": ["photos/*"]}, "expected key prefixes"),
            ({"timeout": 121}, "CloudFront waits no longer"),
        ]:
            with self.subTest(**variables), self.assertRaisesRegex(AssertionError, reason):
                self.deployment(**REQUIRED | variables)

    def test_alarms_and_rate_limit_are_in_us_east_1(self):
        self.deployment(**EVERYTHING)
        own = {address: values for address, values in self.resources.items() if not address.startswith("module.function.")}
        regional = {address for address, values in own.items() if values.get("region") == "us-east-1"}
        kinds = {address.partition(".")[0] for address in regional}
        deliveries = {"aws_cloudwatch_log_delivery", "aws_cloudwatch_log_delivery_destination", "aws_cloudwatch_log_delivery_source"}
        self.assertEqual(kinds, {"aws_cloudwatch_metric_alarm", "aws_wafv2_web_acl"} | deliveries)
        alarms = {values["metric_name"]: values for address, values in own.items() if address.startswith("aws_cloudwatch_metric_alarm")}
        template = yaml_parse(GLOBAL.read_text())["Resources"]
        for alarm in [of["Properties"] for of in template.values() if of["Type"] == "AWS::CloudWatch::Alarm"]:
            own = alarms.pop(alarm["MetricName"])
            self.assertEqual((own["threshold"], own["evaluation_periods"]), (alarm["Threshold"], alarm["EvaluationPeriods"]))
            self.assertEqual((own["namespace"], own["statistic"]), (alarm["Namespace"], alarm["Statistic"]))
        self.assertEqual(alarms, {})
        [rule] = self.of("aws_wafv2_web_acl")["rule"]
        self.assertEqual(rule["statement"][0]["rate_based_statement"][0]["limit"], 1000)
        self.assertEqual(self.of("aws_cloudfront_distribution")["web_acl_id"], self.of("aws_wafv2_web_acl")["arn"])


class CloudFormation(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        deployment = Deployment("modules/cdn")
        cls.addClassCleanup(deployment.close)
        deployment.plan(**REQUIRED)
        cls.resources = {of["type"]: of["values"] for of in deployment.planned["planned_values"]["root_module"]["resources"]}

    def properties(self, name: str) -> dict:
        return cdn()["Resources"][name]["Properties"]

    def test_code_equals_resolve_js(self):
        code = self.properties("Resolve")["FunctionCode"]["Fn::Sub"]
        settings = re.search(r"^const settings = (.*);$", code, re.MULTILINE)[1]
        self.assertEqual(code, code_with({}).replace("{}", settings, 1).strip() + "\n")
        self.assertNotIn("${", code.replace(settings, ""))
        names = {"ServePrefix": "photos/", "OutputPrefix": "avif/", "Sizes": "full,640", "Formats": "avif", "Rules": '[{"prefix": "a/"}]'}
        rules = [{"prefix": "a/"}]
        expected = {"prefixes": ["photos/"], "output_prefix": "avif/", "sizes": "full,640", "formats": "avif", "rules": rules}
        self.assertEqual(json.loads(fill(settings, names)), expected)

    def test_parameters_accept_settings_and_no_quotation_marks(self):
        parameters = cdn()["Parameters"]
        for name in ["ServePrefix", "OutputPrefix", "Sizes", "Formats"]:
            for text in ['a"', "a\\", 'a",{"b":"']:
                self.assertNotRegex(text, parameters[name]["AllowedPattern"])
        self.assertRegex("photos/", parameters["ServePrefix"]["AllowedPattern"])
        self.assertRegex("*", parameters["ServePrefix"]["AllowedPattern"])
        self.assertRegex("full,1280,640x360, 256x256:cover", parameters["Sizes"]["AllowedPattern"])
        self.assertRegex("https://abc123.lambda-url.eu-central-1.on.aws/", parameters["FunctionUrl"]["AllowedPattern"])

    def test_policies_equal_those_of_terraform(self):
        for name, config, kind in [
            ("CachePolicy", "CachePolicyConfig", "aws_cloudfront_cache_policy"),
            ("OriginRequestPolicy", "OriginRequestPolicyConfig", "aws_cloudfront_origin_request_policy"),
            ("ResponseHeadersPolicy", "ResponseHeadersPolicyConfig", "aws_cloudfront_response_headers_policy"),
        ]:
            template, module = words(self.properties(name)[config]), words(self.resources[kind])
            del template["name"], module["name"]
            flat = [json.dumps(one).replace('{"items": ', "").replace("}", "") for one in (template, module)]
            self.assertEqual(sorted(re.findall(r'[^\s{}\[\],"]+', flat[0])), sorted(re.findall(r'[^\s{}\[\],"]+', flat[1])), name)

    def test_distribution_equals_that_of_terraform(self):
        template = self.properties("Distribution")["DistributionConfig"]
        module = self.resources["aws_cloudfront_distribution"]
        [behavior] = module["default_cache_behavior"]
        for name in ["ViewerProtocolPolicy", "AllowedMethods", "CachedMethods", "Compress", "TargetOriginId"]:
            own = behavior[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()]
            self.assertEqual(words(template["DefaultCacheBehavior"][name]), words(own), name)
        for policy in ["CachePolicy", "OriginRequestPolicy", "ResponseHeadersPolicy"]:
            self.assertEqual(template["DefaultCacheBehavior"][f"{policy}Id"], {"Ref": policy})
        errors = {error["ErrorCode"]: error["ErrorCachingMinTTL"] for error in template["CustomErrorResponses"]}
        defaults = {
            code: cdn()["Parameters"]["NotFoundSeconds"]["Default"] if isinstance(ttl, dict) else ttl for code, ttl in errors.items()
        }
        self.assertEqual(defaults, {error["error_code"]: error["error_caching_min_ttl"] for error in module["custom_error_response"]})
        [group], [own] = template["OriginGroups"]["Items"], module["origin_group"]
        self.assertEqual(set(group["FailoverCriteria"]["StatusCodes"]["Items"]), set(own["failover_criteria"][0]["status_codes"]))
        self.assertEqual([one["OriginId"] for one in group["Members"]["Items"]], [one["origin_id"] for one in own["member"]])
        origins = {origin["Id"]: origin for origin in template["Origins"]}
        for origin in module["origin"]:
            other = origins[origin["origin_id"]]
            self.assertEqual(other["OriginShield"]["Enabled"], origin["origin_shield"][0]["enabled"])
            if origin["custom_origin_config"]:
                self.assertEqual(other["ConnectionAttempts"], origin["connection_attempts"])
                own = words(origin["custom_origin_config"]) | {"originreadtimeout": "{'ref': 'timeout'}"}
                self.assertEqual(words(other["CustomOriginConfig"]) | {"originreadtimeout": "{'ref': 'timeout'}"}, own)
        for name, kind in [("Variants", "s3"), ("Function", "lambda")]:
            control = self.properties(f"{name}Access")["OriginAccessControlConfig"]
            given = (control["OriginAccessControlOriginType"], control["SigningBehavior"], control["SigningProtocol"])
            self.assertEqual(given, (kind, "always", "sigv4"))
            self.assertEqual(origins[name.lower()]["OriginAccessControlId"], {"Fn::GetAtt": [f"{name}Access", "Id"]})

    def test_provenance_is_not_public(self):
        stored = (ROOT / "crates/transfer/src/provenance.rs").read_text().partition("#[cfg(test)]")[0]
        names = set(re.findall(r'const [A-Z0-9_]+: &str = "(avif-[a-z0-9-]+)"', stored))
        removed = self.resources["aws_cloudfront_response_headers_policy"]["remove_headers_config"][0]["items"]
        self.assertEqual({item["header"] for item in removed}, {f"x-amz-meta-{name}" for name in names})
        # The maximum of CloudFront.
        self.assertLessEqual(len(names), 10)


def compact(code: str, settings: dict) -> str:
    """The code with JSON as Terraform writes it."""
    return code.replace(json.dumps(settings), json.dumps(settings, separators=(",", ":"))).strip()


def fill(text: str, names: dict) -> str:
    """Replaces the names of Fn::Sub."""
    return re.sub(r"\$\{([\w:]+)\}", lambda name: names[name[1]], text)
