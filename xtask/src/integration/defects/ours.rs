//! Ours in the same situations: each function tells how it did.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use logstash_format::{Event, Formatter, Level, LogstashFormatter, Value};
use logstash_handler::{DropReason, Guard, Handler, HandlerBuilder, Report, SledQueue};
use logstash_transport::testing::Step;
use logstash_transport::{BeatsTransport, EndpointError, Transport, UdpTransport};
use lumberjack_codec::Backoff;

use super::super::inbox::Inbox;
use super::super::our_server::start;
use super::{Outcome, PATIENCE, hang_up, late_attempts, messages, nobody};
use crate::failure::{Failure, Trying, fail};
use crate::process::Running;

pub(super) fn order(_: &Path) -> Outcome {
    let receiver = start()?;
    let (handler, guard) = run(beats(receiver.address())?)?;
    for number in (1..=40).rev() {
        log(&handler, &format!("event {number:02}"), UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    }
    delivered(guard, 40)?;
    match messages(&receiver).windows(2).all(|pair| pair[0] > pair[1]) {
        true => Ok("as they were logged".to_owned()),
        false => fail!("ours did not keep the order"),
    }
}

pub(super) fn starve(folder: &Path) -> Outcome {
    let receiver = start()?;
    let (handler, guard) = run(beats(receiver.address())?.queue(sled(folder)?))?;
    let (end, mut logged) = (Instant::now() + Duration::from_millis(1_500), 0);
    while Instant::now() < end {
        log(&handler, "event", SystemTime::now());
        logged += 1;
        thread::sleep(Duration::from_micros(500));
    }
    // Beside the original and on a busy machine: far from the last one, and as far from none.
    let received = receiver.received();
    if received < logged / 2 {
        fail!("of {logged} events ours delivered {received} meanwhile");
    }
    delivered(guard, logged)?;
    Ok(format!("{received} of {logged}"))
}

pub(super) fn refused(_: &Path) -> Outcome {
    let (handler, guard) = run(beats(nobody()?)?)?;
    log(&handler, "nobody listens", SystemTime::now());
    let report = guard.shutdown(Duration::from_millis(500));
    match report.elapsed < Duration::from_millis(1_500) {
        true => Ok(format!("{:.1} s, as it was told", report.elapsed.as_secs_f64())),
        false => fail!("ours took {:?}", report.elapsed),
    }
}

pub(super) fn crash(folder: &Path) -> Outcome {
    let receiver = start()?;
    receiver.script([Step::Stall]);
    let program = std::env::current_exe().trying("cannot tell where this program lies")?;
    let mut process = Running::captured(
        Command::new(program)
            .args(["deliver", "--with-parent", "--events", "5", "--queue", "flush", "--backlog"])
            .args(["--to", &receiver.address().to_string()])
            .arg("--folder")
            .arg(folder),
    )?;
    process.expect_line("stored", PATIENCE)?;
    if !receiver.wait_for(5, PATIENCE) {
        fail!("ours sent {} events of 5", receiver.received());
    }
    drop(process);
    let receiver = start()?;
    let (_, guard) = run(beats(receiver.address())?.queue(sled(folder)?))?;
    delivered(guard, 5)?;
    Ok("all of them came again".to_owned())
}

pub(super) fn shared(folder: &Path) -> Outcome {
    let (first, second) = (start()?, start()?);
    first.script([Step::Stall]);
    let (of_first, first_guard) = run(beats(first.address())?.queue(sled(folder)?))?;
    (0..5).for_each(|_| log(&of_first, "event", SystemTime::now()));
    if !first.wait_for(5, PATIENCE) {
        fail!("ours sent {} events of 5", first.received());
    }
    let (of_second, second_guard) = run(beats(second.address())?.queue(sled(folder)?))?;
    log(&of_second, "another", SystemTime::now());
    delivered(second_guard, 1)?;
    first.drop_connections();
    delivered(first_guard, 5)?;
    Ok("each delivers its own".to_owned())
}

pub(super) fn directory(folder: &Path) -> Outcome {
    let receiver = start()?;
    let (handler, guard) = run(beats(receiver.address())?.queue(sled(&folder.join("later/queue"))?))?;
    (0..5).for_each(|_| log(&handler, "event", SystemTime::now()));
    delivered(guard, 5)?;
    Ok("the directory is made".to_owned())
}

pub(super) fn loss(_: &Path) -> Outcome {
    let (handler, guard) = run(beats(nobody()?)?)?;
    (0..5).for_each(|_| log(&handler, "lost", SystemTime::now()));
    let report = guard.shutdown(Duration::from_millis(300));
    match report.unsaved + report.dropped.total() {
        5 => Ok(format!("`{report}`")),
        _ => fail!("ours lost 5 events and says `{report}`"),
    }
}

pub(super) fn handlers(_: &Path) -> Outcome {
    let (first, second) = (start()?, start()?);
    let (of_first, first_guard) = run(beats(first.address())?)?;
    let (of_second, second_guard) = run(beats(second.address())?)?;
    log(&of_first, "for the first", SystemTime::now());
    log(&of_second, "for the second", SystemTime::now());
    delivered(first_guard, 1)?;
    delivered(second_guard, 1)?;
    match (messages(&first).as_slice(), messages(&second).as_slice()) {
        ([a], [b]) if a == "for the first" && b == "for the second" => Ok("each to its own".to_owned()),
        (a, b) => fail!("ours sent {a:?} and {b:?}"),
    }
}

pub(super) fn retry(_: &Path) -> Outcome {
    let (address, moments) = hang_up()?;
    let backoff = Backoff::new().base(Duration::from_millis(100));
    let (handler, guard) = run(beats(address)?.retry(backoff))?;
    log(&handler, "try again", SystemTime::now());
    let late = late_attempts(&moments)?;
    let _ = guard.shutdown(Duration::ZERO);
    match late {
        0..5 => Ok(format!("{late}, with a first pause as short")),
        _ => fail!("ours made {late} attempts in the second second"),
    }
}

pub(super) fn expired(folder: &Path) -> Outcome {
    let (handler, guard) = run(beats(nobody()?)?.queue(sled(folder)?))?;
    let hour = Duration::from_secs(3_600);
    (0..5).for_each(|_| log(&handler, "old", SystemTime::now() - hour));
    let _ = guard.shutdown(Duration::from_millis(300));
    let receiver = start()?;
    let (handler, guard) = run(beats(receiver.address())?.queue(sled(folder)?).ttl(hour / 2))?;
    log(&handler, "new", SystemTime::now());
    let report = guard.shutdown(PATIENCE);
    match (messages(&receiver).as_slice(), report.dropped.of(DropReason::Expired)) {
        ([new], 5) if new == "new" => Ok("given up and counted".to_owned()),
        (sent, expired) => fail!("ours sent {sent:?} and gave up {expired}"),
    }
}

pub(super) fn poison(_: &Path) -> Outcome {
    let inbox = Inbox::datagrams()?;
    let (handler, guard) = run(builder(UdpTransport::new(&inbox.address().to_string()))?)?;
    for text in ["before", &"x".repeat(70_000), "behind"] {
        log(&handler, text, SystemTime::now());
    }
    delivered(guard, 3)?;
    let arrived = inbox.take(3, PATIENCE)?;
    let holds = |place: usize, text: &str| String::from_utf8_lossy(&arrived[place]).contains(text);
    if !holds(0, "before") || !holds(1, "xxxx") || !holds(2, "behind") {
        fail!("ours sent others, or in another order");
    }
    Ok(format!("each came once, the large one cut to {} bytes and marked", arrived[1].len()))
}

pub(super) fn partial(_: &Path) -> Outcome {
    let receiver = start()?;
    receiver.script([Step::Acknowledge, Step::DropConnection]);
    let backoff = Backoff::new().base(Duration::from_millis(50));
    let (handler, guard) = run(beats(receiver.address())?.window(25, 1 << 20).retry(backoff))?;
    (0..50).for_each(|_| log(&handler, "event", SystemTime::now()));
    delivered(guard, 50)?;
    match receiver.received() {
        50 => Ok("none".to_owned()),
        received => fail!("of 50 events ours sent {received}"),
    }
}

pub(super) fn values(_: &Path) -> Outcome {
    // 03:04:05.678 nine hours east of Greenwich.
    let moment = UNIX_EPOCH + Duration::from_millis(1_704_132_245_678);
    let fields = [("time", Value::Time(moment)), ("number", Value::F64(f64::NAN))];
    let event = Event::new(Level::Info, "shop", format_args!("")).fields(&fields);
    let mut document = Vec::new();
    let formatted = LogstashFormatter::new().format(&event, &mut document);
    formatted.map_err(|error| Failure::because("an event could not be formatted", error))?;
    let text = String::from_utf8_lossy(&document);
    let is_json = serde_json::from_slice::<serde_json::Value>(&document).is_ok();
    if !text.contains("2024-01-01T18:04:05.678") || !is_json {
        fail!("ours wrote {text}");
    }
    Ok("exact, and NaN is text".to_owned())
}

fn beats(address: SocketAddr) -> Result<HandlerBuilder, Failure> {
    builder(BeatsTransport::new(&address.to_string()))
}

fn builder(transport: Result<impl Transport + 'static, EndpointError>) -> Result<HandlerBuilder, Failure> {
    let transport =
        transport.map_err(|error| Failure::because("our transport refuses the address", error))?;
    // The reports of losses are events, too, and would be among those that are counted.
    Ok(Handler::builder(LogstashFormatter::new(), transport).stderr(false).report_losses(false))
}

fn run(builder: HandlerBuilder) -> Result<(Handler, Guard), Failure> {
    builder.start().map_err(|error| Failure::because("the handler does not start", error))
}

fn sled(folder: &Path) -> Result<SledQueue, Failure> {
    SledQueue::open(folder).map_err(|error| Failure::because("cannot open a queue on disk", error))
}

fn log(handler: &Handler, text: &str, at: SystemTime) {
    handler.emit(&Event::new(Level::Info, "shop", format_args!("{text}")).at(at));
}

/// Shuts down, and checks that so many events were acknowledged and that none is missing.
fn delivered(guard: Guard, events: u64) -> Result<Report, Failure> {
    let report = guard.shutdown(PATIENCE);
    if !report.complete || report.acknowledged != events {
        fail!("ours did not deliver {events} events: {report}");
    }
    Ok(report)
}
