"""Logs events through python-logstash-async: memory cache, everything else at its defaults.

usage: logstash_async_client.py PORT EVENTS TIMEOUT FILE TRANSPORT [AUTHORITY]

FILE takes what the formatter returned, one document a line, in the order of logging. TIMEOUT is that of the
socket, in seconds; its default is 5. TRANSPORT is Beats, Http, Tcp or Udp. AUTHORITY is a file with the certificate to
trust, for TLS.
Prints `control HOST:PORT`, then `logged EVENTS`; closes the handler when somebody connects there.
"""

import logging
import socket
import sys

from logstash_async.constants import constants
from logstash_async.formatter import LogstashFormatter
from logstash_async.handler import AsynchronousLogstashHandler

from parent import exit_with_parent


class RecordingFormatter(LogstashFormatter):
    """Keeps what it returned, to be compared with what the receiver got."""

    def __init__(self, file):
        super().__init__()
        self._file = file

    def format(self, record):
        document = super().format(record)
        self._file.write(document + '\n')
        return document


def main():
    port, events, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[4]
    constants.SOCKET_TIMEOUT = float(sys.argv[3])
    exit_with_parent()
    control = socket.create_server(('127.0.0.1', 0))
    print('control', '%s:%d' % control.getsockname(), flush=True)
    with open(path, 'w', encoding='utf-8') as file:
        handler = AsynchronousLogstashHandler(
            '127.0.0.1', port, database_path=None,
            transport=f'logstash_async.transport.{sys.argv[5]}Transport',
            ssl_enable=len(sys.argv) > 6, ca_certs=sys.argv[6] if len(sys.argv) > 6 else None)
        handler.setFormatter(RecordingFormatter(file))
        # A logger of its own, so that what the library logs about itself is not an event.
        logger = logging.Logger('interoperability', logging.DEBUG)
        logger.addHandler(handler)

        for number in range(events):
            if number % 50 == 49:
                try:
                    raise ValueError(f'failure {number} — ünïcode ✓')
                except ValueError:
                    logger.exception('event %d failed', number)
            else:
                logger.info('event %d', number, extra={'number': number, 'text': 'tab\t"quotes" ✓'})
        print('logged', events, flush=True)
        control.accept()
        handler.close()


if __name__ == '__main__':
    main()
