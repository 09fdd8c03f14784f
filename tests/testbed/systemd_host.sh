#!/usr/bin/env bash
# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A throw-away Debian 12 host with a real systemd as process 1, for tests of roles that manage services.
# Works where the machine itself has no systemd running and no container engine.
#
#   systemd_host.sh up DIR        boot a fresh host, wait until it is up, print its inventory entry (YAML, on stdout)
#   systemd_host.sh down DIR      kill it and remove all that is left of it, also after a killed `up`
#   systemd_host.sh status [DIR]  without DIR: one line a host, "PID STATE ROOT" or "- not-running CGROUP";
#                                 with DIR: its inventory entry
#
# Exit codes: 0 done; 1 failed, the reason is on stderr; 2 wrong usage; 3 status DIR: no such host is running.
# All three may be repeated: `up` on a running host prints its entry again, `down` without a host does nothing.
# A fresh host is what follows `down`; DIR may be any directory, two directories are two hosts.
#
# Needs: root; Linux 5.14 or later with cgroup2; Debian packages mmdebstrap and systemd-container (installed with
# apt-get when they are missing); the Debian mirror, for the first `up` only. On the controller: community.docker,
# for its connection plugin nsenter.
#
# Environment:
#   HUBWRIGHT_CACHE  where the root file system is kept between runs, about 260 MB
#                    (default ${XDG_CACHE_HOME:-$HOME/.cache}/hubwright). Remove DIR/systemd-host-* to build it anew.
#
# What is in DIR/systemd-host: root/ (the host's file system, open to inspection) and console.log (its boot messages).
#
# How it works
#   - The script runs again inside a mount namespace of its own, where /sys/fs/cgroup is the cgroup2 hierarchy and /run
#     is empty. So it behaves alike on machines with cgroup v1, v2 or both, and its mounts end with its processes.
#   - Everything `up` starts is in the cgroup hubwright-<checksum of DIR>. `down` kills that cgroup: no process ids are
#     stored, so none can be stale, and a `down` after `kill -9` finds what there is.
#   - systemd-nspawn boots a copy of the cached root file system. It keeps /proc/sys and /sys read-only and grants no
#     CAP_NET_ADMIN, so the host cannot change the machine's kernel settings or network.
#   - Ansible enters with nsenter, as root. No ssh server, no port, no key.
#
# What differs from a real machine
#   - The network is the machine's: ports are shared with it (give each hub ports of its own), and the host sees
#     listeners whose processes it does not see.
#   - A cgroup2 hierarchy has only the controllers that cgroup v1 leaves over. Where there are none, units start and
#     KillMode= works, while MemoryMax=, CPUQuota= and TasksMax= are accepted and have no effect.
#   - A task inherits the environment of ansible-playbook (PATH, PIP_*, LANG ...), not that of a login; services do not.
#     Its processes are outside the host's cgroups, though inside its process namespace.
#   - `become` uses su: there is no sudo. For a user's own systemd: `loginctl enable-linger USER`, then become that user
#     with XDG_RUNTIME_DIR=/run/user/UID.
#   - No udev, no login prompt, no time synchronisation. Certificate authorities that the machine trusts beyond
#     Debian's own, and its /etc/pip.conf, are copied at every boot.
set -euo pipefail
shopt -s inherit_errexit

readonly SUITE=bookworm
readonly PACKAGES=ca-certificates,dbus,dbus-user-session,libpam-systemd,python3,python3-venv,systemd,systemd-sysv
readonly CGROUPS=/sys/fs/cgroup
readonly CA_BUNDLE=etc/ssl/certs/ca-certificates.crt
readonly BOOT_SECONDS=120
readonly KILL_SECONDS=30

say() { printf 'systemd_host.sh: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}
usage() {
    sed -n '/^#   systemd_host.sh up/,/^#$/s/^# *//p' "$0" >&2
    exit 2
}

# ---- the machine -------------------------------------------------------------------------------------------------

require_root() {
    [[ $EUID -eq 0 ]] || fail "run by uid $EUID, but mounts, cgroups and process namespaces need root." \
        "Run it as root, for example with sudo."
}

install_packages() {
    local missing=() package
    for package in mmdebstrap systemd-container debian-archive-keyring; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    {
        apt-get update --quiet &&
            DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
    } >&2 || fail "apt-get could not install ${missing[*]}; its messages are above. Install them by hand and repeat."
}

# Mounts made here are seen by this script and its children only, and vanish with the last of them.
enter_private_mounts() {
    [[ $(stat --file-system --format=%T "$CGROUPS") != cgroup2fs ]] || return 0
    mount -t cgroup2 cgroup2 "$CGROUPS" || fail "cannot mount cgroup2 on $CGROUPS, which systemd needs." \
        "Use a kernel with cgroup2, and outside of containers that forbid mounting."
}

# ---- the cached root file system ---------------------------------------------------------------------------------

# Builds the root file system; it is complete or not there at all. Steps are chained because the caller asks whether it
# succeeded, which switches `set -e` off.
build_root() {
    local root=$1 partial=$1.partial
    say "building $root (once, less than a minute)"
    # mmdebstrap's temporary files lie within, so that they go with the rest after a killed run.
    rm -rf "$partial" && mkdir -p "$partial/tmp" &&
        TMPDIR=$partial/tmp mmdebstrap --quiet --variant=minbase --include="$PACKAGES" "$SUITE" "$partial/root" >&2 &&
        mv -T "$partial/root" "$root" && rm -rf "$partial"
}

# Prints the directory of the root file system; builds it when it is not there. Safe to run several times at once.
cached_root() {
    local cache recipe root
    cache=$(realpath --canonicalize-missing -- "$1")
    recipe=$(sha256sum <<<"$SUITE $PACKAGES")
    root=$cache/systemd-host-$SUITE-${recipe:0:12}
    mkdir -p "$cache"
    (
        flock 8
        [[ -d $root ]] || build_root "$root"
    ) 8>"$cache/systemd-host.lock" || fail "the root file system could not be built in $cache;" \
        "mmdebstrap's messages are above." \
        "It needs the Debian mirror (http) and about 600 MB."
    printf '%s\n' "$root"
}

# ---- one host ----------------------------------------------------------------------------------------------------

# Sets state (files of the host) and group (its cgroup) for DIR.
locate() {
    local directory checksum
    directory=$(realpath --canonicalize-missing -- "$1")
    checksum=$(sha256sum <<<"$directory")
    state=$directory/systemd-host
    name=hubwright-${checksum:0:12}
    group=$CGROUPS/$name
}

# Prints the process id, as the machine sees it, of the host's process 1; fails when no sound host runs in this cgroup.
first_process() {
    local pid ids
    # systemd outlives a killed nspawn, but what nspawn served (console, notifications) is gone: no sound host.
    populated "$1/host/supervisor" || return 1
    while read -r pid; do
        ids=$(sed -n 's/^NSpid:\s*//p' "/proc/$pid/status" 2>/dev/null) || continue
        # Two namespaces deep or more, and process 1 in the innermost.
        [[ $ids =~ ^[0-9].*[[:space:]]1$ ]] && printf '%s\n' "$pid" && return 0
    done < <(cat "$1/host/payload/init.scope/cgroup.procs" 2>/dev/null)
    return 1
}

populated() { grep -qs '^populated 1' "$1/cgroup.events"; }

# Prints the directory that is the file system of the host in this cgroup: an argument of its nspawn.
root_of() {
    local pid
    read -r pid <"$1/host/supervisor/cgroup.procs"
    tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n 's/^--directory=//p'
}

# Runs a command in the host with this process 1.
inside() {
    local pid=$1
    shift
    nsenter --target "$pid" --mount --uts --ipc --net --pid -- env -i PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 "$@"
}

# Takes away the host of `locate`, whatever state it is in.
remove_host() {
    if [[ -d $group ]]; then
        echo 1 >"$group/cgroup.kill"
        local deadline=$((SECONDS + KILL_SECONDS))
        # A cgroup can be removed as soon as its last process has been reaped.
        until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do
            [[ -d $group ]] || break
            ((SECONDS < deadline)) || fail "processes of $state are still there $KILL_SECONDS s after SIGKILL:" \
                "$(find "$group" -name cgroup.procs -exec cat {} + | tr '\n' ' ')in cgroup $name." \
                "Look at /proc/PID/stack."
            sleep 0.1
        done
    fi
    rm -rf "$state"
}

# A copy of the cached root becomes a machine of its own: names, identity, trust.
prepare_root() {
    local source=$1 root=$2 extra unit
    cp -a --reflink=auto "$source" "$root"
    rm -f "$root"/etc/{hostname,hosts,resolv.conf}
    echo systemd-host >"$root/etc/hostname"
    printf '127.0.0.1 localhost systemd-host\n::1 localhost\n' >"$root/etc/hosts" # a root of mmdebstrap has none
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    # Without an identity systemd takes this for a first boot and enables all units of its presets, networkd included.
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    # Nobody logs in at the console, and nothing but the test takes apt's lock.
    for unit in console-getty.service apt-daily.timer apt-daily-upgrade.timer; do
        ln -s /dev/null "$root/etc/systemd/system/$unit"
    done
    if [[ -f /etc/pip.conf ]]; then cp -L /etc/pip.conf "$root/etc/pip.conf"; fi

    # Authorities that the machine trusts and Debian does not, in a form that survives update-ca-certificates.
    [[ -r /$CA_BUNDLE ]] || return 0
    extra=$root/usr/local/share/ca-certificates
    mkdir -p "$extra"
    awk -v directory="$extra" '
        /-----BEGIN CERTIFICATE-----/ { block = ""; inside = 1 }
        inside { block = block $0 "\n" }
        /-----END CERTIFICATE-----/ {
            inside = 0
            if (FNR == NR) known[block] = 1
            else if (!(block in known)) {
                file = directory "/machine-" ++count ".crt"
                printf "%s", block >file
                close(file)
            }
        }' "$root/$CA_BUNDLE" "/$CA_BUNDLE"
    chroot "$root" /usr/sbin/update-ca-certificates >/dev/null 2>&1 || fail "update-ca-certificates failed in $root." \
        "Run it there with chroot to see why."
}

# nspawn keeps locks and sockets under /run and cannot clear them on a /run that is no tmpfs.
boot() {
    mkdir "$group/host"
    echo $$ >"$group/host/cgroup.procs" # inherited by what is started next
    (
        mount -t tmpfs tmpfs /run
        # /tmp on the disk, as Debian has it; installing packages needs room there.
        SYSTEMD_NSPAWN_TMPFS_TMP=0 exec setsid systemd-nspawn --quiet --settings=no --register=no --keep-unit --boot \
            --machine="$name" --hostname=systemd-host --directory="$state/root" \
            --rlimit=NOFILE=1024:524288 --resolv-conf=off --timezone=off --link-journal=no --console=read-only
    ) </dev/null >"$state/console.log" 2>&1 9<&- &
    echo $$ >"$group/up/cgroup.procs"
}

# Waits until the boot of the host is over and prints its process id.
wait_until_booted() {
    local deadline=$((SECONDS + BOOT_SECONDS)) pid answer=nothing
    while ((SECONDS < deadline)); do
        if pid=$(first_process "$group"); then
            # "running", or "degraded" when a unit failed: both mean that the boot is over.
            answer=$(inside "$pid" timeout $((deadline - SECONDS + 1)) systemctl is-system-running --wait 2>&1) || true
            case $answer in
            running) printf '%s\n' "$pid" && return 0 ;;
            degraded)
                say "booted, but units failed:" "$(inside "$pid" systemctl list-units --failed --plain --no-legend)"
                printf '%s\n' "$pid" && return 0
                ;;
            esac
        elif ! populated "$group/host"; then
            break # nspawn is gone
        fi
        sleep 0.2
    done
    say "the host did not boot; systemctl is-system-running said: $answer. Last lines of $state/console.log:"
    tail -n 20 "$state/console.log" >&2 || true
    fail "Clear it away with: $0 down ${state%/systemd-host}"
}

print_entry() {
    cat <<ENTRY
systemd_host:
  ansible_connection: community.docker.nsenter
  ansible_nsenter_pid: $1
  ansible_user: root
  ansible_become_method: ansible.builtin.su
  ansible_python_interpreter: /usr/bin/python3
ENTRY
}

# ---- commands ----------------------------------------------------------------------------------------------------

up() {
    local pid source
    locate "$1"
    mkdir -p "${state%/systemd-host}" || fail "${state%/systemd-host} cannot be used:" \
        "it has to be a directory, or a name that is free."
    exec 9<"${state%/systemd-host}"
    flock 9 # one `up` at a time for one DIR; the second one finds the host running
    if ! first_process "$group" >/dev/null; then
        remove_host
        install_packages
        mkdir -p "$group/up"
        echo $$ >"$group/up/cgroup.procs" # from here on `down` ends this script too
        mkdir -m 700 "$state"             # the setuid programs in it are no business of the machine's users
        source=$(cached_root "${HUBWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hubwright}")
        prepare_root "$source" "$state/root"
        boot
    fi
    pid=$(wait_until_booted)
    print_entry "$pid"
}

down() {
    locate "$1"
    remove_host
    rmdir --ignore-fail-on-non-empty "${state%/systemd-host}" 2>/dev/null || true
}

status() {
    local pid every
    if (($#)); then
        locate "$1"
        pid=$(first_process "$group") || {
            say "no host runs for $1; start one with: $0 up $1"
            exit 3
        }
        print_entry "$pid"
        return
    fi
    for every in "$CGROUPS"/hubwright-*/; do
        [[ -d $every ]] || continue
        if pid=$(first_process "$every"); then
            printf '%s %s %s\n' "$pid" "$(inside "$pid" systemctl is-system-running || true)" "$(root_of "$every")"
        else
            printf -- '- not-running %s\n' "$every"
        fi
    done
}

command=${1:-}
case $command:$# in
up:2 | down:2 | status:1 | status:2) require_root ;;
_private:*)
    shift
    enter_private_mounts
    "$@"
    exit
    ;;
*) usage ;;
esac
exec unshare --mount --propagation private -- "$BASH" "$0" _private "$@"
