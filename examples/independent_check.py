"""Check a restoration without unfade: outside the evidence map nothing may differ.

python examples/independent_check.py scan.png scan-restored.png
"""

import sys

import numpy as np
from PIL import Image

original, restored = (np.asarray(Image.open(path)) for path in sys.argv[1:3])
evidence = np.asarray(Image.open(sys.argv[2] + ".evidence.png"))
if original.shape != restored.shape or evidence.shape != original.shape[:2]:
    sys.exit("the pictures differ in size or kind")
untouched = evidence == 0
different = np.count_nonzero(original[untouched] != restored[untouched])
print(f"{untouched.mean():.2%} of the pixels are said to be untouched; {different} samples differ")
sys.exit(1 if different else 0)
