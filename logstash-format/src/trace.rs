/// What ties an event to the trace that it is part of; what is not known is left out of documents.
///
/// Identifiers are text as the tracing system writes them, for W3C Trace Context and OpenTelemetry
/// 32 and 16 hexadecimal digits in lower case.
///
/// ```
/// use logstash_format::{Event, Level, TraceContext};
///
/// let trace = TraceContext::new().trace_id("0af7651916cd43dd8448eb211c80319c").span_id("b7ad6b7169203331");
/// let event = Event::new(Level::Info, "shop", "order placed").trace(trace);
/// # assert_eq!(event.trace.span_id, Some("b7ad6b7169203331"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceContext<'a> {
    /// The whole trace, across all services.
    pub trace_id: Option<&'a str>,
    /// The operation within the trace.
    pub span_id: Option<&'a str>,
    /// The outermost operation of this service, which Elastic APM calls transaction.
    pub transaction_id: Option<&'a str>,
}

impl<'a> TraceContext<'a> {
    /// Part of no known trace.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the trace.
    pub fn trace_id(mut self, trace_id: impl Into<Option<&'a str>>) -> Self {
        self.trace_id = trace_id.into();
        self
    }

    /// Sets the operation.
    pub fn span_id(mut self, span_id: impl Into<Option<&'a str>>) -> Self {
        self.span_id = span_id.into();
        self
    }

    /// Sets the outermost operation of this service.
    pub fn transaction_id(mut self, transaction_id: impl Into<Option<&'a str>>) -> Self {
        self.transaction_id = transaction_id.into();
        self
    }
}
