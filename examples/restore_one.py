"""Restore one photograph and print what was done.

python examples/restore_one.py scan.jpg restored.jpg
"""

import sys

import unfade

source, target = sys.argv[1:3]
result = unfade.restore(source)
saved = result.save(target, overwrite=True)
print(f"{saved.record.changed_share:.2%} of the pixels touched")
for step in saved.record.steps:
    print(f"{step.step}: {step.reason}")
