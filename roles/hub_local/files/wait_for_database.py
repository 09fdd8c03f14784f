"""Wait until the hub's PostgreSQL server answers: HOST PORT DATABASE USER SECONDS. Run by the hub's own Python."""

import sys
import time

import psycopg2

host, port, database, user, seconds = sys.argv[1:]
deadline = time.monotonic() + float(seconds)
while True:
    try:
        psycopg2.connect(host=host, port=port, dbname=database, user=user, connect_timeout=5).close()
        break
    except psycopg2.OperationalError as error:
        if time.monotonic() > deadline:
            sys.exit(f"PostgreSQL at {host}:{port} did not let {user} into {database} within {seconds} s: {error}")
        time.sleep(1)
