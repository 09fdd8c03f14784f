#!/bin/sh
# Runs before the hub in its pod, with the programs of PostgreSQL, when database.py has left word: DIRECTORY.
# PGHOST, PGPORT, PGUSER, PGDATABASE and PGPASSWORD say where the database is.
set -eu
cd "$1"
if [ -e copy-wanted ]; then
    pg_dump --format=custom --file=before.dump.part
    mv -f before.dump.part before.dump
    rm copy-wanted
fi
if [ -e put-back-wanted ]; then
    # All of it or nothing.
    { echo 'DROP OWNED BY CURRENT_USER CASCADE;' && pg_restore --no-owner --no-privileges --file=- before.dump; } |
        psql --no-psqlrc --quiet --single-transaction --set=ON_ERROR_STOP=1 >/dev/null
    rm put-back-wanted
fi
