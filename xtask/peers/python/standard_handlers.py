"""Logs events through a handler of Python's standard library.

usage: standard_handlers.py PORT EVENTS FILE HANDLER

FILE takes what was logged, one JSON object a line, in the order of logging. HANDLER is SocketHandler or
DatagramHandler. Ends when everything is handed to the system.
"""

import json
import logging
import logging.handlers
import sys

from parent import exit_with_parent


def main():
    port, events, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    exit_with_parent()
    handler = getattr(logging.handlers, sys.argv[4])('127.0.0.1', port)
    logger = logging.Logger('shop.orders', logging.DEBUG)
    logger.addHandler(handler)
    with open(path, 'w', encoding='utf-8') as file:
        for number in range(events):
            extra = {'number': number, 'text': 'tab\t"quotes" ✓', 'nested': {'list': [number, None, 2.5, True]}}
            expected = dict(extra, message=f'event {number} of "Zoë"', levelname='WARNING', logger_name=logger.name)
            if number % 50 == 49:
                try:
                    raise ValueError(f'failure {number}')
                except ValueError:
                    logger.exception('event %d of "%s"', number, 'Zoë', extra=extra)
                expected.update(levelname='ERROR', error_type='ValueError', error_message=f'failure {number}')
            elif number % 50 == 48:
                # A class, which is code: this record is to be refused, and the ones after it are to arrive.
                logger.warning('event %d asks for code', number, extra={'when': logging.Formatter()})
                continue
            else:
                logger.warning('event %d of "%s"', number, 'Zoë', extra=extra)
            file.write(json.dumps(expected, ensure_ascii=False) + '\n')
    handler.close()


if __name__ == '__main__':
    main()
