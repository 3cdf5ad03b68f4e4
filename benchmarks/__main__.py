"""`python -m benchmarks [measure …] [--quick]`: measure and print the table of README.md."""

import argparse
import tempfile
from pathlib import Path

from benchmarks.measures import MEASURES, Pools
from benchmarks.report import Report, machine


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measures", nargs="*", metavar="measure", help=f"of {', '.join(MEASURES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="shorter runs, for a first look")
    options = parser.parse_args()
    unknown = set(options.measures) - MEASURES.keys()
    if unknown:
        parser.error(f"no measure is called {', '.join(sorted(unknown))}")
    report = Report()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as directory:
        pools = Pools(Path(directory))
        for name in options.measures or MEASURES:
            MEASURES[name](report, pools, quick=options.quick)
    print(f"\n{machine()}\n\n{report.markdown()}")


if __name__ == "__main__":
    main()
