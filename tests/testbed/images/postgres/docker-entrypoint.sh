#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the database cluster, the role and the database once, from POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD or
# POSTGRES_PASSWORD_FILE, then runs the command. As root it becomes the user postgres first.
set -euo pipefail

case ${1:-} in
-*) set -- postgres "$@" ;;
postgres) ;;
*) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    exec setpriv --reuid postgres --regid postgres --init-groups -- "$0" "$@"
fi

install -d -m 700 "$PGDATA"
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    database=${POSTGRES_DB:-$user}
    password=${POSTGRES_PASSWORD:-}
    [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || password=$(<"$POSTGRES_PASSWORD_FILE")
    if [ -z "$password" ]; then
        echo "Error: no password for the database's superuser: set POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD." >&2
        exit 1
    fi
    # initdb asks for the name of its user, and a number that a policy gives has none.
    if ! getent passwd "$(id -u)" >/dev/null; then
        NSS_WRAPPER_PASSWD=$(mktemp)
        NSS_WRAPPER_GROUP=$(mktemp)
        echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" >"$NSS_WRAPPER_PASSWD"
        echo "postgres:x:$(id -g):" >"$NSS_WRAPPER_GROUP"
        export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    fi
    # shellcheck disable=SC2086 # several arguments in one variable, as the real image takes them
    initdb --username="$user" --pwfile=<(printf '%s\n' "$password") --auth-local=trust --auth-host=scram-sha-256 \
        ${POSTGRES_INITDB_ARGS:-}
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" "$PGDATA/postgresql.conf"
    # No network until the database is there: who can connect finds all of it.
    pg_ctl --options="-c listen_addresses=''" --wait start
    [ "$database" = postgres ] || createdb --username="$user" --maintenance-db=postgres "$database"
    shopt -s nullglob
    for file in /docker-entrypoint-initdb.d/*.sql; do
        psql --set ON_ERROR_STOP=1 --no-psqlrc --username="$user" --dbname="$database" --file="$file"
    done
    pg_ctl --mode=fast --wait stop
fi
exec "$@"
