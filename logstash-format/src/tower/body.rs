use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;

pin_project! {
    /// The body of a response, counted; made by [`AccessLogFuture`](super::AccessLogFuture).
    pub struct AccessLogBody<B> {
        #[pin]
        inner: B,
        // Nothing once the end is logged.
        exchange: Option<Exchange>,
    }
}

impl<B: Body> AccessLogBody<B> {
    pub(super) fn new(inner: B, mut exchange: Option<Exchange>) -> Self {
        if let Some(exchange) = &mut exchange
            && (exchange.is_bodiless() || is_at_end(&inner))
        {
            exchange.completes();
        }
        Self { inner, exchange }
    }
}

impl<B: Body> Body for AccessLogBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(exchange) = this.exchange else {
            return this.inner.poll_frame(context);
        };
        let frame = ready!(exchange.inside(|| this.inner.as_mut().poll_frame(context)));
        match &frame {
            Some(Ok(frame)) => {
                exchange.sends(frame.data_ref().map_or(0, Buf::remaining));
                // Servers do not ask for another frame when they know that there is none.
                if is_at_end(&*this.inner) {
                    exchange.completes();
                }
            }
            Some(Err(_)) => {
                exchange.fails(None);
                *this.exchange = None;
            }
            None => {
                exchange.completes();
                *this.exchange = None;
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: fmt::Debug> fmt::Debug for AccessLogBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLogBody").field("inner", &self.inner).finish_non_exhaustive()
    }
}

fn is_at_end(body: &impl Body) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}
