"""The UI server in its container: JupyterLab's pages and the contents of /content, until standard input ends.

datalab-client holds the other end of standard input, writes the token there that the server is to ask for (one line,
empty for none) and never anything else. Its end is the client's end, however that came: nobody has to be told.
Arguments are Jupyter's own.
"""

import os
import signal
import sys
import threading
import time

TOKEN_FILE = "/tmp/token"
# Asked while a page loads, jupyter-server 2.15 at times closes its socket and stays.
PATIENCE_SECONDS = 5


def main() -> None:
    keep_token(read_line().strip())
    threading.Thread(target=end_with_input, daemon=True).start()
    # Late: whoever has gone before it is loaded need not wait for it.
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(sys.argv[1:] + fixed_arguments())


def keep_token(token: str) -> None:
    """In a file of this container's memory: arguments and environment of a container are there for all to see."""
    descriptor = os.open(TOKEN_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)
    os.environ["JUPYTER_TOKEN_FILE"] = TOKEN_FILE


def fixed_arguments() -> list[str]:
    return [
        "--no-browser",
        *(["--allow-root"] if os.getuid() == 0 else []),
        "--ServerApp.root_dir=/content",
        # JupyterLab's Shut Down deletes every listed notebook session first, kernels and all.
        "--ServerApp.quit_button=False",
        # There is nothing to install extensions with.
        "--LabApp.extension_manager=readonly",
    ]


def end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_SECONDS)
    os._exit(143)


def read_line() -> str:
    """Byte by byte: what a buffer has read ahead, end_with_input would not see."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


if __name__ == "__main__":
    main()
