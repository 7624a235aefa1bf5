"""Prints the price of 1,000 images on AWS Lambda by memory size, from the CPU seconds of one image.

seconds  = waiting + serial / min(1, vCPU) + (cpu - serial) / vCPU         vCPU = memory / 1769 MB
dollars  = 1000 * (seconds * memory / 1024 MB * price per GB-second + price per request)

The prices are those of us-east-1, first tier, November 2026.
"""

import argparse

# The memory in MB that gives one vCPU: AWS Lambda Developer Guide, "Configure Lambda function memory".
VCPU = 1769
# The prices of a GB-second and of a request: AWS Lambda pricing, us-east-1, first tier, November 2026.
GB_SECOND = {"arm64": 0.0000133334, "x86_64": 0.0000166667}
REQUEST = 0.20 / 1e6
MEMORY = (512, 1024, 1769, 2654, 3538)


def compute_seconds(memory: int, cpu: float, serial: float, waiting: float) -> float:
    vcpu = memory / VCPU
    return waiting + serial / min(1, vcpu) + (cpu - serial) / vcpu


def compute_price(memory: int, seconds: float, architecture: str) -> float:
    """Returns the dollars for 1,000 images, each of which takes this many seconds."""
    return 1000 * (seconds * memory / 1024 * GB_SECOND[architecture] + REQUEST)


def format_rows(cpu: float, serial: float, waiting: float) -> list[str]:
    rows = []
    for memory in MEMORY:
        seconds = compute_seconds(memory, cpu, serial, waiting)
        prices = (f"${compute_price(memory, seconds, architecture):.3f}" for architecture in GB_SECOND)
        rows.append(f"| {memory:,} MB | {seconds:.1f} | {' | '.join(prices)} |")
    return rows


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 -m bench.cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cpu", type=float, help="CPU seconds of one image, summed over all threads")
    parser.add_argument("--serial", type=float, default=0, help="the part of CPU that runs on one thread only [default: %(default)s]")
    parser.add_argument("--waiting", type=float, default=0.1, help="seconds that an image waits for S3 [default: %(default)s]")
    return parser.parse_args(words)


if __name__ == "__main__":
    print("| memory | seconds each | 1,000 on arm64 | 1,000 on x86-64 |", "|---:|---:|---:|---:|", sep="\n")
    print("\n".join(format_rows(**vars(parse_arguments()))))
