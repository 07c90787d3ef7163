"""`make cases`: each worked case of another system, and what tests it or why nothing can yet."""

import sys

from tests.cases.catalogue import SECTIONS, faults, restated


def main() -> int:
    """Print every case; fail on one in neither list and on a test that does not exist."""
    problems = faults()
    for problem in problems:
        print(f"cases: {problem}", file=sys.stderr)
    if problems:
        return 1
    by_id = {case.case_id: case for case in restated()}
    for section, ids in SECTIONS.items():
        print(f"{section}:")
        for case_id in ids:
            case = by_id[case_id]
            what = ", ".join(case.tests) or f"not expressible: {case.reason}"
            print(f"  {case_id:<5} {what}")
    tested = sum(bool(case.tests) for case in by_id.values())
    print(f"cases: {tested} tested, {len(by_id) - tested} not expressible, 0 missing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
