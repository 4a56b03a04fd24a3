//! What python-logstash-async is known to do wrong, and that ours does not: both at once, in the same situation.
//!
//! Each row has a test of ours that passes; those with a case here run beside the original.
//!
//! | the original | our test | case |
//! | --- | --- | --- |
//! | sends events in the order of their bytes | `delivery::the_order_of_each_thread_is_kept_across_outages` | order |
//! | sends nothing while events keep coming | `delivery::a_steady_producer_does_not_hold_delivery_up` | starve |
//! | waits 30 s for each refused connection, also at exit | `shutdown::shutdown_during_a_long_backoff_keeps_its_deadline` | refused |
//! | loses what was on its way in a crash | `persistence::four_kills_lose_nothing_that_was_durable`, `cargo xtask kills` | crash |
//! | loses events when two processes share a store | `lock::a_second_process_has_a_lane_of_its_own_which_is_taken_over_when_it_is_gone` | shared |
//! | a worker that dies leaves events behind | `faults::a_queue_that_panics_or_fails_is_tried_again_and_nothing_is_lost` | directory |
//! | loses what is in memory without a word | `shutdown::a_flush_after_a_shutdown_that_lost_events_returns_at_once_and_says_so` | loss |
//! | a fork sends events twice | `fork::a_child_of_a_busy_parent_with_events_in_memory_takes_none_of_them` | fork |
//! | an event for one handler goes to the peer of another | `bridges::two_handlers_share_nothing_but_the_registry` | handlers |
//! | a full disk stops delivery | `full::a_disk_that_is_full_is_drained_and_then_takes_more` | (needs a small file system) |
//! | its complaints become events, which fail, too | `loop_guard`, all of it | feeding |
//! | deadlocks at exit when the HTTP library logs | `loop_guard`, whose HTTP transport logs at TRACE while it delivers | (does not fail every time) |
//! | its complaints pass their own rate limit | `notice::tests` | complaints |
//! | tries again and again without a longer pause | `pump::tests`, `simulation` | retry |
//! | sends events whose time is over | `delivery::events_older_than_their_time_to_live_are_given_up_before_they_are_sent` | expired |
//! | an event that cannot be sent holds up the others | `faults::rejected_events_are_found_and_given_up_and_their_neighbours_arrive_once` | poison |
//! | repeats what was acknowledged already | `persistence::a_window_acknowledged_in_part_is_not_repeated_from_its_start_in_the_next_run` | partial |
//! | takes a certificate of another host | `our_tls` in this task | (needs certificates) |
//! | shifts times of other zones, writes NaN | `cargo test --package logstash-format` | values |
//!
//! That it loses events with `exc_info` without an exception, with keys that are no strings, with text for `extra`, or
//! with a date among its static fields cannot happen to ours: there is no way to say that.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use logstash_transport::testing::Receiver;

mod ours;
mod theirs;

use super::case::{Case, Verdict};
use crate::failure::{Failure, Trying, fail};
use crate::peers::Python;
use crate::process::Running;

pub(super) fn cases(python: &Arc<Python>, scratch: &Path) -> Vec<Case> {
    DEFECTS
        .iter()
        .map(|defect| {
            let (original, ours) = (defect.original, defect.ours);
            let place = Place { python: Arc::clone(python), folder: scratch.join(defect.name) };
            Case::new(format!("{}, it and ours", defect.name), move || {
                std::fs::create_dir_all(&place.folder).trying("cannot make a folder")?;
                let ours = ours.map(|ours| {
                    let folder = place.folder.join("ours");
                    thread::spawn(move || ours(&folder))
                });
                let original = original(&place)?;
                Ok(Verdict::ExpectedFailure(match ours {
                    None => original,
                    Some(ours) => match ours.join() {
                        Ok(ours) => format!("{original}; ours: {}", ours?),
                        Err(_) => fail!("ours panicked"),
                    },
                }))
            })
        })
        .collect()
}

struct Defect {
    name: &'static str,
    /// Tells how it failed; that it did not is an error.
    original: fn(&Place) -> Outcome,
    /// Tells how ours did in the same situation, with a folder of its own.
    ours: Option<fn(&Path) -> Outcome>,
}

type Outcome = Result<String, Failure>;

const DEFECTS: &[Defect] = &[
    Defect { name: "order", original: theirs::order, ours: Some(ours::order) },
    Defect { name: "starve", original: theirs::starve, ours: Some(ours::starve) },
    Defect { name: "refused", original: theirs::refused, ours: Some(ours::refused) },
    Defect { name: "crash", original: theirs::crash, ours: Some(ours::crash) },
    Defect { name: "shared", original: theirs::shared, ours: Some(ours::shared) },
    Defect { name: "directory", original: theirs::directory, ours: Some(ours::directory) },
    Defect { name: "loss", original: theirs::loss, ours: Some(ours::loss) },
    Defect { name: "fork", original: theirs::fork, ours: None },
    Defect { name: "handlers", original: theirs::handlers, ours: Some(ours::handlers) },
    Defect { name: "feeding", original: theirs::feeding, ours: None },
    Defect { name: "complaints", original: theirs::complaints, ours: None },
    Defect { name: "retry", original: theirs::retry, ours: Some(ours::retry) },
    Defect { name: "expired", original: theirs::expired, ours: Some(ours::expired) },
    Defect { name: "poison", original: theirs::poison, ours: Some(ours::poison) },
    Defect { name: "partial", original: theirs::partial, ours: Some(ours::partial) },
    Defect { name: "values", original: theirs::values, ours: Some(ours::values) },
];

/// What the original needs.
struct Place {
    python: Arc<Python>,
    folder: PathBuf,
}

impl Place {
    fn run(&self, case: &str, address: SocketAddr, argument: &str) -> Result<Running, Failure> {
        self.python.fail_at(case, address.port(), argument)
    }

    /// Runs a case to its end; tells how long it took to close the handler.
    fn close(&self, case: &str, address: SocketAddr, argument: &str) -> Result<f64, Failure> {
        done(&mut self.run(case, address, argument)?)
    }

    fn database(&self) -> String {
        self.folder.join("events.db").to_string_lossy().into_owned()
    }
}

fn done(process: &mut Running) -> Result<f64, Failure> {
    let seconds = process.expect_line("done", PATIENCE)?;
    seconds.parse().map_err(|_| process.fault(&format!("wrote `done {seconds}`")))
}

/// Has a case that waits for it close its handler.
fn release(control: &str) -> Result<(), Failure> {
    TcpStream::connect(control).trying(format_args!("cannot reach {control}")).map(drop)
}

/// That a fault which the rest relies on is gone.
fn mended(what: &str) -> Failure {
    Failure::Failed(format!("a known fault is gone: {what}"))
}

fn messages(receiver: &Receiver) -> Vec<String> {
    let parsed = |event: &[u8]| serde_json::from_slice::<serde_json::Value>(event).ok();
    let message = |value: serde_json::Value| value["message"].as_str().map(str::to_owned);
    receiver.events().iter().filter_map(|event| parsed(event).and_then(message)).collect()
}

/// A port where nobody listens.
fn nobody() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").trying("cannot listen")?;
    listener.local_addr().trying("cannot listen")
}

/// Hangs up on whoever connects; the moments are told, the first one first.
fn hang_up() -> Result<(SocketAddr, mpsc::Receiver<Instant>), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").trying("cannot listen")?;
    let address = listener.local_addr().trying("cannot listen")?;
    let (sender, moments) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            drop(connection);
            if sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    Ok((address, moments))
}

/// Attempts in the second half of two seconds from the first one on.
fn late_attempts(moments: &mpsc::Receiver<Instant>) -> Result<usize, Failure> {
    let first = moments.recv_timeout(PATIENCE).map_err(|error| Failure::because("nobody came", error))?;
    let (half, end) = (first + Duration::from_secs(1), first + Duration::from_secs(2));
    let mut late = 0;
    while let Ok(moment) = moments.recv_timeout(end.saturating_duration_since(Instant::now())) {
        late += usize::from(moment > half);
    }
    Ok(late)
}

const PATIENCE: Duration = Duration::from_secs(20);
