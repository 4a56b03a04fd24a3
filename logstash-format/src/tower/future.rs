use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::AccessLogBody;
use super::exchange::Exchange;
use super::request_id::Echo;

pin_project! {
    /// The response to come; made by [`AccessLog`](super::AccessLog).
    pub struct AccessLogFuture<F> {
        #[pin]
        inner: F,
        exchange: Option<Exchange>,
        echo: Option<Echo>,
    }
}

impl<F> AccessLogFuture<F> {
    pub(super) fn new(inner: F, exchange: Exchange, echo: Option<Echo>) -> Self {
        Self { inner, exchange: Some(exchange), echo }
    }
}

impl<F, B, E> Future for AccessLogFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: fmt::Display,
{
    type Output = Result<Response<AccessLogBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let inner = this.inner;
        let result = match this.exchange {
            Some(exchange) => ready!(exchange.inside(|| inner.poll(context))),
            None => ready!(inner.poll(context)),
        };
        let mut exchange = this.exchange.take();
        Poll::Ready(match result {
            Ok(mut response) => {
                if let Some(echo) = this.echo.take() {
                    echo.write(response.headers_mut());
                }
                if let Some(exchange) = &mut exchange {
                    exchange.responds(response.status().as_u16());
                }
                Ok(response.map(|body| AccessLogBody::new(body, exchange)))
            }
            Err(error) => {
                if let Some(exchange) = &mut exchange {
                    exchange.fails(displayed(&error));
                }
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for AccessLogFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLogFuture").finish_non_exhaustive()
    }
}

/// Not `to_string`, which panics if the error fails to display itself.
fn displayed(error: &impl fmt::Display) -> Option<String> {
    let mut text = String::new();
    fmt::write(&mut text, format_args!("{error}")).ok().map(|()| text)
}
