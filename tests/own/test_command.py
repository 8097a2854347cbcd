"""The command line, on files of a made-up detector: what it says, what it writes, and how it ends."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

import lifting
from lifting.camera import flip_y
from lifting.own import command, work
from lifting.own.command import main, plan
from lifting.own.settings import Settings
from lifting.skeleton import convert

from .made_up import recording

QUICK = ["--out-formats", "json", "npz"]


@pytest.fixture
def clip(tmp_path):
    """A folder of OpenPose's: two people, six frames."""
    folder = tmp_path / "dance"
    folder.mkdir()
    write_openpose(folder, recording(gaps=False).Y[:6])
    return folder


def write_openpose(folder, Y, people=2):
    for t, frame in enumerate(Y):
        found, there = convert(flip_y(frame), "human36m", "openpose25")
        numbers = np.stack([*np.where(there, found, 0), there], axis=1)
        listed = [{"pose_keypoints_2d": (numbers + [300 * n, 0, 0] * there[:, None]).ravel().tolist()}
                  for n in range(people)]  # fmt: skip
        (folder / f"dance_{t:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": listed}))


def test_a_folder_is_lifted_said_and_written(clip, tmp_path, capsys):
    main([str(clip), "-o", str(tmp_path / "out"), *QUICK])
    said = capsys.readouterr().out
    assert "OpenPose JSON, BODY_25, 2 people, 6 frames" in said
    assert "person 2: 6 of 6 frames lifted" in said
    written = {path.name for path in (tmp_path / "out" / "dance").iterdir()}
    assert written == {"dance_1.json", "dance_1.npz", "dance_2.json", "dance_2.npz", "done.json"}


def test_from_python_it_is_the_same(clip, tmp_path):
    main([str(clip), "-o", str(tmp_path / "out"), *QUICK])
    people = lifting.lift_file(clip, out=tmp_path / "other", out_formats=["npz"])
    assert [person.recording.person for person in people] == ["1", "2"]
    with np.load(tmp_path / "out" / "dance" / "dance_2.npz") as found:
        assert np.array_equal(found["pose"], people[1].pose)
    one, other = (tmp_path / folder / "dance_1.npz" for folder in ("out/dance", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_what_is_done_is_not_done_again(clip, tmp_path, capsys):
    arguments = [str(clip), "-o", str(tmp_path / "out"), *QUICK]
    main(arguments)
    result = tmp_path / "out" / "dance" / "dance_1.npz"
    before = result.stat().st_mtime_ns
    capsys.readouterr()
    main(arguments)
    assert "done before" in capsys.readouterr().out and result.stat().st_mtime_ns == before

    def done_again(*more):
        stamp = result.stat().st_mtime_ns
        main([*arguments, *more])
        assert "lifted" in capsys.readouterr().out
        return result.stat().st_mtime_ns != stamp

    assert done_again("--again")
    assert done_again("--tilts", "0", "20")  # another option
    result.write_bytes(b"")
    assert done_again("--tilts", "0", "20")  # a result that was spoilt
    first = clip / "dance_000000000000_keypoints.json"
    first.write_text(first.read_text().replace("300", "301") + " ")
    assert done_again("--tilts", "0", "20")  # another input
    (tmp_path / "out" / "dance" / "done.json").write_text("[]")
    assert done_again("--tilts", "0", "20")


def test_one_broken_file_stops_the_rest_or_not(clip, tmp_path, capsys):
    broken = tmp_path / "broken.json"
    broken.write_text('{"version": 1.3, "people": [{"pose_keypoints_2d": [1, 2]}]}')
    arguments = [str(broken), str(clip), "-o", str(tmp_path / "out"), *QUICK]
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert str(stop.value.code).startswith("error: ") and "broken.json" in str(stop.value.code)
    assert not (tmp_path / "out" / "dance").exists()
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--keep-going"])
    assert stop.value.code == 1
    said = capsys.readouterr()
    assert "6 of 6 frames lifted" in said.out
    errors = said.err.strip().splitlines()
    assert errors[0].startswith("error: ") and "broken.json" in errors[0] and errors[-1] == "1 of 2 failed"


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(clip, tmp_path, capsys, monkeypatch):
    other = shutil.copytree(clip, tmp_path / "second")
    arguments = [str(clip), str(other), "-o", str(tmp_path / "out"), *QUICK]
    lift_people = work.lift_people

    def stop_at_second(recordings, settings):
        if "second" in str(recordings[0].source):
            raise KeyboardInterrupt
        return lift_people(recordings, settings)

    monkeypatch.setattr(command, "lift_people", stop_at_second)
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 130
    assert "1 of 2 done, and the same command goes on from here" in capsys.readouterr().err
    monkeypatch.setattr(command, "lift_people", lift_people)
    main(arguments)
    said = capsys.readouterr().out
    assert said.count("done before") == 1 and (tmp_path / "out" / "second" / "done.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.json"], "files: got nowhere.json, expected a file or a folder that is there"),
        ([], "files: got none, expected at least one file or folder"),
        (["."], "files: got ., which is empty, expected a folder with files in it"),
    ],
)
def test_a_command_that_can_not_work_ends_in_one_line(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "-o", "out"])
    assert stop.value.code == f"error: {words}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--scale", "-1"], "scale: got -1.0, expected a number > 0"), (["--fps", "0"], "fps: got 0.0"),
     (["--out-formats", "obj"], "obj"), (["--size", "0", "5"], "size: got (0, 5)"),
     (["--tilts", "10", "--orientation", "free"], "tilts: got (10.0,)")],
)  # fmt: skip
def test_an_option_that_can_not_be_is_refused_before_anything_is_done(arguments, words, clip, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(clip), "-o", str(tmp_path / "out"), *arguments])
    assert stop.value.code == 2 and words in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_out_may_be_no_file(clip, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(SystemExit) as stop:
        main([str(clip), "-o", str(tmp_path / "out")])
    assert "which is a file, expected a folder" in stop.value.code


def test_every_job_has_a_folder_of_its_own(clip, tmp_path):
    for name in ("a.json", "a.trc", "run1.csv", "run2.csv"):
        (tmp_path / name).write_text("")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.json").write_text("")
    (clip / "dance_000000000000_keypoints.json").write_text("")  # a broken frame doesn't part the others
    jobs = plan([tmp_path, clip, tmp_path / "more"], tmp_path / "out")
    assert [len(job.paths) for job in jobs] == [1, 1, 1, 1, 6, 1]
    assert [job.folder.name for job in jobs] == ["a", "a.trc", "run1", "run2", "dance", "a.json"]


def test_results_do_not_lie_among_the_input(clip, tmp_path, capsys):
    before = sorted(path.name for path in clip.iterdir())
    for said in ("people", "done before"):
        main([str(clip), "-o", str(tmp_path), "--out-formats", "json"])
        assert said in capsys.readouterr().out
    assert sorted(path.name for path in clip.iterdir()) == before
    assert (tmp_path / "dance.json" / "done.json").exists()


def test_a_folder_takes_no_file_s_name(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "walk.npz").write_text("")
    jobs = plan([tmp_path / "a", tmp_path / "b"], tmp_path / "b")
    assert [job.folder.name for job in jobs] == ["walk", "walk_2"]


def test_folders_differ_in_more_than_capitals(tmp_path):
    for folder in ("Walk", "walk", "more"):
        (tmp_path / folder).mkdir()
    for path in ("Walk/Run.npz", "walk/run.npz", "more/run.npz"):
        (tmp_path / path).write_text("")
    jobs = plan([tmp_path / "Walk", tmp_path / "walk", tmp_path / "more"], tmp_path / "out")
    assert [job.folder.name for job in jobs] == ["Run", "run.npz", "run_2"]


def test_files_are_named_after_people_or_numbered(clip):
    people = lifting.lift_file(clip)

    def labels(*names):
        return work.labels_of([replace(one, recording=replace(one.recording, person=name))
                               for one, name in zip(people, names, strict=True)])  # fmt: skip

    assert labels("4", "Ann B.") == ["4", "Ann_B_"] and labels("a/", "A:") == ["1", "2"]


def test_a_setting_that_there_is_not_is_refused():
    with pytest.raises(TypeError, match=r"lift_file\(\) got smoothe, expected keywords among out, out_formats"):
        lifting.lift_file("a.json", smoothe=True)
    with pytest.raises(ValueError, match="out_formats: got 'obj', expected formats among npz"):
        lifting.lift_file("a.json", out_formats=["obj"])


@pytest.mark.parametrize(
    "name, value, expected",
    [("scale", "300", "a number > 0"), ("fps", [30], "a number > 0"), ("certain", None, "a number >= 0"),
     ("detector", "yolo", '"blazepose" or "network"'), ("orientation", None, '"upright" or "free"'),
     ("tilts", 10.0, "a list of degrees"), ("tilts", ["10"], "a list of degrees")],
)  # fmt: skip
def test_a_setting_of_a_wrong_value_is_refused(name, value, expected):
    with pytest.raises(ValueError, match=f"^{name}: got {re.escape(repr(value))}, expected {expected}$"):
        lifting.lift_file("a.json", **{name: value})


def test_tilts_may_be_an_array():
    assert Settings(tilts=np.array([0.0, 10.0])) == Settings(tilts=(0.0, 10.0))


def test_no_folder_is_left_where_the_pictures_are_missing(clip, tmp_path):
    with pytest.raises(FileNotFoundError, match="no.mp4"):
        lifting.lift_file(clip, out=tmp_path / "out", pictures=tmp_path / "no.mp4")
    assert not (tmp_path / "out").exists()


def test_nobody_to_lift_is_an_error(tmp_path):
    write_openpose(tmp_path, recording(gaps=False).Y[:1] * 0)
    with pytest.raises(ValueError, match="of which no frame can be lifted"):
        lifting.lift_file(tmp_path)


def test_the_options_are_documented(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(f"--{name}" in said for name in ("scale", "tilts", "keep-going", "out-formats"))
