use crate::handler::Handler;
use crate::suppress::is_suppressed;
use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use logstash_format::log_event;

impl Handler {
    /// Makes this handler the logger of the `log` crate, for records of this level and above.
    ///
    /// `log::set_max_level` changes the level while the program runs. With the feature `env-filter`,
    /// `init_log_filtered` takes a level for each target.
    ///
    /// # Errors
    ///
    /// [`SetLoggerError`] when the program has a logger already.
    pub fn init_log(&self, level: LevelFilter) -> Result<(), SetLoggerError> {
        log::set_boxed_logger(Box::new(self.clone()))?;
        log::set_max_level(level);
        Ok(())
    }
}

impl Log for Handler {
    /// Whether a record may become an event: all but those of the handler's own threads and crates.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !is_suppressed(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if !is_suppressed(record.target()) {
            log_event(record, |event| self.emit(event));
        }
    }

    /// Waits until everything is delivered, at most for the handler's shutdown timeout.
    fn flush(&self) {
        let _ = Self::flush(self, self.core().options.shutdown_timeout);
    }
}
