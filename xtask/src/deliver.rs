//! `cargo xtask deliver`: a handler, from the call that logs to the acknowledgement, with what it costs.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use logstash_format::Formatter;
use logstash_handler::queue::{Durability, OnBacklog, SledOptions, inspect};
use logstash_handler::{Guard, Handler, HandlerBuilder, Listener, MemoryQueue, Overflow};
use logstash_transport::{Batch, BeatsTransport, Interrupt, ProbeReport, Transport, TransportError};

use crate::arguments::{Arguments, one_of};
use crate::bench::{Sized, formatter, shut_down};
use crate::cost::Cost;
use crate::failure::{Failure, fail};
use crate::task::{Flag, Task};
use crate::with_parent;

pub(crate) const TASK: Task = Task {
    name: "deliver",
    summary: "Logs through a handler to a Beats receiver and tells what it cost",
    operands: "",
    flags: &[
        Flag { name: "--to", value: "HOST:PORT", help: "address of the receiver" },
        Flag { name: "--events", value: "COUNT", help: "events that are logged, 100000 by default" },
        Flag { name: "--size", value: "BYTES", help: "size of their documents, 300 by default" },
        Flag { name: "--level", value: "LEVEL", help: "compression level; that of the handler by default" },
        Flag {
            name: "--queue",
            value: "QUEUE",
            help: "memory, flush, interval or os, the latter three on disk by the names of their durability; memory by default",
        },
        Flag { name: "--on-backlog", value: "", help: "the disk is used only when the peer does not keep up" },
        Flag { name: "--folder", value: "PATH", help: "where a queue on disk lies" },
        Flag { name: "--backlog", value: "", help: "nothing is sent before everything is stored" },
        Flag {
            name: "--rate",
            value: "COUNT",
            help: "events per second instead of as many as there can be; tells how late they arrive",
        },
        with_parent::FLAG,
    ],
    help: "\
Our handler as `cargo xtask bench handler` measures it, with its defaults but for what the flags say, and except that
a full queue makes the program wait. Prints `cost CPU USER` and `acked EVENTS SECONDS` as `cargo xtask send` does, from
the first event until the last is acknowledged. With `--backlog` the clocks stand still while nothing is asked of the
handler, and there is `stored SECONDS BYTES PAYLOAD` before: how long it took until everything was stored, what the
queue takes on disk, and the size of all documents. With `--rate` there is `lag P50 P99 MAX` in milliseconds, from the
call that logs to the acknowledgement.",
    run,
};

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Some(address) = arguments.value("--to") else {
        return Err(Failure::Usage("deliver: --to wants an address such as 127.0.0.1:5044".to_owned()));
    };
    with_parent::obey(arguments);

    let gate = Gate::new(!arguments.has("--backlog"));
    let transport = BeatsTransport::new(address)
        .map_err(|error| Failure::because("our client refuses the address", error))?;
    let builder = Handler::builder(formatter(), Gated { transport, gate: gate.clone() })
        .overflow(Overflow::Block { timeout: PATIENCE });
    let builder = with_queue(builder, arguments)?;
    let builder = match arguments.value("--level") {
        None => builder,
        Some(_) => builder.compression_level(arguments.number("--level", 0)?),
    };
    let events = Events {
        count: arguments.number("--events", 100_000)?,
        sized: Sized::new(arguments.number("--size", 300)?)?,
    };
    match arguments.number("--rate", 0)? {
        0 => at_full_speed(builder, &events, &gate, arguments.value("--folder").map(Path::new)),
        rate => at_a_rate(builder, &events, rate as f64),
    }
}

/// Everything at once, and if the gate is closed, first into the queue.
fn at_full_speed(
    builder: HandlerBuilder,
    events: &Events,
    gate: &Gate,
    folder: Option<&Path>,
) -> Result<(), Failure> {
    let payload = if gate.is_open() { 0.0 } else { events.payload()? };
    let (handler, guard) = start(builder)?;
    let (started, before) = (Instant::now(), Cost::now()?);
    for number in 0..events.count {
        events.sized.with(number, |event| handler.emit(event));
    }
    if !gate.is_open() {
        if !handler.sync(PATIENCE).complete {
            fail!("not everything is stored after {} s", PATIENCE.as_secs());
        }
        let (took, spent) = (started.elapsed(), before.until_now()?);
        println!("{spent}");
        println!("stored {} {} {payload}", took.as_secs_f64(), on_disk(folder)?);
    }
    let (started, before) = if gate.is_open() { (started, before) } else { (Instant::now(), Cost::now()?) };
    gate.open();
    if !handler.flush(PATIENCE).complete {
        fail!("not everything is delivered after {} s: {:?}", PATIENCE.as_secs(), handler.stats());
    }
    let (took, spent) = (started.elapsed(), before.until_now()?);
    println!("{spent}");
    shut_down(guard, events.count as u64)?;
    println!("acked {} {}", events.count, took.as_secs_f64());
    Ok(())
}

/// Bytes of all files of a queue; none where there is no folder.
fn on_disk(folder: Option<&Path>) -> Result<u64, Failure> {
    let Some(folder) = folder.filter(|folder| folder.exists()) else { return Ok(0) };
    let inspection =
        inspect(folder).map_err(|error| Failure::because("cannot look into the queue", error))?;
    Ok(inspection.bytes_on_disk)
}

/// Some each millisecond, as an application under a steady load.
fn at_a_rate(builder: HandlerBuilder, events: &Events, rate: f64) -> Result<(), Failure> {
    let watch = Watch::default();
    let (handler, guard) = start(builder.listener(watch.clone()))?;
    let (started, before) = (Instant::now(), Cost::now()?);
    for number in 0..events.count {
        let due = started + Duration::from_secs_f64(number as f64 / rate);
        let early = due.saturating_duration_since(Instant::now());
        if early > TICK {
            thread::sleep(early);
        }
        watch.logged();
        events.sized.with(number, |event| handler.emit(event));
    }
    let took = started.elapsed();
    let spent = before.until_now()?;
    shut_down(guard, events.count as u64)?;
    println!("{spent}");
    let mut lags = watch.lags();
    if lags.len() != events.count {
        fail!("of {} events {} were seen to be acknowledged", events.count, lags.len());
    }
    lags.sort();
    let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("lag {} {} {}", at(0.5), at(0.99), at(1.0));
    println!("acked {} {}", events.count, took.as_secs_f64());
    Ok(())
}

fn start(builder: HandlerBuilder) -> Result<(Handler, Guard), Failure> {
    builder.start().map_err(|error| Failure::because("the handler does not start", error))
}

struct Events {
    count: usize,
    sized: Sized,
}

impl Events {
    /// Bytes of all documents, told from a sample.
    fn payload(&self) -> Result<f64, Failure> {
        let (formatter, mut documents) = (formatter(), Vec::new());
        for sample in 0..SAMPLE {
            self.sized
                .with(sample * self.count / SAMPLE, |event| formatter.format(event, &mut documents))
                .map_err(|error| Failure::because("an event could not be formatted", error))?;
        }
        Ok(documents.len() as f64 * self.count as f64 / SAMPLE as f64)
    }
}

/// Gives it the queue that the flags ask for.
fn with_queue(builder: HandlerBuilder, arguments: &Arguments) -> Result<HandlerBuilder, Failure> {
    let name = arguments.value("--queue").unwrap_or("memory");
    let durability = match one_of("queue", name, &["memory", "flush", "interval", "os"])? {
        // Room for a backlog; what is delivered takes none.
        "memory" => return Ok(builder.queue(MemoryQueue::new().max_bytes(MEMORY))),
        "flush" => Durability::Flush,
        "interval" => Durability::Interval(Duration::from_secs(1)),
        _ => Durability::Os,
    };
    let Some(folder) = arguments.value("--folder") else {
        return Err(Failure::Usage("deliver: a queue on disk wants a --folder".to_owned()));
    };
    let queue = SledOptions::new()
        .durability(durability)
        .open(folder)
        .map_err(|error| Failure::because("cannot open the queue", error))?;
    Ok(if arguments.has("--on-backlog") {
        builder.queue(OnBacklog::new(queue))
    } else {
        builder.queue(queue)
    })
}

/// Keeps what is to be sent until it is opened.
#[derive(Clone, Debug)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn new(is_open: bool) -> Self {
        Self(Arc::new((Mutex::new(is_open), Condvar::new())))
    }

    fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let (is_open, opened) = &*self.0;
        let mut open = is_open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = opened.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[derive(Debug)]
struct Gated {
    transport: BeatsTransport,
    gate: Gate,
}

impl Transport for Gated {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        self.gate.pass();
        self.transport.send(batch)
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        self.transport.probe()
    }

    fn close(&mut self) {
        self.transport.close();
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.transport.interrupt_by(interrupt);
    }
}

/// Sees when events were logged and when they were acknowledged; both happen in the same order.
#[derive(Clone, Debug, Default)]
struct Watch(Arc<Mutex<Times>>);

#[derive(Debug, Default)]
struct Times {
    under_way: VecDeque<Instant>,
    lags: Vec<Duration>,
}

impl Watch {
    fn logged(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).under_way.push_back(Instant::now());
    }

    fn lags(&self) -> Vec<Duration> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).lags)
    }
}

impl Listener for Watch {
    fn acknowledged(&self, events: u64) {
        let now = Instant::now();
        let Times { under_way, lags } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let events = usize::try_from(events).unwrap_or(usize::MAX).min(under_way.len());
        lags.extend(under_way.drain(..events).map(|logged| now - logged));
    }
}

/// Bytes that the queue in memory may hold.
const MEMORY: u64 = 1 << 30;

/// Documents that tell the size of the others.
const SAMPLE: usize = 1_000;

/// How early an event of a steady load may be.
const TICK: Duration = Duration::from_millis(1);

const PATIENCE: Duration = Duration::from_secs(60);
