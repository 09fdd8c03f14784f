#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The entry point: as root it becomes the user that NB_USER, NB_UID and NB_GID describe, then it runs the command.
set -euo pipefail

[ "$(id -u)" = 0 ] || exec "$@"

group=$(getent group "$NB_GID" | cut -d: -f1) || true
if [ -z "$group" ]; then
    group=${NB_GROUP:-$NB_USER}
    groupadd --gid "$NB_GID" "$group"
fi
if ! id "$NB_USER" >/dev/null 2>&1; then
    userdel jovyan
    useradd --no-log-init --home-dir "/home/$NB_USER" --shell /bin/bash --uid "$NB_UID" --gid "$NB_GID" --groups users "$NB_USER"
elif [ "$(id -u "$NB_USER"):$(id -g "$NB_USER")" != "$NB_UID:$NB_GID" ]; then
    usermod --uid "$NB_UID" --gid "$NB_GID" "$NB_USER"
fi
if [ ! -e "/home/$NB_USER" ]; then
    cp -a /home/jovyan "/home/$NB_USER"
    chown -R "$NB_UID:$NB_GID" "/home/$NB_USER"
fi
case ${CHOWN_HOME:-} in
1 | yes) chown "$NB_UID:$NB_GID" "/home/$NB_USER" ;;
esac
[ "$PWD" != /home/jovyan ] || cd "/home/$NB_USER"
export HOME=/home/$NB_USER USER=$NB_USER LOGNAME=$NB_USER
exec setpriv --reuid "$NB_UID" --regid "$NB_GID" --init-groups -- "$@"
