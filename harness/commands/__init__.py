"""The commands of run.py, one per file, in the order in which the help lists them.

Each file has a `COMMAND`. Beside them: command.py, what a command is; subject.py, which task or run it is about;
machine.py, how it starts Keras; printing.py, what several of them print.
"""

from harness.commands import (
    analyse,
    cache,
    compare,
    data,
    demo,
    ensemble,
    evaluate,
    export,
    inspect,
    list,
    new,
    predict,
    runs,
    serve,
    show,
    train,
    tune,
)

MODULES = (
    list,
    show,
    data,
    train,
    evaluate,
    predict,
    inspect,
    analyse,
    compare,
    tune,
    ensemble,
    demo,
    export,
    serve,
    runs,
    cache,
    new,
)
COMMANDS = {module.COMMAND.name: module.COMMAND for module in MODULES}
