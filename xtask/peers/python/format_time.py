"""Measures the formatter of python-logstash-async.

usage: format_time.py MILLISECONDS

Prints `python CASE python-logstash-async NANOSECONDS 0 BYTES` for each case, per event, after a warm-up. What Python
allocates is not counted.
"""

import logging
import sys
import time

from logstash_async.formatter import LogstashFormatter

BATCH = 64


def main():
    seconds = int(sys.argv[1]) / 1000
    logger = logging.Logger('shop.orders', logging.DEBUG)
    formatter = LogstashFormatter()
    order = {'order': 1001, 'customer': 'Ada Lovelace', 'amount': 59.9, 'express': True}
    cases = [
        ('bare', record(logger, 'order placed')),
        ('4-fields', record(logger, 'order placed', extra=order)),
        ('error', record(logger, 'order not placed', exc_info=failure())),
    ]
    for case, example in cases:
        measure(formatter, example, seconds / 4)
        nanoseconds = measure(formatter, example, seconds)
        size = len(formatter.format(example).encode())
        print('python', case, 'python-logstash-async', '%.1f' % nanoseconds, 0, size, flush=True)


def record(logger, message, extra=None, exc_info=None):
    return logger.makeRecord(
        logger.name, logging.INFO, 'src/orders.py', 42, message, (), exc_info, 'place_order', extra)


def failure():
    try:
        try:
            try:
                raise ConnectionResetError('connection reset by peer')
            except OSError as cause:
                raise RuntimeError('the connection to the store broke') from cause
        except RuntimeError as cause:
            raise ValueError('order 1001 cannot be stored') from cause
    except ValueError:
        return sys.exc_info()


def measure(formatter, example, seconds):
    events = 0
    started = time.perf_counter()
    while True:
        for _ in range(BATCH):
            formatter.format(example)
        events += BATCH
        spent = time.perf_counter() - started
        if spent >= seconds:
            return spent / events * 1e9


if __name__ == '__main__':
    main()
