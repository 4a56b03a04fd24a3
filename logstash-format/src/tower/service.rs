use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::exchange::Exchange;
use super::layer::Options;
use super::span::span_of;
use super::{AccessLogBody, AccessLogFuture, request_id, trace_parent};
use crate::HttpContext;

/// A service whose requests are logged; made by [`AccessLogLayer`](super::AccessLogLayer).
#[derive(Clone)]
pub struct AccessLog<S> {
    inner: S,
    options: Arc<Options>,
}

impl<S> AccessLog<S> {
    pub(super) fn new(inner: S, options: Arc<Options>) -> Self {
        Self { inner, options }
    }

    fn exchange<B>(&self, request: &mut Request<B>) -> (Exchange, Option<request_id::Echo>) {
        let options = &self.options;
        let echo = options.request_id_header.as_ref().map(|name| request_id::ensure(request, name));
        let (headers, extensions) = (request.headers(), request.extensions());
        let mut http = HttpContext::from_request(request, &options.redaction)
            .headers_of(headers, &options.request_headers, &options.redaction)
            .into_owned();
        http.request_id = echo.as_ref().map(|echo| echo.id().into());
        http.route = (options.route)(extensions).map(Into::into);
        if let Some(peer) = (options.peer_address)(extensions) {
            let source = options.proxies.source_of(peer, headers);
            http.client_address = Some(source.address.to_string().into());
            http.scheme = source.scheme.or(http.scheme);
        }
        if http.scheme.is_none() {
            http.scheme.clone_from(&options.scheme);
        }
        let trace_id = trace_parent::trace_id(headers).map(str::to_owned);
        let span = span_of(&http, trace_id.as_deref());
        (Exchange::new(Arc::clone(options), http, trace_id, span), echo)
    }
}

impl<S: fmt::Debug> fmt::Debug for AccessLog<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for AccessLog<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>>,
    S::Error: fmt::Display,
    ResponseBody: Body,
{
    type Response = Response<AccessLogBody<ResponseBody>>;
    type Error = S::Error;
    type Future = AccessLogFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let (mut exchange, echo) = self.exchange(&mut request);
        let future = exchange.inside(|| self.inner.call(request));
        AccessLogFuture::new(future, exchange, echo)
    }
}
