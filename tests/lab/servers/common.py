# SPDX-License-Identifier: ISC
"""What the injectors share: settings that change at run time, and a log."""
import json
import os
import threading
import time

CONF = '/run/lab/conf/'
LOG = '/run/lab/log/'


class Settings:
    """A JSON file, read anew whenever it is replaced."""

    def __init__(self, name):
        self.path = CONF + name
        self.stamp = None
        self.value = {}
        self.lock = threading.Lock()

    def get(self):
        with self.lock:
            info = os.stat(self.path)
            stamp = info.st_ino, info.st_mtime_ns
            if stamp != self.stamp:
                with open(self.path, encoding='utf-8') as file:
                    self.value = json.load(file)
                self.stamp = stamp
            return self.value


class Log:
    """One JSON object a line."""

    def __init__(self, name):
        self.file = open(LOG + name, 'a', buffering=1, encoding='utf-8')
        self.lock = threading.Lock()

    def write(self, **fields):
        line = json.dumps({'t': time.time(), **fields})
        with self.lock:
            self.file.write(line + '\n')
