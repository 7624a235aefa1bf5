"""Every command in the documentation is valid, and every command block is checked.

Exactly one of these covers each command: test_walkthrough.py runs it, its program's parser checks it (checks.py), or it is
listed here with the reason why neither is possible.
"""

import unittest

from blocks import PAGES, Block, blocks, commands
from checks import CHECKS, InvalidCommand
from terraform import ROOT
from walk import SUBSTITUTES, is_run

# Blocks without commands, or with commands for code that the reader writes, by their first line.
NO_COMMANDS = {
    "FUNCTION                 faas.invocation_id, faas.coldstart; error.type if the invocation failed": "a tree of spans",
    "vCPU    = memory / 1769 MB": "a formula; bench/cost.py computes it and has tests",
    'filter report.outcome = "failed" | stats count() by report.reason | sort count() desc': "a query for CloudWatch Logs Insights",
    'filter record.outcome = "rejected" | stats count() by record.reason | sort count() desc': "a query for CloudWatch Logs Insights",
    'telemetry         = { otel_exporter_otlp_endpoint = "https://otel.example" }': "Terraform's language; test_telemetry.py sets these",
    "cargo nextest run --cargo-profile quick --package dimensions": "tests a crate that the reader creates",
    "nix build .#dimensions-image --out-link dimensions.tar": "builds a package that the reader adds to the flake",
}
DOCKER = "needs a Docker daemon; deploy/image/test.sh pushes an image to a registry on loopback"
# Commands that cannot run here and have no parser.
LISTED = {
    "docker run --privileged --rm tonistiigi/binfmt --install arm64": DOCKER,
    "docker buildx create --name avif --driver docker-container": DOCKER,
    "docker buildx build --builder avif --platform linux/arm64 --provenance=false --output type=docker,dest=image.tar --tag avif-lambda .": DOCKER,
    "skopeo login --username AWS --password-stdin REPOSITORY": DOCKER,
    "skopeo copy docker-archive:image.tar docker://REPOSITORY:VALUE": DOCKER,
    "skopeo inspect --format {{.Digest}} docker://REPOSITORY:VALUE": DOCKER,
    "curl --fail --output photo.avif --header Accept: image/avif,image/webp,*/* https://DOMAIN/photos/photo.jpg?width=640": "needs a distribution; test_cache.py simulates one",
    "git describe --always": "the tests may run outside of a repository",
    "cp photo.jpg avif-local/photos/": "needs `avif local`, which a test of the crate cli runs",
    "jq .timings": "needs the report of a conversion, whose form a test of the crate cli checks",
    "ls -l target/release/bootstrap": "needs a release build",
    "bacon nextest -- --cargo-profile quick --package convert": "watches files until somebody stops it",
}


def ways(block: Block, command: list[str]) -> list[str]:
    """Returns how a command is checked. In a block that runs, parsers check the commands of substituted programs."""
    program = command[0]
    if is_run(block) and not (program in SUBSTITUTES and program in CHECKS):
        return ["run"]
    return ["checked"] * (program in CHECKS) + ["listed"] * (" ".join(command) in LISTED)


def verify(found: list[Block]) -> list[str]:
    """The mistakes in these blocks."""
    mistakes = []
    for block in found:
        if block.text.splitlines()[0] in NO_COMMANDS:
            continue
        read = [command for command in commands(block) if command[0] != "cd"]
        if not read:
            mistakes.append(f"{block} has no command: add it to NO_COMMANDS with the reason")
        for command in read:
            covered = ways(block, command)
            if len(covered) != 1:
                mistakes.append(f"{block}: {' '.join(command)}: covered by {covered or 'nothing'}; see the top of test_commands.py")
            # moto does not detect abbreviated options of the AWS CLI, so commands that run are parsed as well.
            elif covered == ["checked"] or command[0] == "aws":
                try:
                    CHECKS[command[0]](command[1:])
                except InvalidCommand as invalid:
                    mistakes.append(f"{block}: {' '.join(command)}: {invalid}")
    return mistakes


class Commands(unittest.TestCase):
    maxDiff = None

    def test_every_command_of_the_documentation_is_covered_and_valid(self):
        found = [block for page in PAGES for block in blocks(page)]
        self.assertEqual("\n".join(verify(found)), "")
        self.assertGreater(len(found), 50)

    def test_lists_contain_only_documented_commands(self):
        found = [block for page in PAGES for block in blocks(page)]
        first = {block.text.splitlines()[0] for block in found}
        self.assertLessEqual(set(NO_COMMANDS), first)
        read = {" ".join(command) for block in found if block.text.splitlines()[0] not in NO_COMMANDS for command in commands(block)}
        self.assertLessEqual(set(LISTED), read)

    def test_uncovered_block_or_invalid_command_is_reported(self):
        cases = {
            "    frobnicate --now": "covered by nothing",
            "    docker run alpine": "covered by nothing",
            "```\nfrobnicate\n```": "covered by nothing",
            "```sh\nfrobnicate\n```": "covered by nothing",
            "    X=1": "has no command",
            "    aws s3 ls | frobnicate $(docker ps)": "covered by nothing",
            "    aws lambda get-alias --function-name avif --name live --nmae live": "Unknown options: --nmae",
            "    aws lambda create-alias --function-name avif --name live": "--function-version",
            "    aws lambda put-function-event-invoke-config --function-name avif --destination-config OnFailure={Destinatoin=x}": "Destinatoin",
            """    aws sqs create-queue --queue-name avif --attributes '{"VisibilityTimeout": 360}'""": "VisibilityTimeout",
            "    aws sqs make-queue --queue-name avif": "make-queue",
            "    aws sqs list-message-move-tasks --source arn": "--source",
            "    aws s3 cp a s3://b --recusrive": "Unknown options: --recusrive",
            "    aws cloudformation deploy --template-file deploy/sam/template.yaml --stack-name a --parameter-overrides Widhts=full": "no parameter Widhts",
            "    avif convert photo.jpg --widht 640": "--widht",
            "    avif convert photo.jpg --quality 101": "101",
            "    target/release/avif backfil s3://BUCKET": "backfil",
            "    cargo lambda build --relaese": "--relaese",
            "    cargo lambda build --release --bin bootstarp": "no bin bootstarp",
            "    cargo bench --package covnert": "no package covnert",
            "    make bnech": "bnech",
            "    make bench BENCH_SYSTME=a": "BENCH_SYSTME",
            "    nix build .#lambda-iamge": "no package lambda-iamge",
            "    nix run .#psuh -- REPOSITORY": "no package psuh",
            "    nix run .#deploy -- FUNCTION REPOSITORY --ailas live": "no option --ailas",
            "    terraform apply -var image=a": "variable image",
            "    terraform output -raw bukcet": "output bukcet",
            "    python3 -m bench.cots 5": "bench.cots",
        }
        for text, reported in cases.items():
            with self.subTest(text):
                mistakes = verify(blocks(ROOT / "README.md", f"# Deploying\n\n{text}\n"))
                self.assertEqual(len(mistakes), 2 if "docker ps" in text else 1, mistakes)
                self.assertIn(reported, mistakes[0])
