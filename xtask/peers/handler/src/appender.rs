use std::io;
use std::sync::Arc;

use tracing_appender::non_blocking;
use tracing_appender::non_blocking::{ErrorCounter, WorkerGuard};
use tracing_log::LogTracer;

use crate::Side;
use crate::gate::Gate;

/// tracing-appender with its defaults, behind the JSON layer of tracing-subscriber, which writes what ours writes.
pub(crate) struct Appender {
    gate: Arc<Gate>,
    errors: ErrorCounter,
    _guard: WorkerGuard,
}

impl Appender {
    pub(crate) fn start(is_idle: bool) -> Self {
        let gate = Arc::new(Gate::new(is_idle));
        let (writer, guard) = non_blocking(Lines(Arc::clone(&gate)));
        let errors = writer.error_counter();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(writer)
            .with_file(true)
            .with_line_number(true)
            .with_thread_names(true)
            .with_current_span(false)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("there is no subscriber yet");
        LogTracer::init_with_filter(log::LevelFilter::Info).expect("there is no logger yet");
        Self { gate, errors, _guard: guard }
    }
}

impl Side for Appender {
    fn drain(&self, logged: u64) {
        self.gate.wait_for(logged);
    }

    fn dropped(&self) -> Option<u64> {
        Some(self.errors.dropped_lines() as u64)
    }
}

/// Counts the calls, each of which brings a line.
struct Lines(Arc<Gate>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.pass(1);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
