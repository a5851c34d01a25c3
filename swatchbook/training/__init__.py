"""Stage ``refine_dnn``."""

import os

# before PyTorch is loaded: threads that spin long at each other's barriers take, on a machine that
# has other work, the time that the one they wait for needs (benchmarks/busy.py); who has set
# either of these knows why
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
