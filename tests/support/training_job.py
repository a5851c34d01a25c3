"""The job of ``support.training`` as a program, to be started in the folder ``tests``."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # for the processes it starts too
    os.environ["PYTHONPATH"] = str(Path.cwd().parent)
    sys.path.insert(0, os.environ["PYTHONPATH"])
    from support.training import train_and_write

    os.chdir(os.environ["FOLDER"])
    train_and_write()
