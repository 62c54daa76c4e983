"""The main table: every task with its default data by four RNN types by three seeds.

    python benchmarks/compare.py [options of `run.py compare`, such as --workers 2]

Stopped, it goes on where it was. The tables and the report are in runs/comparisons.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import tasks
from run import main

if __name__ == "__main__":
    every = ["compare", *tasks.find(), "--cells", "simple,lstm,gru,mingru", "--seeds", "3"]
    sys.exit(main([*every, *sys.argv[1:]]))
