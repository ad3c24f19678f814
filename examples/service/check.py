#!/usr/bin/env python3
"""Checks the service files: what they start serves the project, and ends with 0 when it is stopped."""

import configparser
import os
import pathlib
import plistlib
import shutil
import signal
import subprocess
import tempfile

HERE = pathlib.Path(__file__).parent


def serves_and_stops(command: "list[str]") -> None:
    """`command` is what the service manager would run; the program under test takes the place of the installed one."""
    words = [os.environ["COBATCH"], *command[1:], "--agent", "scripted", "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert "serves http://" in server.stdout.readline()
    server.send_signal(signal.SIGTERM)
    server.communicate()
    # Another exit code would make the manager start it again.
    assert server.returncode == 0, server.returncode


def main() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(HERE / "cobatch@.service")
    plist = plistlib.loads((HERE / "cobatch.plist").read_bytes())
    # With any other mode the agent gets the signal, too.
    assert unit["Service"]["KillMode"] == "mixed"
    assert unit["Service"]["Restart"] == "on-failure"
    assert unit["Service"]["RestartPreventExitStatus"] == "2 4"
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    with tempfile.TemporaryDirectory() as project:
        said = {"%f": [project], "$COBATCH_OPTIONS": []}
        words = unit["Service"]["ExecStart"].split()
        serves_and_stops([part for word in words for part in said.get(word, [word])])
        serves_and_stops([project if word == "PROJECT" else word for word in plist["ProgramArguments"]])
    if shutil.which("systemd-analyze"):
        with tempfile.TemporaryDirectory() as folder:
            text = (HERE / "cobatch@.service").read_text().replace("/usr/local/bin/cobatch", os.environ["COBATCH"])
            copy = pathlib.Path(folder, "cobatch@project.service")
            copy.write_text(text)
            verify = ["systemd-analyze", "--user", "verify", str(copy)]
            checked = subprocess.run(
                verify, env={**os.environ, "XDG_RUNTIME_DIR": folder}, stderr=subprocess.PIPE, text=True, check=False
            )
            assert copy.name not in checked.stderr, checked.stderr


if __name__ == "__main__":
    main()
