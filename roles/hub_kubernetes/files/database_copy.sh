#!/bin/sh
# Runs before the hub in its pod, with the programs of PostgreSQL, when database.py has left word, or a restore a copy of a database: DIRECTORY.
# PGHOST, PGPORT, PGUSER, PGDATABASE and PGPASSWORD say where the database is.
set -eu
cd "$1"
# Puts a copy in the place of the database, then runs the SQL on standard input: all of it or nothing.
replace_by() {
    # A pipe would let psql take the end of a copy that can not be read for the end of the work.
    {
        echo 'DROP OWNED BY CURRENT_USER CASCADE;'
        pg_restore --no-owner --no-privileges --file=- "$1"
        cat
    } >"$1.sql"
    psql --no-psqlrc --quiet --single-transaction --set=ON_ERROR_STOP=1 --file="$1.sql" >/dev/null
    rm "$1.sql"
}

if [ -e jupyterhub.restored.dump ]; then
    echo 'The database is restored; what was there goes into before-restore.dump.'
    pg_dump --format=custom --file=before-restore.dump.part
    mv -f before-restore.dump.part before-restore.dump
    # No server of before runs any more.
    replace_by jupyterhub.restored.dump <<'SQL'
DELETE FROM public.servers WHERE id IN (SELECT server_id FROM public.spawners);
UPDATE public.spawners SET server_id = NULL, state = NULL, started = NULL;
SQL
    rm jupyterhub.restored.dump
fi
if [ -e copy-wanted ]; then
    pg_dump --format=custom --file=before.dump.part
    mv -f before.dump.part before.dump
    rm copy-wanted
fi
if [ -e put-back-wanted ]; then
    replace_by before.dump </dev/null
    rm put-back-wanted
fi
