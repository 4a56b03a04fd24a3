use crate::handler::Handler;
use arc_swap::ArcSwap;
use env_filter::{Filter, ParseError};
use log::{Log, Metadata, Record, SetLoggerError};
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

impl Handler {
    /// Makes this handler the logger of the `log` crate, for what the directives let through.
    ///
    /// They are those of `RUST_LOG`: a level, or levels of targets and of all modules below them, such as
    /// `warn,shop=info,shop::orders=debug`. Behind a `/` a text can follow that messages must contain.
    ///
    /// ```no_run
    /// # fn with(handler: &logstash_handler::Handler) -> Result<(), Box<dyn std::error::Error>> {
    /// let directives = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".to_owned());
    /// let filter = handler.init_log_filtered(&directives)?;
    ///
    /// filter.set("info,shop::orders=trace")?; // at any time, from any thread
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InitLogError`] when a directive cannot be read, or the program has a logger already.
    pub fn init_log_filtered(&self, directives: &str) -> Result<LogFilter, InitLogError> {
        let filter = LogFilter::new(directives).map_err(InitLogError::Directives)?;
        let logger = Filtered { handler: self.clone(), filter: filter.clone() };
        log::set_boxed_logger(Box::new(logger)).map_err(InitLogError::Taken)?;
        log::set_max_level(filter.0.filter.load().filter());
        Ok(filter)
    }
}

/// What a logger lets through; made by [`Handler::init_log_filtered`].
///
/// Clones are handles to the same filter. A record costs a look at each directive; one of a level that no
/// directive lets through costs nothing.
#[derive(Clone, Debug)]
pub struct LogFilter(Arc<Current>);

#[derive(Debug)]
struct Current {
    filter: ArcSwap<Filter>,
    /// Held while the filter and the maximum level of `log` are set, which belong together.
    setting: Mutex<()>,
}

impl LogFilter {
    fn new(directives: &str) -> Result<Self, LogFilterError> {
        let filter = ArcSwap::from_pointee(read(directives)?);
        Ok(Self(Arc::new(Current { filter, setting: Mutex::default() })))
    }

    /// Lets through what these directives do, from now on.
    ///
    /// # Errors
    ///
    /// [`LogFilterError`] when one cannot be read; all is as before then.
    pub fn set(&self, directives: &str) -> Result<(), LogFilterError> {
        let filter = read(directives)?;
        let _setting = self.0.setting.lock().unwrap_or_else(PoisonError::into_inner);
        let level = filter.filter();
        self.0.filter.store(Arc::new(filter));
        log::set_max_level(level);
        Ok(())
    }
}

fn read(directives: &str) -> Result<Filter, LogFilterError> {
    let mut filter = env_filter::Builder::new();
    match filter.try_parse(directives) {
        Ok(filter) => Ok(filter.build()),
        Err(error) => Err(LogFilterError { directives: directives.to_owned(), error }),
    }
}

/// A handler behind a filter.
struct Filtered {
    handler: Handler,
    filter: LogFilter,
}

impl Log for Filtered {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.0.filter.load().enabled(metadata) && Log::enabled(&self.handler, metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.filter.0.filter.load().matches(record) {
            Log::log(&self.handler, record);
        }
    }

    fn flush(&self) {
        Log::flush(&self.handler);
    }
}

/// Directives that cannot be read.
#[derive(Clone, Debug)]
pub struct LogFilterError {
    directives: String,
    error: ParseError,
}

impl fmt::Display for LogFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read the directives {:?}, such as \"warn,shop=debug\"", self.directives)
    }
}

impl Error for LogFilterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

/// Why a handler did not become the logger.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitLogError {
    /// The directives cannot be read.
    Directives(LogFilterError),
    /// The program has a logger already.
    Taken(SetLoggerError),
}

impl fmt::Display for InitLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directives(_) => "the filter of the logger is wrong",
            Self::Taken(_) => "the program has a logger already",
        })
    }
}

impl Error for InitLogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Directives(error) => Some(error),
            Self::Taken(error) => Some(error),
        }
    }
}
