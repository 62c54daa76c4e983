import subprocess
import sys

from tests.harness import ROOT


def test_a_missing_package_is_named_with_the_pip_line() -> None:
    # In a process of its own, in which nothing has imported it.
    program = "import sys; sys.modules['uvicorn'] = None; import run; sys.exit(run.main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "serve", str(ROOT / "tests" / "format_2" / "stopped" / "copy")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: serve needs uvicorn: run: pip install -r requirements-serve.txt\n"
