# Runs a program on a terminal of its own: `terminal.py COLUMNS ROWS PROGRAM [ARG ...]`. What is typed comes on standard
# input, what the terminal gets goes to standard output; a line `resize COLUMNS ROWS` on file descriptor 3 changes its size.
import fcntl, os, pty, select, signal, struct, sys, termios

def resize(fd, columns, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))

def main():
    columns, rows, *command = sys.argv[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        resize(0, columns, rows)
        os.closerange(3, 256)
        os.execvp(command[0], command)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGKILL))
    sources = [terminal, 0, 3]
    while terminal in sources:
        for ready in select.select(sources, [], [])[0]:
            try:
                data = os.read(ready, 65536)
            except OSError:
                data = b''
            if not data:
                sources.remove(ready)
            elif ready == terminal:
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            elif ready == 0:
                os.write(terminal, data)
            else:
                for line in data.decode().splitlines():
                    resize(terminal, *line.split()[1:])
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(code if code >= 0 else 128 - code)

main()
