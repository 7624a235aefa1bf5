"""What Lambda asks for a thousand pictures, by memory size, from the CPU seconds that one takes.

seconds  = waiting + alone / min(1, vCPU) + (cpu - alone) / vCPU         vCPU = memory / 1769 MB
dollars  = 1000 * (seconds * memory / 1024 MB * price per GB-second + price per request)
"""

import argparse

# Configure Lambda function memory, AWS Lambda Developer Guide: one vCPU.
VCPU = 1769
# AWS Lambda pricing, us-east-1, the first tier, November 2026: a GB-second and a request.
GB_SECOND = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
REQUEST = 0.20 / 1e6
MEMORY = (512, 1024, 1769, 2654, 3538)


def seconds(memory: int, cpu: float, alone: float, waiting: float) -> float:
    vcpu = memory / VCPU
    return waiting + alone / min(1, vcpu) + (cpu - alone) / vcpu


def thousand(memory: int, duration: float, architecture: str) -> float:
    return 1000 * (duration * memory / 1024 * GB_SECOND[architecture] + REQUEST)


def rows(cpu: float, alone: float, waiting: float) -> list[str]:
    lines = []
    for memory in MEMORY:
        duration = seconds(memory, cpu, alone, waiting)
        dollars = (f"${thousand(memory, duration, architecture):.3f}" for architecture in GB_SECOND)
        lines.append(f"| {memory:,} MB | {duration:.1f} | {' | '.join(dollars)} |")
    return lines


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cpu", type=float, help="CPU seconds of one picture")
    parser.add_argument("--alone", type=float, default=0, help="those of them that one thread spends by itself")
    parser.add_argument("--waiting", type=float, default=0.1, help="seconds for S3 [%(default)s]")
    return parser.parse_args(words)


if __name__ == "__main__":
    print("| memory | seconds each | 1,000 on arm64 | 1,000 on x86-64 |", "|---:|---:|---:|---:|", sep="\n")
    print("\n".join(rows(**vars(parse()))))
