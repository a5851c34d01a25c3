"""Stage ``refine_dnn``."""

import os

# before PyTorch is loaded: threads that spin at each other's barriers take, on a machine that has
# other work, the time that the one they wait for needs
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
