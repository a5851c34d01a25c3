"""Jobs of Spark give what any process gives, byte for byte, whatever happens to who does them."""

import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from support import spark_cluster
from support.pictures import encoded, texture
from support.project import Project

from swatchbook.shards import chunks, shard_file
from swatchbook.shards.shard_file import PackedImage

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(bool(spark_cluster.missing()), reason=spark_cluster.missing()),
]
NO_HOSTS = spark_cluster.hosts_missing()
COMMAND = ("python", "-m", "swatchbook")


def slow(seed: int) -> bytes:
    """An image that takes tenths of a second to decode."""
    noise = np.random.default_rng(seed).integers(0, 256, (60, 60, 3), np.uint8)
    return encoded(Image.fromarray(noise).resize((2400, 2400)), "PNG", compress_level=1)


def packed(project: Project, photos: Path, out: Path, images: int) -> Path:
    project.run(
        *COMMAND, "pack", str(photos), "--out", str(out), "--shard-images", str(images)
    )  # fmt: skip
    return out


def same(one: Path, other: Path) -> int:
    """The number of chunks, which are equal."""
    first, second = (
        {path.parent.name: path.read_bytes() for path in folder.glob("chunk=*/part.parquet")}
        for folder in (one, other)
    )
    assert first == second
    return len(first)


def test_scores_and_features_are_those_of_one_process(project: Project, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(40):
        (photos / f"{number:02}.png").write_bytes(encoded(texture(800 + number, number)))
    whole = (photos / "00.png").read_bytes()
    for name, content in (
        ("empty.png", b""), ("page.jpg", b"<html>404</html>"), ("cut.png", whole[:500]),
        ("_x.JPG", encoded(texture(3), "JPEG")),
        ("large.png", encoded(Image.new("1", (20_000, 20_000)), "PNG")),
    ):  # fmt: skip
        (photos / name).write_bytes(content)
    shards = packed(project, photos, tmp_path / "shards", 12)
    images = list(shard_file.read(shards, 1))
    images[2] = PackedImage(images[2].path, images[2].sha256, images[2].content[:-1] + b"!")
    shard_file.write(images, shards / shard_file.name(1))
    one, many = tmp_path / "one", tmp_path / "many"
    project.run(*COMMAND, "predict", str(shards), "--out", str(one))
    command = [*COMMAND, "spark", "score", str(shards), "--master", "local[2]"]
    # the second one over Spark Connect, which is all that some managed clusters have
    for out, settings in ((many, ()), (tmp_path / "connect", ("spark.api.mode=connect",))):
        conf = [item for setting in settings for item in ("--conf", setting)]
        done = project.run(*command, "--out", str(out), *conf)
        assert "45 images of 4 shards" in done.stderr
        assert same(one, out) == 4
    counted = project.run(*COMMAND, "scored", str(many), "--max-refused", "1").stdout
    assert counted.startswith("scored: 45 images = 40 ok + 5 refused\n")
    reasons = Counter(
        reason for rows in chunks.opened(many).all() for reason in rows["reason"].to_pylist()
    )
    assert reasons == {
        "": 40, "empty": 1, "not_image": 1, "truncated": 1, "too_many_pixels": 1, "changed": 1,
    }  # fmt: skip
    # finished: nothing is begun, and another model's results stay out
    done = project.run(*command, "--out", str(many))
    assert done.stderr.endswith("going on\n")
    refused = project.run(*command, "--out", str(many), "--threshold", "0.9", ok=False)
    assert refused.returncode == 2
    assert "was begun with threshold 0.0, now 0.9; nothing was written" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_features_are_those_of_the_stage(project: Project, tmp_path: Path) -> None:
    shards = packed(project, project.folder / "data/images", tmp_path / "shards", 20)
    out = str(tmp_path / "features")
    project.run(*COMMAND, "spark", "featurize", str(shards), "--out", out, "--master", "local[2]")
    before = project.bytes("data/features.parquet")
    shutil.rmtree(Path(project.environment["SWATCHBOOK_CACHE"]) / "features")
    done = project.run(*COMMAND, "cache", "import", out)
    assert done.stdout.startswith("cache: 53 features of 53 images taken in")
    said = project.run("python", "-m", "stages.featurize").stdout
    assert "from the cache, 0 computed" in said
    assert project.bytes("data/features.parquet") == before
    refused = project.run(*COMMAND, "cache", "import", str(shards), ok=False)
    assert refused.returncode == 2
    assert "holds no results of shards" in refused.stderr


@pytest.mark.skipif(bool(NO_HOSTS), reason=NO_HOSTS)
def test_machines_come_and_go(finished: Project, tmp_path: Path) -> None:
    """One is added while a job runs, one's executor is killed, another's cable is pulled out."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(48):
        (photos / f"{number:02}.png").write_bytes(slow(number))
    shards = packed(finished, photos, tmp_path / "shards", 3)
    finished.run(*COMMAND, "predict", str(shards), "--out", str(tmp_path / "one"))
    out, log = tmp_path / "out", tmp_path / "driver.log"

    def chunks_there() -> int:
        return len(list(out.glob("chunk=*")))

    def until(count: int, job: subprocess.Popen[bytes]) -> None:
        last = time.monotonic() + 120
        while chunks_there() < count and time.monotonic() < last:
            assert job.poll() is None, log.read_text()
            time.sleep(0.05)
        assert chunks_there() < 16, "the job was over before anything could happen to it"

    environment = {**finished.environment, "PYTHONPATH": str(finished.folder)}
    with spark_cluster.running(tmp_path / "cluster", environment) as cluster:
        cluster.start_worker(2)
        with log.open("wb") as file:
            job = subprocess.Popen(
                [*COMMAND, "spark", "score", str(shards), "--out", str(out), *cluster.settings()],
                cwd=finished.folder, env=finished.environment, stderr=file,
            )  # fmt: skip
        until(2, job)
        cluster.start_worker(3)
        until(5, job)
        cluster.kill_executor(2)
        until(7, job)
        cluster.cut(3)
        assert job.wait(timeout=180) == 0, log.read_text()
        assert same(tmp_path / "one", out) == 16
        assert "48 images of 16 shards" in log.read_text()
        assert len(list(out.glob(".making-*"))) <= 1  # of the machine that was cut off
        # on the machine that nobody cut off
        last = time.monotonic() + 10
        while cluster.left(2) and time.monotonic() < last:
            time.sleep(0.2)
        assert cluster.left(2) == []
    done = finished.run(*COMMAND, "scored", str(out))
    assert done.stdout.startswith("scored: 48 images = 48 ok\n")


def test_a_killed_driver_costs_what_was_not_done(finished: Project, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(24):
        (photos / f"{number:02}.png").write_bytes(slow(number))
    shards = packed(finished, photos, tmp_path / "shards", 2)
    out = tmp_path / "out"
    command = [
        *COMMAND, "spark", "score", str(shards), "--out", str(out), "--master", "local[2]"
    ]  # fmt: skip
    job = subprocess.Popen(
        command, cwd=finished.folder, env=finished.environment, stderr=subprocess.DEVNULL
    )
    family: dict[int, psutil.Process] = {}
    while job.poll() is None and len(list(out.glob("chunk=*"))) < 3:
        for one in psutil.Process(job.pid).children(recursive=True):
            family[one.pid] = one
        time.sleep(0.05)
    job.send_signal(signal.SIGKILL)
    job.wait()
    psutil.wait_procs(list(family.values()), timeout=15)
    assert not [one for one in family.values() if one.is_running() and one.status() != "zombie"]
    kept = {path.parent.name: path.read_bytes() for path in out.glob("chunk=*/part.parquet")}
    assert 3 <= len(kept) < 12
    done = finished.run(*command)
    assert f"spark: {len(kept)} of 12 shards are in {out}: going on" in done.stderr
    assert f"{24 - 2 * len(kept)} images of {12 - len(kept)} shards" in done.stderr
    for name, content in kept.items():
        assert (out / name / "part.parquet").read_bytes() == content
    # once more, and killed: what is finished stays as it is
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = subprocess.Popen(command, cwd=finished.folder, env=finished.environment)
    time.sleep(1)
    again.kill()
    again.wait()
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_worker_that_cannot_do_it_says_so_in_one_line(finished: Project, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "1.png").write_bytes(encoded(texture(1)))
    shards = packed(finished, photos, tmp_path / "shards", 2)
    out = tmp_path / "out"
    command = [*COMMAND, "spark", "score", str(shards), "--out", str(out)]
    finished.run(*COMMAND, "predict", str(shards), "--out", str(out))
    shutil.rmtree(out / "chunk=00000")
    # a shard that is another's, as a half-copied folder has it
    (shards / shard_file.name(0)).write_bytes(b"PAR1")
    done = finished.run(*command, ok=False)
    assert done.returncode == 2
    assert "part-00000.parquet: cut short or damaged" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: spark: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("lacks", "says"),
    [
        ("pyspark", "pip install 'swatchbook[spark]'"),
        ("java", "Java is not here, and Spark runs in it"),
    ],
)
def test_what_is_missing_names_its_cure(
    finished: Project, tmp_path: Path, lacks: str, says: str
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "1.png").write_bytes(encoded(texture(1)))
    shards = packed(finished, photos, tmp_path / "shards", 2)
    environment = dict(finished.environment)
    if lacks == "pyspark":
        (tmp_path / "without" / "pyspark").mkdir(parents=True)
        (tmp_path / "without" / "pyspark" / "__init__.py").write_text("raise ImportError('gone')")
        environment["PYTHONPATH"] = str(tmp_path / "without")
    else:
        environment |= {"PATH": str(Path(shutil.which("python") or "").parent)}
        environment.pop("JAVA_HOME", None)
    done = subprocess.run(
        [*COMMAND, "spark", "score", str(shards), "--out", str(tmp_path / "out")],
        cwd=finished.folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: spark: ")


def test_only_jobs_know_of_spark() -> None:
    """What runs on the workers is what runs everywhere: nothing else imports pyspark."""
    library = Path(__file__).parents[2] / "swatchbook"
    users = {
        str(path.relative_to(library))
        for path in library.rglob("*.py")
        if "pyspark" in path.read_text(encoding="utf-8")
    }
    assert users == {"spark/session.py", "spark/shipping.py"}
    text = "".join(path.read_text() for path in (library / "spark").glob("*.py"))
    for forbidden in ("sparkContext", ".rdd", "addFile", "broadcast("):  # not in Spark Connect
        assert forbidden not in text
