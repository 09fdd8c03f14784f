#!/bin/sh
# Runs in the container of PostgreSQL when it starts: makes the hub's role and database, and gives the role its password.
# While a first start prepares the files, only the socket answers. A user whose number has no name has to be said.
set -eu
until pg_isready --quiet --host=127.0.0.1 --username=postgres; do sleep 1; done
psql --username=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
\getenv role HUB_ROLE
\getenv database HUB_DATABASE
\getenv password HUB_PASSWORD
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SQL
