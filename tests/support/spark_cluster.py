"""A standalone Spark cluster whose machines are network namespaces: each has an address, a name and
a cable of its own that can be pulled out."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil

PORT = 7077


def missing() -> str:
    """Why Spark's tests can't run here; empty: they can."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        return "pyspark is not installed (pip install -r requirements-spark.txt)"
    return "" if shutil.which("java") else "Java is not here (openjdk-17-jre-headless)"


def hosts_missing() -> str:
    """Why no hosts can be made here; empty: they can."""
    if missing():
        return missing()
    if not (shutil.which("ip") and shutil.which("unshare")):
        return "ip and unshare are not here (iproute2, util-linux)"
    name = f"swatchbook-{os.getpid()}"  # other tests look at the same time
    probe = subprocess.run(["ip", "netns", "add", name], capture_output=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return "" if probe.returncode == 0 else "network namespaces can't be made here (root)"


class Cluster:
    """A master; ``start_worker`` adds machines with one processor each."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.id = uuid.uuid4().hex[:6]
        self.net = f"10.{int(self.id[:2], 16)}.{int(self.id[2:4], 16)}"
        self.bridge = f"br{self.id}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.driver = f"{self.net}.254"
        self.master = f"spark://{self.net}.1:{PORT}"
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", f"{self.driver}/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        self._machine(1)
        self._java(1, "master.Master", "--host", f"{self.net}.1", "--port", str(PORT))
        self._wait_for(1, "Starting Spark master")

    def start_worker(self, number: int) -> None:
        """Machine ``number`` (from 2), at work for the master."""
        self._machine(number)
        self._java(
            number, "worker.Worker", "--host", f"{self.net}.{number}", "--cores", "1",
            "--memory", "1g", "--work-dir", str(self.folder / f"work{number}"), self.master,
        )  # fmt: skip
        self._wait_for(number, "registered with master")

    def cut(self, number: int) -> None:
        """Pull out a machine's cable."""
        _ip("link", "set", self._cable(number), "down")

    def kill_executor(self, number: int) -> None:
        """``kill -9`` of a machine's executor."""
        worker = psutil.Process(self.processes[self._name(number)].pid)
        executors = [
            one for one in worker.children(recursive=True)
            if "CoarseGrainedExecutorBackend" in " ".join(one.cmdline())
        ]  # fmt: skip
        assert executors
        for one in executors:
            one.kill()

    def left(self, number: int) -> list[str]:
        """Commands of a machine's processes beside the worker's own."""
        found = []
        for one in psutil.Process(self.processes[self._name(number)].pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                line = " ".join(one.cmdline())
                if line and ".worker.Worker" not in line:
                    found.append(line)
        return found

    def settings(self) -> list[str]:
        """What a driver on this machine must be told."""
        return [
            "--master", self.master,
            "--conf", f"spark.driver.host={self.driver}",
            "--conf", f"spark.driver.bindAddress={self.driver}",
            "--conf", "spark.executor.memory=512m",
            "--conf", "spark.network.timeout=8s",
            "--conf", "spark.network.timeoutInterval=4s",
            "--conf", "spark.executor.heartbeatInterval=1s",
            "--conf", f"spark.pyspark.python={sys.executable}",
        ]  # fmt: skip

    def close(self) -> None:
        """End it and remove its machines."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for name in self.processes:
            # what a machine's processes have started ends with them
            pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
            for pid in pids.stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True)

    def _name(self, number: int) -> str:
        return f"sb{self.id}{number}"

    def _cable(self, number: int) -> str:
        return f"v{self.id}{number}"

    def _machine(self, number: int) -> None:
        name, cable = self._name(number), self._cable(number)
        _ip("netns", "add", name)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", cable, "master", self.bridge, "up")
        for command in (
            ("addr", "add", f"{self.net}.{number}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"), ("link", "set", "lo", "up"),
        ):  # fmt: skip
            _ip("-n", name, *command)

    def _java(self, number: int, kind: str, *options: str) -> None:
        import pyspark

        name = self._name(number)
        home = Path(pyspark.__file__).parent
        java = [
            "java", "-Xmx512m", "-cp", f"{home}/conf:{home}/jars/*",
            "-Dspark.master.rest.enabled=false", "-Dspark.worker.timeout=8",
            f"org.apache.spark.deploy.{kind}", *options, "--webui-port", "0",
        ]  # fmt: skip
        inside = f'hostname "host{number}" && exec "$@"'
        with self._log(number).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", inside, "sh", *java],
                stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
                env={
                    **self.environment, "SPARK_HOME": str(home), "SPARK_SCALA_VERSION": "2.13",
                    "SPARK_LOCAL_IP": f"{self.net}.{number}",
                    "SWATCHBOOK_CACHE": str(self.folder / f"cache{number}"),
                },
            )  # fmt: skip

    def _log(self, number: int) -> Path:
        return self.folder / f"log{number}"

    def _wait_for(self, number: int, words: str) -> None:
        last = time.monotonic() + 60
        while time.monotonic() < last:
            if words in self._log(number).read_text(errors="replace"):
                return
            assert self.processes[self._name(number)].poll() is None, self._log(number).read_text()
            time.sleep(0.1)
        raise AssertionError(self._log(number).read_text())


@contextlib.contextmanager
def running(folder: Path, environment: dict[str, str]) -> Iterator[Cluster]:
    """A cluster without workers, for the length of the context."""
    folder.mkdir(parents=True)
    cluster = Cluster(folder, environment)
    try:
        yield cluster
    finally:
        cluster.close()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
