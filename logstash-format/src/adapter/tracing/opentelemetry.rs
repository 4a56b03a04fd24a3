use opentelemetry::trace::TraceContextExt;
use tracing_core::Dispatch;
use tracing_core::span::Id;

use crate::TraceContext;

/// The identifiers of a span as hexadecimal digits.
pub(super) struct Ids {
    trace: [u8; 32],
    span: [u8; 16],
}

impl Ids {
    /// Nothing if the dispatcher has no OpenTelemetry layer, or one that does not see the span.
    pub(super) fn of(span: &Id, dispatch: &Dispatch) -> Option<Self> {
        let context = tracing_opentelemetry::get_otel_context(span, dispatch)?;
        let span = context.span();
        let ids = span.span_context();
        if !ids.is_valid() {
            return None;
        }
        let mut digits = Self { trace: [0; 32], span: [0; 16] };
        write_hex(&ids.trace_id().to_bytes(), &mut digits.trace);
        write_hex(&ids.span_id().to_bytes(), &mut digits.span);
        Some(digits)
    }

    pub(super) fn as_context(&self) -> TraceContext<'_> {
        TraceContext::new()
            .trace_id(str::from_utf8(&self.trace).ok())
            .span_id(str::from_utf8(&self.span).ok())
    }
}

fn write_hex(bytes: &[u8], to: &mut [u8]) {
    for (byte, digits) in bytes.iter().zip(to.chunks_exact_mut(2)) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
