"""Say what is wrong with each picture, worst first; change nothing.

python examples/look_first.py scans/*.tif
"""

import sys

import unfade

rows = []
for path in sys.argv[1:]:
    seen = unfade.examine(path)
    marks = seen.findings.marks
    rows.append(
        (
            marks.area_share if marks else 0.0,
            path,
            [s["step"] for s in seen.advice.to_dict()["steps"]],
        )
    )
for share, path, steps in sorted(rows, reverse=True):
    print(f"{share:8.4%}  {path}  {', '.join(steps) or 'nothing to do'}")
