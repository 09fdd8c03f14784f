#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An LDAP server with a few people: Debian's slapd, until it is killed.
#
#   directory.sh DIRECTORY ADDRESS PORT NAME=PASSWORD...
#
# LDAP and StartTLS at PORT, LDAPS at PORT + 1, for ADDRESS, with a certificate that DIRECTORY/ca.pem vouches for. People
# are uid=NAME,ou=people,dc=example,dc=org; the first one is the only member of cn=students,ou=groups,dc=example,dc=org;
# cn=reader,dc=example,dc=org (password reader) may search. Nobody else sees anything without a password.
set -euo pipefail
[ $# -gt 3 ] || {
    echo "usage: $0 DIRECTORY ADDRESS PORT NAME=PASSWORD..." >&2
    exit 2
}
directory=$1 address=$2 port=$3
shift 3
root=$("$(dirname "${BASH_SOURCE[0]}")/debian_programs.sh" slapd libltdl7 libodbc2 libwrap0)
export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu
mkdir -p "$directory/data"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$address" -addext "subjectAltName=IP:$address" \
    -keyout "$directory/key.pem" -out "$directory/ca.pem" 2>"$directory/openssl.log" || {
    cat "$directory/openssl.log" >&2
    exit 1
}
cat >"$directory/slapd.conf" <<CONFIGURATION
include $root/etc/ldap/schema/core.schema
include $root/etc/ldap/schema/cosine.schema
include $root/etc/ldap/schema/inetorgperson.schema
modulepath $root/usr/lib/ldap
moduleload back_mdb
TLSCertificateFile $directory/ca.pem
TLSCertificateKeyFile $directory/key.pem
database mdb
suffix dc=example,dc=org
directory $directory/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
CONFIGURATION
{
    cat <<ENTRIES
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: cn=students,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: students
member: uid=${1%%=*},ou=people,dc=example,dc=org

dn: cn=reader,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader
ENTRIES
    for person in "$@"; do
        cat <<PERSON

dn: uid=${person%%=*},ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: ${person%%=*}
cn: ${person%%=*}
sn: ${person%%=*}
userPassword: ${person#*=}
PERSON
    done
} >"$directory/people.ldif"
"$root/usr/sbin/slapd" -T add -q -f "$directory/slapd.conf" -l "$directory/people.ldif"
exec "$root/usr/sbin/slapd" -d 0 -f "$directory/slapd.conf" -h "ldap://$address:$port ldaps://$address:$((port + 1))"
