use std::error::Error;
use std::fmt;

/// An exception of Python, from the trace that came with a record.
#[derive(Debug)]
pub(super) struct PythonException<'p> {
    /// `ValueError`, `requests.exceptions.ConnectionError`.
    pub(super) type_name: Option<&'p str>,
    pub(super) message: ExceptionMessage,
    /// All of it.
    pub(super) trace: &'p str,
}

/// What an exception says for itself; `'static`, as errors of events are.
#[derive(Debug)]
pub(super) struct ExceptionMessage(String);

impl fmt::Display for ExceptionMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ExceptionMessage {}

impl<'p> PythonException<'p> {
    /// Of the last traceback: causes stand before what they caused.
    pub(super) fn of_trace(trace: &'p str) -> Self {
        let trace = trace.trim_end();
        let last = trace.rfind("Traceback (most recent call last):").map_or("", |start| &trace[start..]);
        let mut lines = last.match_indices('\n').map(|(at, _)| &last[at + 1..]);
        let said = lines
            .find(|rest| !rest.starts_with([' ', '\n']))
            .unwrap_or_else(|| trace.rsplit('\n').next().unwrap_or(trace));
        let (type_name, message) = said.split_once(": ").unwrap_or((said, ""));
        let is_type = !type_name.is_empty()
            && type_name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '<' | '>'));
        let (type_name, message) = if is_type { (Some(type_name), message) } else { (None, said) };
        Self { type_name, message: ExceptionMessage(message.to_owned()), trace }
    }
}
