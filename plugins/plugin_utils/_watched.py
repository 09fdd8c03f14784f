# Copyright: (c) 2026, Hubwright maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions of modules that say how they get on. Private to the collection.

A module can only speak when it ends. So it runs in the background, as with C(async), and writes its lines to a file that
is read meanwhile: that works over every connection.
"""

from __future__ import annotations

import time
import typing as t
import uuid

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_LIMIT = 7 * 24 * 3600  # seconds; no task may take longer
_FIRST_LOOK, _LOOK, _QUIET = 0.5, 2.0, 20.0
_display = Display()


class WatchedAction(ActionBase):
    """Runs a module with the option ``progress_file``, and shows its lines as soon as they are written."""

    module = ""
    what = ""  #: what the module works at, in a message

    def is_short(self, arguments: dict[str, t.Any]) -> bool:
        """Is there nothing to be shown meanwhile?"""
        return False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module; check mode and a task that is asynchronous itself need no lines meanwhile."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        plain = self._task.check_mode or self._task.async_val or arguments.get("progress_file") or self._task.no_log
        if plain or self.is_short(arguments):
            return self._call(self.module, arguments, task_vars)
        return self._watched(arguments, task_vars)

    def _path(self, option: str, default: str) -> str:
        """A directory on the host, as the shell of the connection has it."""
        path: str = self._remote_expand_user(self.get_shell_option(option, default=default))  # type: ignore[no-untyped-call]
        return path

    def _shell(self, command: str) -> str:
        """What a command says."""
        output: str = self._low_level_execute_command(command)["stdout"]  # type: ignore[no-untyped-call]
        return output

    def _call(
        self, module: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None, background: bool = False
    ) -> dict[str, t.Any]:
        result: dict[str, t.Any] = self._execute_module(
            module_name=module, module_args=arguments, task_vars=task_vars, wrap_async=background
        )
        return result

    def _watched(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        directory = self._path("remote_tmp", "~/.ansible/tmp")
        path = self._connection._shell.join_path(directory, f"hubwright-{uuid.uuid4().hex}")
        arguments["progress_file"] = path
        self._task.async_val = _LIMIT
        try:
            started = self._call(self.module, arguments, task_vars, background=True)
        finally:
            self._task.async_val = 0
        job = started.get("ansible_job_id")
        if not job:
            return started
        try:
            return self._wait(job, path, task_vars)
        finally:
            self._status(job, "cleanup", task_vars)
            self._shell(self._connection._shell.remove(path))

    def _wait(self, job: str, path: str, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        shown, pause, asked = 0, _FIRST_LOOK, time.monotonic()
        while True:
            time.sleep(pause)
            pause = min(_LOOK, pause * 1.5)
            lines, ended = self._lines(path)
            for line in lines[shown:]:
                _display.display(f"  {line}")
            if len(lines) > shown:
                shown, asked = len(lines), time.monotonic()
            if ended or time.monotonic() - asked > _QUIET:  # or it was killed, and will say nothing more
                asked = time.monotonic()
                result = self._status(job, "status", task_vars)
                if result.get("finished"):
                    for key in ("ansible_job_id", "started", "finished", "results_file"):
                        result.pop(key, None)
                    result.get("invocation", {}).get("module_args", {}).pop("progress_file", None)
                    return result

    def _lines(self, path: str) -> tuple[list[str], bool]:
        """Complete lines so far, and whether the last one has come, which is empty."""
        command = f"cat {self._connection._shell.quote(path)}"
        text = self._shell(command)  # nothing as long as there is no file
        lines = text.replace("\r\n", "\n").split("\n")[:-1]
        return [line for line in lines if line], "" in lines

    def _status(self, job: str, mode: str, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        directory = self._path("async_dir", "~/.ansible_async")
        arguments = {"jid": job, "mode": mode, "_async_dir": directory}
        result = self._call("ansible.legacy.async_status", arguments, task_vars)
        if result.get("failed") and "could not find job" in str(result.get("msg")):
            raise AnsibleActionFail(f"The job of {self.what} {job} is gone from {directory}.")
        return result
