//! The queue on disk under a handler: outages, restarts, kill -9.

use crate::support::{LONG, Moody, builder, eventually, info, messages, quick, transport};
use logstash_handler::queue::{Depth, Peek, Queue, QueueError, QueueErrorKind};
use logstash_handler::{Handler, LogstashFormatter, OnBacklog, Overflow, SledQueue};
use logstash_transport::testing::{Receiver, Step};
use lumberjack_codec::EncodedWindow;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

#[test]
fn what_could_not_be_delivered_is_reported_as_stored_and_comes_first_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let deadline = Duration::from_secs(2);
    let (handler, guard) = builder(&receiver).queue(SledQueue::open(folder.path()).unwrap()).start().unwrap();
    for number in 0..5000 {
        handler.emit(&info(&number.to_string()));
    }
    let started = Instant::now();
    let report = guard.shutdown(deadline);
    assert!(started.elapsed() <= deadline + TOLERANCE, "{:?}", started.elapsed());
    assert!(report.complete);
    assert_eq!((report.stored, report.unsaved, report.dropped.total()), (5000, 0, 0), "{report}");

    receiver.come_back().unwrap();
    let (handler, guard) = builder(&receiver).queue(SledQueue::open(folder.path()).unwrap()).start().unwrap();
    handler.emit(&info("of the next run"));
    let report = guard.shutdown(LONG);
    assert_eq!((report.recovered, report.accepted, report.acknowledged), (5000, 1, 5001), "{report}");
    let mut expected: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
    expected.push("of the next run".to_owned());
    assert_eq!(messages(&receiver), expected);
}

#[test]
fn shutdown_keeps_its_deadline_with_a_peer_that_never_answers_and_the_events_stay() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), transport(address))
        .queue(SledQueue::open(folder.path()).unwrap())
        .start()
        .unwrap();
    for number in 0..1000 {
        handler.emit(&info(&number.to_string()));
    }
    let (_peer, _) = silent.accept().unwrap();
    let deadline = Duration::from_millis(500);
    let started = Instant::now();
    let report = guard.shutdown(deadline);
    assert!(started.elapsed() <= deadline + TOLERANCE, "{:?}", started.elapsed());
    assert_eq!((report.stored, report.unsaved), (1000, 0), "{report}");
}

#[test]
fn a_window_acknowledged_in_part_is_not_repeated_from_its_start_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    receiver.script([Step::Partial(60)]);
    let queue = SledQueue::open(folder.path()).unwrap();
    let never = lumberjack_codec::Backoff::new().base(Duration::from_secs(60));
    let (handler, guard) =
        builder(&receiver).queue(queue).retry(never).linger(Duration::from_secs(60)).start().unwrap();
    for number in 0..100 {
        handler.emit(&info(&number.to_string()));
    }
    assert!(handler.sync(LONG).complete);
    eventually(&handler, |stats| stats.acknowledged == 60 && stats.failures == 1);
    receiver.go_away();
    let report = guard.shutdown(LONG);
    assert_eq!((report.acknowledged, report.stored), (60, 40), "{report}");
    receiver.come_back().unwrap();
    let (_handler, guard) =
        builder(&receiver).queue(SledQueue::open(folder.path()).unwrap()).start().unwrap();
    assert_eq!(guard.shutdown(LONG).recovered, 40);
    let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(messages(&receiver), expected);
}

/// What is promised, and what a busy machine may take to run a thread; what hangs takes much longer.
const TOLERANCE: Duration = Duration::from_secs(3);

/// Events of a window in the kill tests; two windows are in flight.
const WINDOW: usize = 50;
const IN_FLIGHT: usize = 2;
const THREADS: usize = 2;

/// Not a test by itself: what a child process of the kill tests does, when the variables are set.
///
/// Logs and delivers, and says which events are durable, until it is killed; with 0 events it
/// delivers what is there and ends.
#[test]
fn child() {
    let Ok(folder) = std::env::var("KILL_TEST_FOLDER") else { return };
    let variable = |name: &str| std::env::var(name).unwrap();
    let address: SocketAddr = variable("KILL_TEST_ADDRESS").parse().unwrap();
    let (life, logs) = (variable("KILL_TEST_LIFE"), variable("KILL_TEST_LOGS") == "yes");
    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), transport(address).max_in_flight(IN_FLIGHT))
            .queue(SledQueue::open(folder).unwrap())
            .overflow(Overflow::Block { timeout: LONG })
            .window(WINDOW, 1024 * 1024)
            .retry(quick())
            .start()
            .unwrap();
    if logs {
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (handler, life) = (&handler, &life);
                scope.spawn(move || {
                    for number in 0..u64::MAX {
                        let message = format!("{life} {thread} {number}");
                        if number % 300 == 299 {
                            handler.emit_durable(&info(&message), LONG).unwrap();
                            let mut out = std::io::stdout().lock();
                            out.write_all(format!("durable {thread} {} .\n", number + 1).as_bytes()).unwrap();
                            out.flush().unwrap();
                        } else {
                            handler.emit(&info(&message));
                        }
                    }
                });
            }
        });
    }
    assert!(guard.shutdown(LONG).complete);
}

fn start_child(folder: &Path, receiver: &Receiver, life: usize, logs: bool) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "persistence::child", "--nocapture", "--test-threads=1"])
        .env("KILL_TEST_FOLDER", folder)
        .env("KILL_TEST_ADDRESS", receiver.address().to_string())
        .env("KILL_TEST_LIFE", life.to_string())
        .env("KILL_TEST_LOGS", if logs { "yes" } else { "no" })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills `kills` children at random moments, one after the other, on one queue.
fn kill_and_restart(kills: usize, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    // Acknowledgements that take a moment, so that most kills find windows on the wire.
    receiver.script((0..100_000).map(|_| Step::Delay(Duration::from_millis(2))));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut durable = vec![[0_u64; THREADS]; kills];
    let mut received_at_kill = Vec::new();
    for (life, durable) in durable.iter_mut().enumerate() {
        let mut child = start_child(folder.path(), &receiver, life, true);
        let (sender, lines) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        let reading = thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        // From the first durable event on, for up to 120 ms.
        let mut take = |line: String| {
            // The end mark tells a whole line from one that the kill has cut.
            let Some(fields) = line.strip_prefix("durable ").and_then(|line| line.strip_suffix(" .")) else {
                return;
            };
            let (thread, count) = fields.split_once(' ').unwrap();
            durable[thread.parse::<usize>().unwrap()] = count.parse().unwrap();
        };
        take(lines.recv_timeout(LONG).unwrap());
        thread::sleep(Duration::from_micros(random.u64(0..120_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        reading.join().unwrap();
        lines.try_iter().for_each(take);
        // All connections of the dead child have ended, so nothing more of it arrives.
        receiver.drop_connections();
        received_at_kill.push(usize::try_from(receiver.received()).unwrap());
    }
    let last = start_child(folder.path(), &receiver, kills, false).wait_with_output().unwrap();
    assert!(last.status.success());

    let arrived: Vec<(usize, usize, u64)> = messages(&receiver)
        .iter()
        .map(|message| {
            let mut fields = message.split(' ').map(|field| field.parse::<u64>().unwrap());
            let mut field = || fields.next().unwrap();
            (usize::try_from(field()).unwrap(), usize::try_from(field()).unwrap(), field())
        })
        .collect();
    let mut next = vec![[0_u64; THREADS]; kills];
    let mut repeats = Vec::new();
    let mut bounds = received_at_kill.iter().copied().chain([arrived.len()]);
    let mut bound = bounds.next().unwrap();
    let mut repeated = 0;
    for (at, &(life, thread, number)) in arrived.iter().enumerate() {
        if at >= bound {
            repeats.push(std::mem::take(&mut repeated));
            bound = bounds.next().unwrap();
        }
        let next = &mut next[life][thread];
        assert!(number <= *next, "life {life}, thread {thread}: {number} came where {next} was due");
        repeated += usize::from(number < *next);
        *next = (*next).max(number + 1);
    }
    repeats.push(repeated);
    for (life, (next, durable)) in next.iter().zip(&durable).enumerate() {
        for thread in 0..THREADS {
            assert!(
                next[thread] >= durable[thread],
                "life {life}: {next:?} arrived, {durable:?} were durable"
            );
        }
    }
    let most = repeats.iter().copied().max().unwrap_or_default();
    assert!(most <= IN_FLIGHT * WINDOW, "{repeats:?}: more than what was on the wire came again");
    // Shown with --nocapture.
    eprintln!(
        "{kills} kills: {} events durable, {} arrived, {} repeated, at most {most} after one kill",
        durable.iter().flatten().sum::<u64>(),
        arrived.len(),
        repeats.iter().sum::<usize>()
    );
}

// 30 random moments, in three tests so that none takes long.

#[test]
fn four_kills_lose_nothing_that_was_durable() {
    kill_and_restart(4, 1);
}

#[test]
fn four_more_kills_lose_nothing_that_was_durable() {
    kill_and_restart(4, 2);
}

#[test]
fn yet_four_more_kills_lose_nothing_that_was_durable() {
    kill_and_restart(4, 3);
}

#[test]
fn a_queue_in_memory_first_stores_what_is_to_be_durable_and_what_a_shutdown_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let open = || OnBacklog::new(SledQueue::open(directory.path()).unwrap()).after(Duration::from_secs(3600));
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).queue(open()).start().unwrap();
    for number in 0..100 {
        handler.emit(&info(&number.to_string()));
    }
    assert!(handler.flush(LONG).complete);
    receiver.go_away();
    handler.emit_durable(&info("durable"), LONG).unwrap();
    handler.emit(&info("left"));
    let report = guard.shutdown(Duration::from_secs(1));
    assert_eq!((report.acknowledged, report.stored, report.unsaved), (100, 2, 0), "{report}");

    receiver.come_back().unwrap();
    let (_handler, guard) = builder(&receiver).queue(open()).start().unwrap();
    let report = guard.shutdown(LONG);
    assert_eq!((report.recovered, report.acknowledged), (2, 2), "{report}");
    assert_eq!(messages(&receiver)[100..], ["durable", "left"]);
}

#[test]
fn a_report_of_losses_that_nobody_took_is_stored_at_a_shutdown_too() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    let queue = OnBacklog::new(SledQueue::open(directory.path()).unwrap()).after(Duration::from_secs(3600));
    let (handler, guard) =
        Handler::builder(Moody, transport(receiver.address())).retry(quick()).queue(queue).start().unwrap();
    handler.emit(&info("delivered"));
    assert!(handler.flush(LONG).complete);
    receiver.go_away();
    handler.emit(&info("fail"));
    eventually(&handler, |stats| stats.reports == 1);
    let report = guard.shutdown(LONG);
    assert_eq!((report.stored, report.unsaved, report.complete), (1, 0, true), "{report}");
    drop(handler);
    assert_eq!(SledQueue::open(directory.path()).unwrap().depth().events, 1);
}

/// A queue on a disk that has no room.
struct Full;

impl Queue for Full {
    fn append(&self, _: &[EncodedWindow], _: SystemTime) -> Result<(), QueueError> {
        Err(QueueError::new(QueueErrorKind::Full, "no room"))
    }

    fn sync(&self) -> Result<(), QueueError> {
        Ok(())
    }

    fn peek(&self, _: usize, _: usize) -> Result<Peek, QueueError> {
        Ok(Peek::default())
    }

    fn advance(&self, _: u64) {}

    fn expire(&self, _: SystemTime) -> u64 {
        0
    }

    fn depth(&self) -> Depth {
        Depth::default()
    }

    fn is_persistent(&self) -> bool {
        true
    }
}

#[test]
fn what_the_store_did_not_take_from_memory_is_never_called_stored() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let queue = OnBacklog::new(Full).after(Duration::from_secs(3600));
    let (handler, guard) = builder(&receiver).queue(queue).start().unwrap();
    for number in 0..3 {
        handler.emit(&info(&number.to_string()));
    }
    let report = guard.shutdown(Duration::from_millis(300));
    assert_eq!((report.stored, report.unsaved, report.complete), (0, 3, false), "{report}");
    assert!(handler.stats().is_balanced());
}
