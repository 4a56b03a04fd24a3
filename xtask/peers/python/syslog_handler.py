"""Logs texts through the SysLogHandler of Python's standard library.

usage: syslog_handler.py WAY ADDRESS TEXTS FILE

WAY is udp or tcp, with a port of the loopback interface as ADDRESS, or unix, with the path of a socket. TEXTS is a file
with a JSON list of texts. FILE takes what a syslog server has to understand of each event, one JSON object a line. Ends
when everything is handed to the system.
"""

import json
import logging
import logging.handlers
import os
import socket
import sys

from parent import exit_with_parent

SEVERITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class RecordingHandler(logging.handlers.SysLogHandler):
    """Notes what it sends."""

    def __init__(self, file, *arguments):
        super().__init__(*arguments)
        self._file = file
        self.ident = 'shop.orders[%d]: ' % os.getpid()

    def emit(self, record):
        expected = {
            'message': self.format(record), 'appname': 'shop.orders', 'pid': os.getpid(),
            'facility': self.facility, 'severity': SEVERITIES[record.levelno],
        }
        self._file.write(json.dumps(expected, ensure_ascii=False) + '\n')
        super().emit(record)

    def handleError(self, record):
        raise


def main():
    way, address, texts, path = sys.argv[1:]
    exit_with_parent()
    with open(texts, encoding='utf-8') as file:
        texts = json.load(file)
    facility = logging.handlers.SysLogHandler.LOG_LOCAL3
    with open(path, 'w', encoding='utf-8') as file:
        if way == 'unix':
            handler = RecordingHandler(file, address, facility)
        else:
            kind = socket.SOCK_STREAM if way == 'tcp' else socket.SOCK_DGRAM
            handler = RecordingHandler(file, ('127.0.0.1', int(address)), facility, kind)
        logger = logging.Logger('shop.orders', logging.DEBUG)
        logger.addHandler(handler)
        for number, text in enumerate(texts):
            logger.log(list(SEVERITIES)[number % 5], '%s', text)
        if way != 'tcp':
            # What it sends over TCP ends with a NUL; a receiver that also takes lines ends messages at both.
            try:
                raise ValueError('of ünïcode ✓')
            except ValueError:
                logger.exception('a failure')
        handler.close()


if __name__ == '__main__':
    main()
