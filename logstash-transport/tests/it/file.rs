use crate::support::numbered;
use bytes::Bytes;
use logstash_transport::{Batch, ErrorKind, FileSync, FileTransport, Interrupt, Transport, error_chain};
use lumberjack_codec::WindowEncoder;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The file of these events.
fn lines(range: std::ops::Range<usize>) -> String {
    range.map(|number| format!("{{\"n\":{number:06}}}\n")).collect()
}

fn send(transport: &mut FileTransport, range: std::ops::Range<usize>) {
    let mut batch = Batch::from_events(numbered(range));
    transport.send(&mut batch).unwrap();
    assert!(batch.is_done());
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn events_and_windows_become_lines_behind_those_that_are_there() {
    for sync in [FileSync::Os, FileSync::Batch, FileSync::Interval(Duration::ZERO)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.log");
        let mut transport = FileTransport::new(&path).sync(sync);
        send(&mut transport, 0..3);
        let window = WindowEncoder::new(3).encode(numbered(3..2000)).unwrap();
        transport.send(&mut Batch::from_windows([window]).starting_at(1)).unwrap();
        transport.close();
        let mut again = FileTransport::new(&path).sync(sync);
        send(&mut again, 2000..2001);
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}{}", lines(0..3), lines(4..2001)));
        transport.send(&mut Batch::from_events(Vec::<Bytes>::new())).unwrap();
    }
}

#[test]
fn an_event_is_one_line_whatever_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    let events = ["{\n\"a\": 1\n}\n".to_owned(), large.clone(), "{}".to_owned()];
    FileTransport::new(&path).send(&mut Batch::from_events(events)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{{ \"a\": 1 }}\n{large}\n{{}}\n"));
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone_and_its_folder_must_be_there() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    send(&mut FileTransport::new(&path), 0..1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let error = FileTransport::new(folder.path().join("none/x")).probe().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().ends_with("/none/x"), "{error}");
    assert_eq!(error.advice(), Some("create its folder first"));
    let error = FileTransport::new(folder.path()).send(&mut Batch::from_events(["{}"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{}", error_chain(&error));

    // Opening a named pipe would wait for its reader.
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = FileTransport::new(&pipe).send(&mut Batch::from_events(["{}"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{}", error_chain(&error));
}

#[test]
fn a_line_that_a_crash_cut_short_is_ended_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    fs::write(&path, "{\"n\":0}\n{\"n\":").unwrap();
    let mut transport = FileTransport::new(&path);
    send(&mut transport, 1..2);
    send(&mut transport, 2..3);
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{{\"n\":0}}\n{{\"n\":\n{}", lines(1..3)));
}

#[test]
fn a_full_file_moves_on_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    // A line has 13 bytes: four fit.
    let mut transport = FileTransport::new(&path).rotate_at(4 * 13 + 12).keep_files(2);
    send(&mut transport, 0..4);
    assert_eq!(names(folder.path()), ["events.log"]);
    send(&mut transport, 4..18);
    assert_eq!(names(folder.path()), ["events.log", "events.log.1", "events.log.2"]);
    let content = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(content("events.log"), lines(16..18));
    assert_eq!(content("events.log.1"), lines(12..16));
    assert_eq!(content("events.log.2"), lines(8..12));

    // One that was left full is not made larger, and one event too large gets a file of its own.
    drop(transport);
    let mut transport = FileTransport::new(&path).rotate_at(26).keep_files(9).sync(FileSync::Batch);
    let large = "y".repeat(100);
    transport.send(&mut Batch::from_events([large.clone(), "{}".to_owned()])).unwrap();
    assert_eq!(content("events.log"), "{}\n");
    assert_eq!(content("events.log.1"), format!("{large}\n"));
    assert_eq!(content("events.log.2"), lines(16..18));
    assert_eq!(names(folder.path()).len(), 5);
}

#[test]
fn without_kept_files_a_full_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let mut transport = FileTransport::new(&path).rotate_at(26).keep_files(0);
    send(&mut transport, 0..5);
    assert_eq!(names(folder.path()), ["events.log"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(4..5));
}

#[test]
fn a_rotation_that_a_crash_cut_short_costs_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    // PATH.1 has moved on to PATH.2 already; PATH has not moved.
    for name in ["events.log", "events.log.2", "events.log.3"] {
        fs::write(folder.path().join(name), format!("{name}\n")).unwrap();
    }
    send(&mut FileTransport::new(&path).rotate_at(12).keep_files(3), 0..1);
    let content = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(content("events.log"), lines(0..1));
    for (name, was) in
        [("events.log.1", "events.log"), ("events.log.2", "events.log.2"), ("events.log.3", "events.log.3")]
    {
        assert_eq!(content(name), format!("{was}\n"));
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_moved_removed_or_emptied_is_no_hole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let mut transport = FileTransport::new(&path).rotate_at(1000);
    send(&mut transport, 0..2);
    fs::rename(&path, folder.path().join("moved")).unwrap();
    send(&mut transport, 2..4);
    assert_eq!(fs::read_to_string(folder.path().join("moved")).unwrap(), lines(0..2));
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(2..4));
    fs::remove_file(&path).unwrap();
    send(&mut transport, 4..6);
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(4..6));
    fs::write(&path, "").unwrap();
    send(&mut transport, 6..8);
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(6..8));
}

/// As two processes do that write to one file, and both find it full.
#[cfg(unix)]
#[test]
fn a_file_that_another_program_has_rotated_just_now_is_not_rotated_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let content = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let mut transport = FileTransport::new(&path).rotate_at(26);
    let mut acknowledged = 0;
    let mut observer = |events: u64| {
        acknowledged += events;
        if acknowledged == 2 {
            fs::rename(&path, folder.path().join("events.log.1")).unwrap();
            fs::write(&path, "other\n").unwrap();
        }
    };
    let mut batch = Batch::from_events(numbered(0..3)).observed_by(&mut observer);
    transport.send(&mut batch).unwrap();
    assert_eq!(names(folder.path()), ["events.log", "events.log.1"]);
    assert_eq!(content("events.log.1"), lines(0..2));
    assert_eq!(content("events.log"), format!("other\n{}", lines(2..3)));
}

#[cfg(unix)]
#[test]
fn behind_a_link_it_is_the_file_that_moves() {
    let folder = tempfile::tempdir().unwrap();
    let (path, disk) = (folder.path().join("events.log"), folder.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    std::os::unix::fs::symlink(disk.join("real.log"), &path).unwrap();
    let mut transport = FileTransport::new(&path).rotate_at(26);
    send(&mut transport, 0..5);
    assert_eq!(names(folder.path()), ["disk", "events.log"]);
    assert_eq!(names(&disk), ["real.log", "real.log.1", "real.log.2"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(4..5));
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_told_apart_from_a_wrong_setting() {
    for sync in [FileSync::Os, FileSync::Batch] {
        let mut batch = Batch::from_events(numbered(0..3));
        let error = FileTransport::new("/dev/full").sync(sync).send(&mut batch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Throttled { retry_after: None }, "{}", error_chain(&error));
        assert_eq!(batch.acknowledged(), 0);
    }
    let mut null = FileTransport::new("/dev/null").rotate_at(10);
    send(&mut null, 0..3);
    assert!(Path::new("/dev/null").exists());
}

/// A limit on the size of files stands for a full disk: the write that meets it is cut short, and the
/// next one fails.
#[cfg(target_os = "linux")]
#[test]
fn when_there_is_no_room_the_batch_knows_exactly_what_is_written() {
    for sync in ["os", "batch"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.log");
        let argument = format!("file:{}?sync={sync}", path.display());
        // Ten lines and a half.
        let (mut child, mut reports) = crate::child::start_limited("file", &argument, 10 * 13 + 6);
        let mut report = || reports.next().unwrap().unwrap();
        assert_eq!(report(), "10 Throttled { retry_after: None }", "{sync}");
        assert_eq!(report(), "10 Throttled { retry_after: None }", "{sync}");
        // The line that did not fit was taken back, each time.
        assert_eq!(fs::read_to_string(&path).unwrap(), lines(0..10));
        // There is room in another file.
        fs::rename(&path, folder.path().join("moved")).unwrap();
        drop(child.stdin.take());
        assert_eq!(report(), "20 ok", "{sync}");
        assert_eq!(fs::read_to_string(&path).unwrap(), lines(10..20));
        assert!(child.wait().unwrap().success());
    }
}

/// Sends twenty events as often as it takes; the third time when its standard input ends.
#[cfg(unix)]
pub(crate) fn child(address: &str) {
    let mut transport = FileTransport::from_url(address).unwrap();
    let mut batch = Batch::from_events(numbered(0..20));
    crate::child::send_and_report(&mut transport, &mut batch);
    crate::child::send_and_report(&mut transport, &mut batch);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    crate::child::send_and_report(&mut transport, &mut batch);
}

#[test]
fn an_interrupt_stops_it_between_two_writes() {
    let folder = tempfile::tempdir().unwrap();
    let mut transport = FileTransport::new(folder.path().join("events.log"));
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    send(&mut transport, 0..1);
    interrupt.raise();
    let error = transport.send(&mut Batch::from_events(["{}"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn a_probe_says_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.log");
    let mut transport = FileTransport::new(&path);
    send(&mut transport, 0..2);
    let report = transport.probe().unwrap();
    assert_eq!(report.steps.len(), 1);
    assert_eq!(report.steps[0].detail, format!("{}, 26 bytes", path.display()));
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(0..2), "a probe writes nothing");

    let path = folder.path().join("new.log");
    let mut transport = FileTransport::new(&path);
    assert_eq!(transport.probe().unwrap().steps[0].detail, format!("{}, 0 bytes", path.display()));
    assert!(!path.exists(), "a probe leaves nothing behind");
    send(&mut transport, 0..2);
    assert_eq!(fs::read_to_string(&path).unwrap(), lines(0..2));
}

#[cfg(unix)]
#[test]
fn a_probe_leaves_links_and_half_lines_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    std::os::unix::fs::symlink("target", &link).unwrap();
    let mut transport = FileTransport::new(&link);
    transport.probe().unwrap();
    assert!(link.is_symlink() && !target.exists(), "it would be made where the link points");
    fs::write(&target, "half").unwrap();
    transport.probe().unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), "half");

    let nowhere = folder.path().join("nowhere");
    std::os::unix::fs::symlink("none/target", &nowhere).unwrap();
    let error = FileTransport::new(&nowhere).probe().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");
    assert!(nowhere.is_symlink());
}
