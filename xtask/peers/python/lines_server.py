"""A server of lines that logs each of them to a file, for `cargo xtask bench relay`.

    lines_server.py PORT FILE

A thread for each connection, and a logger for each peer: what the standard library offers for it. Ends when its
standard input ends, so that it cannot outlive the process that started it.
"""

import logging
import os
import socketserver
import sys
import threading


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        logger = logging.getLogger(self.client_address[0])
        for line in self.rfile:
            logger.info("%s", line.decode("utf-8", "replace").rstrip("\r\n"))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(3)


def main():
    port, file = int(sys.argv[1]), sys.argv[2]
    threading.Thread(target=end_with_parent, daemon=True).start()
    # The line as it came. What the other fields of a record cost is saved, as servers do that are to be fast.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(filename=file, format="%(message)s", level=logging.INFO)
    Server(("127.0.0.1", port), Lines).serve_forever()


main()
