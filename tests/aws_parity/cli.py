"""Runs the AWS CLI on one command line after another in one process: most of its time is its start.

Each line of standard input is a JSON list of arguments; each line of standard output a JSON object of what that command
wrote and its exit status. The models that a command reads are kept for the next.
"""
import functools
import json
import os
import sys
import tempfile

import awscli.clidriver

try:
    from awscli.botocore import loaders
except ImportError:
    from botocore import loaders
load = loaders.JSONFileLoader.load_file
kept = functools.lru_cache(maxsize=None)(lambda path: load(loaders.JSONFileLoader(), path))
loaders.JSONFileLoader.load_file = lambda self, path: kept(path)

answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
for line in sys.stdin:
    sys.argv = ["aws", *json.loads(line)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            status = awscli.clidriver.main()
        except SystemExit as end:
            status = end.code
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except ValueError:
                pass
        read = lambda file: (file.seek(0), file.read().decode("utf-8"))[1]
        ran = {"status": status or 0, "stdout": read(out), "stderr": read(err)}
    answers.write(json.dumps(ran) + "\n")
    answers.flush()
