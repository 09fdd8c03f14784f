#!/bin/sh
# A copy of a PostgreSQL database beside the hub: dump|restore FILE ROLE DATABASE COMMAND ..., where COMMAND is docker compose
# with its options. Run by sh -c.
set -eu
what=$1 file=$2 role=$3 database=$4
shift 4

dump() {
    umask 077
    "$@" exec -T database pg_dump --username=postgres --format=custom --dbname="$database" >"$file.new"
    mv -f "$file.new" "$file"
}

# The database of before takes the place of the other one when it is complete. The copy is used up: the hub goes on from there.
restore() {
    # shellcheck disable=SC2016 # for the shell in the container
    "$@" exec -T database sh -euc '
        dropdb --username=postgres --if-exists "$2 restored"
        createdb --username=postgres --owner="$1" "$2 restored"
        pg_restore --username=postgres --exit-on-error --dbname="$2 restored"
        dropdb --username=postgres --if-exists --force "$2"
        echo "ALTER DATABASE :\"old\" RENAME TO :\"new\";" |
            psql --username=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=old="$2 restored" --set=new="$2"
    ' sh "$role" "$database" <"$file"
    mv -f "$file" "$file.put-back"
}

"$what" "$@"
