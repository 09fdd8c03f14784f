# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of many small and a few large volumes, beside what people use instead, on the same data and in turn."""

from __future__ import annotations

import json
import multiprocessing
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import typing as t

import measuring
from measuring import Broken, Row, Run, number

SMALL, LARGE = 200, 3
ORIGIN = 10  # of the small volumes; one container each, so that more tell nothing new
ModuleProcess = t.Callable[..., tuple[Run, dict[str, t.Any]]]


def backup(module_process: ModuleProcess, runs: int) -> list[Row]:
    """Ratios within one round; their median over all rounds."""
    with tempfile.TemporaryDirectory(prefix="hubwright-bench-") as name:
        bench = Bench(pathlib.Path(name), module_process)
        # In a process of its own, so that what it takes in memory goes with it.
        generating = multiprocessing.get_context("fork").Process(target=bench.generate)
        generating.start()
        generating.join()
        if generating.exitcode:
            raise Broken("the files to back up could not be written")
        rounds = []
        for count in range(runs):
            print(f"backup, round {count + 1} of {runs}", file=sys.stderr)
            rounds.append({**bench.small(), **bench.large()})
    return _rows(rounds)


class Bench:
    """The data, and the ways to save it."""

    def __init__(self, directory: pathlib.Path, module_process: ModuleProcess) -> None:
        self.directory, self._module = directory, module_process
        self.out = directory / "out"
        self.environment = os.environ | {
            "RESTIC_PASSWORD": "bench",
            "BORG_PASSPHRASE": "bench",
            "BORG_BASE_DIR": str(directory / "borg-home"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "XDG_CACHE_HOME": str(directory / "cache"),
        }

    def generate(self) -> None:
        """200 volumes of 50 files and 750 kB, and 3 of 950 MB with 20,000 tiny files."""
        chance = random.Random(5)
        for count in range(SMALL):
            top = self.directory / "small" / f"user{count:03}"
            for kind, files, size in (("ipynb", 20, 18_000), ("py", 20, 2_000), ("json", 5, 9_000), ("bin", 5, 60_000)):
                _files(chance, top / kind, kind, files, size)
        for count in range(LARGE):
            top = self.directory / "large" / f"user{count}"
            _files(chance, top / "ipynb", "ipynb", 1475, 200_000)
            _files(chance, top / "bin", "bin", 10, 50_000_000)
            _files(chance, top / "csv", "csv", 7, 20_000_000)
            for group in range(200):
                _files(chance, top / "tiny" / str(group), "py", 100, 2_850)

    def small(self) -> dict[str, Run]:
        """One round with many small volumes."""
        found = {"small tar | zstd": self._tar("small", "zstd -3 -q --check"), "small ours": self._fresh("small")}
        found["small ours, unchanged"] = self._ours("small", "unchanged")
        self._module("ping", package="ansible.modules")  # the first one reads Ansible from the disk
        found["ping"] = self._module("ping", package="ansible.modules")[0]
        found |= self._restored()
        found |= self._restic("small") | self._borg("small")
        found |= self._origin()
        return found

    def large(self) -> dict[str, Run]:
        """One round with large volumes."""
        found = {"large tar | zstd": self._tar("large", "zstd -T0 -3 -q --check"), "large ours": self._fresh("large")}
        before = self._stored()
        size = self._change()
        found["large ours, 1 %"] = self._ours("large", "new")
        written = self._stored() - before
        found["large ours, written of 1 %"] = Run(written / size, 0, "")
        self._change()
        found["large ours, 1 % of one"] = self._ours("large", "new", [min((self.directory / "large").iterdir())])
        self._empty()
        tar = 'for v in */; do tar -C "$v" -g ../out/${v%/}.snar -cf ../out/${v%/}.tar .; done'
        found["large tar -g"] = self._shell("large", tar)
        self._change()
        found["large tar -g, 1 %"] = self._shell("large", tar)
        return found | self._cold() | self._restic("large") | self._borg("large")

    def _shell(self, kind: str, script: str) -> Run:
        os.sync()  # what is measured next does not wait for what others have written
        return measuring.run(["bash", "-euc", f"cd {self.directory / kind}; {script}"], environment=self.environment)

    def _empty(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(0o700)

    def _stored(self) -> int:
        return sum(path.stat().st_size for path in self.out.rglob("*") if path.is_file())

    def _tar(self, kind: str, compressor: str) -> Run:
        self._empty()
        script = f'for v in */; do tar -C "$v" -cf - . | {compressor} -o ../out/${{v%/}}.tar.zst; done'
        return self._shell(kind, script)

    def _fresh(self, kind: str) -> Run:
        self._empty()
        return self._ours(kind, "new")

    def _ours(self, kind: str, outcome: str, some: list[pathlib.Path] | None = None) -> Run:
        paths = some or sorted((self.directory / kind).iterdir())
        volumes = [{"user": path.name, "path": str(path)} for path in paths]
        os.sync()
        run, result = self._module("volume_backup", repository=str(self.out), hub="bench", volumes=volumes)
        if result.get("failed") or result["totals"][outcome] != len(volumes):
            raise Broken(f"volume_backup: {result.get('msg')} {result.get('totals')}")
        return run

    def _restic(self, kind: str) -> dict[str, Run]:
        if not shutil.which("restic"):
            return {}
        self._empty()
        self._shell(kind, "restic -q -r ../out init")
        command = "restic -q -r ../out backup ."
        found = {f"{kind} restic": self._shell(kind, command), f"{kind} restic, unchanged": self._shell(kind, command)}
        if kind == "large":
            self._change()
            found["large restic, 1 %"] = self._shell(kind, command)
        return found

    def _borg(self, kind: str) -> dict[str, Run]:
        if not shutil.which("borg"):
            return {}
        self._empty()
        self._shell(kind, "borg init -e none ../out/borg")
        found = {f"{kind} borg": self._shell(kind, "borg create -C zstd ../out/borg::1 .")}
        found[f"{kind} borg, unchanged"] = self._shell(kind, "borg create -C zstd ../out/borg::2 .")
        if kind == "large":
            self._change()
            found["large borg, 1 %"] = self._shell(kind, "borg create -C zstd ../out/borg::3 .")
        return found

    def _restored(self) -> dict[str, Run]:
        """All small volumes into new directories."""
        target = self.directory / "restored"
        target.mkdir()
        volumes = [{"user": f"user{count:03}", "path": str(target / f"user{count:03}")} for count in range(SMALL)]
        run, result = self._module("volume_restore", repository=str(self.out), hub="bench", volumes=volumes)
        if result.get("failed"):
            raise Broken(f"volume_restore: {result['msg']}")
        shutil.rmtree(target)
        return {"restore ours": run}

    def _cold(self) -> dict[str, Run]:
        """One large volume that is not in the system's cache, by tar and by us; empty where that can not be emptied."""
        volume = min((self.directory / "large").iterdir())
        found = {}
        for name, work in (
            ("cold tar", lambda: self._shell("large", f"tar -C {volume.name} -cf - . | cat >/dev/null")),
            (
                "cold tar | zstd",
                lambda: self._shell("large", f"tar -C {volume.name} -cf - . | zstd -T0 -3 -q -o ../out/c.zst"),
            ),
            ("cold ours", lambda: self._ours("large", "new", [volume])),
        ):
            self._empty()
            os.sync()
            try:
                pathlib.Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
            except OSError:
                return {}
            # Python itself is none of the volume's files.
            self._module("volume_backup", repository=str(self.out), hub="bench", volumes=[])
            found[name] = work()
        return found

    def _origin(self) -> dict[str, Run]:
        """``docker run ... tar`` for each volume, as the origin's documentation has it."""
        image = os.environ.get("HUBWRIGHT_BENCH_IMAGE", "")
        if not image:
            return {}
        self._empty()
        command = (
            f'docker run --rm -v "$PWD/$v:/data:ro" -v {self.out}:/backup {image} tar -cf /backup/$v.tar -C /data .'
        )
        # CPU of the engine is nobody's here.
        found = {"small origin": self._shell("small", f"for v in $(ls | head -{ORIGIN}); do {command}; done")}
        target = self.directory / "restored"
        command = f'mkdir -p {target}/$v; docker run --rm -v "{target}/$v:/data" -v {self.out}:/backup {image} tar -xf /backup/$v.tar -C /data'
        found["restore origin"] = self._shell("small", f"for v in $(ls | head -{ORIGIN}); do {command}; done")
        shutil.rmtree(target)
        return found

    def _change(self) -> int:
        """Change 1 % of the files of each large volume; returns the bytes of what was changed."""
        size = 0
        for top in (self.directory / "large").iterdir():
            files = [path for path in top.rglob("*") if path.is_file() and path.stat().st_size < 1_000_000]
            for path in random.sample(files, len(files) // 100):
                with path.open("ab") as stream:
                    stream.write(b"changed\n")
                size += path.stat().st_size
        return size


def _files(chance: random.Random, top: pathlib.Path, kind: str, count: int, size: int) -> None:
    top.mkdir(parents=True)
    for name in range(count):
        (top / f"{name}.{kind}").write_bytes(chance.randbytes(size) if kind == "bin" else _text(chance, kind, size))


def _text(chance: random.Random, kind: str, size: int) -> bytes:
    if kind == "csv":
        return b"".join(b"%d,%.6f,alpha\n" % (row, chance.random()) for row in range(size // 20))
    cells = [
        {
            "source": [f"x = {chance.randrange(10**6)}\n" for _line in range(8)],
            "outputs": [chance.random() for _n in range(20)],
        }
        for _cell in range(size // 700 + 1)
    ]
    return json.dumps(cells, indent=1).encode()[:size]


def _rows(rounds: list[dict[str, Run]]) -> list[Row]:
    def middle(what: str) -> float:
        return statistics.median(each[what].wall for each in rounds)

    def ratio(one: str, other: str, field: str = "wall", factor: float = 1.0, beyond_ping: bool = False) -> float:
        def of(each: dict[str, Run], what: str) -> float:
            value: float = getattr(each[what], field)
            return value

        return factor * statistics.median(
            of(each, one) / (of(each, other) - (of(each, "ping") if beyond_ping else 0)) for each in rounds
        )

    def least(what: str, value: float, limit: float) -> Row:
        return Row(what, f"{number(value)} times", f"at least {limit:g} times", value >= limit)

    def beyond(what: str) -> float:
        """CPU of that call of the module which is not Ansible's own."""
        return statistics.median(each[what].cpu - each["ping"].cpu for each in rounds)

    def most(what: str, value: float, limit: float, unit: str = "times") -> Row:
        return Row(what, f"{number(value)} {unit}", f"at most {limit:g} {unit}", value <= limit)

    there = rounds[0]
    rows = [
        Row(
            f"{name}, wall and CPU",
            f"{number(middle(name))} s, {number(statistics.median(each[name].cpu for each in rounds))} s",
        )
        for name in there
        if "written" not in name
    ]
    rows.append(most("small, first run, of tar | zstd for each", ratio("small ours", "small tar | zstd"), 1))
    if "small origin" in there:
        value = ratio("small origin", "small ours", factor=SMALL / ORIGIN)
        rows.append(least("small, origin's way for all, of ours", value, 40))
        rows.append(
            least(
                "small, restore, origin's way for all, of ours",
                ratio("restore origin", "restore ours", factor=SMALL / ORIGIN),
                10,
            )
        )
    rows.append(most("small, unchanged, whole process", middle("small ours, unchanged"), 0.3, "s"))
    rows.append(Row("small, unchanged, CPU beyond ping", f"{number(beyond('small ours, unchanged'))} s"))
    for other in ("restic", "borg"):
        if f"small {other}" in there:
            for field in ("wall", "cpu"):
                value = ratio(f"small {other}, unchanged", "small ours, unchanged", field)
                rows.append(
                    Row(f"small, unchanged, {field} of {other} of ours, whole process", f"{number(value)} times")
                )
            value = ratio(f"small {other}, unchanged", "small ours, unchanged", "cpu", beyond_ping=True)
            rows.append(least(f"small, unchanged, CPU of {other} of ours beyond ping", value, 10))
    if "cold ours" in there:
        rows.append(least("cold, one large volume, wall of tar of ours", ratio("cold tar", "cold ours"), 1.4))
        rows.append(
            least("cold, one large volume, wall of tar | zstd of ours", ratio("cold tar | zstd", "cold ours"), 1.4)
        )
    peak = max(each[name].peak for each in rounds for name in each if "ours" in name) / 1e6
    rows += [
        most("memory of the largest process", peak, 64, "MB"),
        most("large, first run, wall of tar | zstd -T0", ratio("large ours", "large tar | zstd"), 1),
        most("large, first run, CPU of tar | zstd -T0", ratio("large ours", "large tar | zstd", "cpu"), 1),
        most("large, 1 % of the files of one volume changed", middle("large ours, 1 % of one"), 2, "s"),
        most("large, written of the changed bytes", middle("large ours, written of 1 %"), 1.5),
    ]
    return rows


if __name__ == "__main__":
    sys.exit("run `make bench ARGS=backup`")
