//! One connection of a receiver, on a thread of its own.

use super::receiver::Shared;
use super::state::Step;
use bytes::{Bytes, BytesMut};
use lumberjack_codec::{Payload, ServerEvent, ServerSession, WindowId};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Serves a connection until it ends.
pub(super) fn spawn(stream: TcpStream, shared: &Arc<Shared>) {
    let epoch = shared.state.update(|state| {
        state.connections += 1;
        state.open_connections += 1;
        state.epoch
    });
    let served = Arc::clone(shared);
    let serve = move || {
        let closing = Closing(&served);
        // A connection that fails is over; what it delivered is in the state.
        let _ = Connection::new(stream, &served, epoch).and_then(Connection::run);
        drop(closing);
    };
    if thread::Builder::new().name("beats-connection".into()).spawn(serve).is_err() {
        drop(Closing(shared));
    }
}

/// Counts the connection out, however its thread ends.
struct Closing<'s>(&'s Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.state.update(|state| state.open_connections -= 1);
    }
}

struct Connection<'s> {
    stream: TcpStream,
    shared: &'s Shared,
    epoch: u64,
    session: ServerSession,
    /// Events of the window that is arriving.
    arriving: Vec<Bytes>,
    /// Complete windows and when they are to be acknowledged; `None`: never.
    waiting: VecDeque<(WindowId, u32, Option<Instant>)>,
    input: BytesMut,
    output: BytesMut,
}

impl<'s> Connection<'s> {
    fn new(stream: TcpStream, shared: &'s Shared, epoch: u64) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        Ok(Self {
            stream,
            shared,
            epoch,
            session: ServerSession::new(shared.server.clone(), Instant::now()),
            arriving: Vec::new(),
            waiting: VecDeque::new(),
            input: BytesMut::new(),
            output: BytesMut::new(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        loop {
            let wanted = self.handle_events();
            self.acknowledge_due();
            self.write()?;
            if !wanted || self.session.is_closed() || self.shared.state.lock().epoch != self.epoch {
                return self.hang_up();
            }
            let now = Instant::now();
            if self.session.wants_read() {
                self.read()?;
            } else {
                thread::sleep(TICK);
            }
            if self.session.poll_timeout().is_some_and(|deadline| deadline <= now) {
                self.session.handle_timeout(now);
            }
        }
    }

    /// Takes in what has arrived; `false` when the connection is to be closed by the script.
    fn handle_events(&mut self) -> bool {
        while let Some(event) = self.session.poll_event() {
            match event {
                ServerEvent::Event { payload, .. } => self.arriving.push(document(payload)),
                ServerEvent::WindowAborted { .. } => self.arriving.clear(),
                ServerEvent::WindowComplete { window, events, .. } if !self.take_window(window, events) => {
                    return false;
                }
                _ => {}
            }
        }
        true
    }

    fn take_window(&mut self, window: WindowId, events: u32) -> bool {
        let step = self.shared.state.update(|state| state.script.pop_front());
        let now = Instant::now();
        let mut kept = std::mem::take(&mut self.arriving);
        match step.unwrap_or(Step::Acknowledge) {
            Step::Acknowledge => self.waiting.push_back((window, events, Some(now))),
            // A time that no clock can show is never.
            Step::Delay(delay) => self.waiting.push_back((window, events, now.checked_add(delay))),
            Step::Stall => self.waiting.push_back((window, events, None)),
            Step::DropConnection => return false,
            Step::KeepAndDrop => {
                self.keep(&kept);
                return false;
            }
            Step::Partial(leading) => {
                kept.truncate(leading as usize);
                self.keep(&kept);
                self.session.acknowledge_prefix(window, leading, now);
                self.count_acknowledged(u64::from(leading.min(events)));
                // The acknowledgement leaves before the connection does.
                let _ = self.write();
                return false;
            }
        }
        self.keep(&kept);
        true
    }

    fn keep(&self, events: &[Bytes]) {
        let mut sink = self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let to_sink = sink.is_some();
        if let Some(sink) = sink.as_mut() {
            sink(events);
        }
        drop(sink);
        self.shared.state.update(|state| {
            if !to_sink {
                state.events.extend_from_slice(events);
            }
            state.received += events.len() as u64;
            state.windows += 1;
        });
    }

    fn acknowledge_due(&mut self) {
        let now = Instant::now();
        if self.waiting.is_empty() || self.shared.state.lock().hold {
            return;
        }
        let mut still = VecDeque::new();
        for (window, events, due) in std::mem::take(&mut self.waiting) {
            if due.is_some_and(|due| due <= now) {
                self.session.acknowledge(window, now);
                self.count_acknowledged(u64::from(events));
            } else {
                still.push_back((window, events, due));
            }
        }
        self.waiting = still;
    }

    fn count_acknowledged(&self, events: u64) {
        self.shared.state.update(|state| state.acknowledged += events);
    }

    fn write(&mut self) -> io::Result<()> {
        if self.session.poll_transmit(&mut self.output) {
            self.stream.write_all(&self.output)?;
            self.output.clear();
        }
        Ok(())
    }

    /// Closes with FIN: what the client still sends is read and thrown away, because unread bytes
    /// would turn the end into an RST, which can destroy an acknowledgement on its way.
    fn hang_up(mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + LINGER;
        self.stream.set_read_timeout(Some(TICK))?;
        let mut scrap = [0; 4096];
        while Instant::now() < deadline {
            match self.stream.read(&mut scrap) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        // While something waits for its time, or for a word of the test, look at it often.
        let timeout = if self.waiting.is_empty() { 10 * TICK } else { TICK };
        self.stream.set_read_timeout(Some(timeout))?;
        self.input.resize(READ, 0);
        let result = self.stream.read(&mut self.input);
        self.input.truncate(*result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => self.session.receive_eof(Instant::now()),
            Ok(_) => self.session.receive(&mut self.input, Instant::now()),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// An event as one document; the pairs of a v1 event become a JSON object of strings.
fn document(payload: Payload) -> Bytes {
    let pairs = match payload {
        Payload::Json(document) => return document,
        Payload::Data(pairs) => pairs,
    };
    let mut object = String::from("{");
    for (key, value) in &pairs {
        if object.len() > 1 {
            object.push(',');
        }
        push_string(&mut object, key);
        object.push(':');
        push_string(&mut object, value);
    }
    object.push('}');
    Bytes::from(object)
}

fn push_string(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

const TICK: Duration = Duration::from_millis(2);

/// How long a closing connection waits for the end of what the client sends.
const LINGER: Duration = Duration::from_millis(500);

const READ: usize = 64 * 1024;
