# SPDX-License-Identifier: MIT
"""Types into a program at a terminal of its own, as somebody would who waits for each answer.

    type.py COMMAND… -- TEXT EXPECTED [TEXT EXPECTED]…

Each TEXT, in which \\t, \\n, \\x03 and the like are written so, is typed once EXPECTED of the one before has come; a control D
ends it. Prints all that came; the exit status is the program's.
"""

import os
import pty
import select
import sys
import termios
import time


def main():
    middle = sys.argv.index("--")
    command, script = sys.argv[1:middle], sys.argv[middle + 1 :]
    pid, terminal = pty.fork()
    if not pid:
        os.environ["TERM"] = "vt100"
        os.execvp(command[0], command)
    seen, mark = b"", 0

    def wait_for(expected):
        nonlocal seen, mark
        while expected not in seen[mark:]:
            ready, _, _ = select.select([terminal], [], [], float(os.environ.get("MMIOD_TYPE_PATIENCE", "600")))
            if not ready:
                sys.exit(f"{expected!r} did not come: {seen!r}")
            try:
                more = os.read(terminal, 4096)
            except OSError:
                more = b""
            if not more:
                sys.exit(f"it ended before {expected!r} came: {seen!r}")
            seen += more
        mark = seen.index(expected, mark) + len(expected)

    def write(keys):
        """What is typed while the terminal is not the editor's is not all there for the editor."""
        while termios.tcgetattr(terminal)[3] & termios.ICANON:
            time.sleep(0.005)
        os.write(terminal, keys)

    wait_for(b"> ")
    for text, expected in zip(script[::2], script[1::2]):
        write(text.encode().decode("unicode_escape").encode("latin-1"))
        wait_for(expected.encode())
    write(b"\x04")
    while True:
        try:
            more = os.read(terminal, 4096)
        except OSError:
            break
        if not more:
            break
        seen += more
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.stdout.write(seen.decode(errors="replace"))
    return status


if __name__ == "__main__":
    sys.exit(main())
