use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ::http::{Extensions, HeaderName};
use tower_layer::Layer;

use super::{AccessLog, Outcome, TrustedProxies};
use crate::http::request::X_REQUEST_ID;
use crate::{Event, HttpContext, Level, Redaction};

/// Logs one event for each HTTP request, when its response is through.
///
/// The event comes when the body of the response ended or was dropped, also where the request was
/// cancelled, its handler panicked or the service failed: see [`Outcome`]. Its message is as
/// `GET /orders/7 200 in 12.345 ms`, its target `http`, its level `INFO`, from status 400 `WARN`, from
/// 500 `ERROR`. It is an event of `tracing`, or goes to a function of your choice, which needs no
/// subscriber: [`emit_to`](Self::emit_to).
///
/// The request is handled in a span `request`, of the level `ERROR`, so that a filter by level keeps
/// it, with fields as OpenTelemetry names them (`http.request.method`, `url.path`, `client.address`
/// and so on). All events within it thus have an [`HttpContext`]. The field `user.name` is left for
/// the program to record.
///
/// | part | where it comes from |
/// | --- | --- |
/// | method, host, path, query, version, referer, user agent | the request, without [secrets](Self::redaction) |
/// | request id | the header [`x-request-id`](Self::request_id_header), or else made up |
/// | client address | the [peer](Self::peer_address), or whom [trusted proxies](Self::trusted_proxies) name |
/// | scheme | the URL, what trusted proxies say, or [`scheme`](Self::scheme) |
/// | route | [`route`](Self::route) |
/// | size of the request | `Content-Length` |
/// | size of the response | counted, also of a response that was broken off |
/// | trace | the header `traceparent` |
///
/// # Example
///
/// With axum, which keeps the address of the peer and the route in types of its own:
///
/// ```
/// use axum::extract::{ConnectInfo, MatchedPath};
/// use axum::{Router, routing};
/// use logstash_format::{AccessLogLayer, TrustedProxies};
/// use std::net::SocketAddr;
///
/// let layer = AccessLogLayer::new()
///     .trusted_proxies(TrustedProxies::parse(["10.0.0.0/8"])?)
///     .peer_address(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()))
///     .route(|extensions| Some(extensions.get::<MatchedPath>()?.as_str().to_owned()));
/// let router: Router = Router::new().route("/orders/{id}", routing::get(async || "tea")).layer(layer);
/// let service = router.into_make_service_with_connect_info::<SocketAddr>();
/// # let _ = service;
/// # Ok::<(), logstash_format::InvalidNetwork>(())
/// ```
#[derive(Clone)]
pub struct AccessLogLayer {
    options: Arc<Options>,
}

impl AccessLogLayer {
    /// A layer that logs through `tracing`, with the defaults that the methods below state.
    pub fn new() -> Self {
        Self { options: Arc::new(Options::default()) }
    }

    /// Sets where events go, instead of to `tracing`.
    ///
    /// As `AccessLogLayer::new().emit_to(move |event| handler.emit(event))`, for programs that log by
    /// `log` alone or have a handler of its own for requests. `emit` is called in the task of the
    /// request, so it must not block, and must not panic.
    pub fn emit_to(self, emit: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.set(|options| options.emit = Some(Arc::new(emit)))
    }

    /// Sets what is a secret. Default: [`Redaction::new`].
    ///
    /// What this leaves in a query or a header is still subject to the default where a tracing layer of this crate
    /// reads it back from the span.
    pub fn redaction(self, redaction: Redaction) -> Self {
        self.set(|options| options.redaction = redaction)
    }

    /// Sets further headers of requests to log. Default: none.
    pub fn request_headers(self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.set(|options| options.request_headers = names.into_iter().collect())
    }

    /// Sets which peers are believed what they say about where a request came from. Default: none.
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        self.set(|options| options.proxies = proxies)
    }

    /// Sets how the address of the peer is found. Default: from a `SocketAddr` or an `IpAddr` among
    /// the extensions of the request.
    pub fn peer_address(self, find: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.set(|options| options.peer_address = Arc::new(find))
    }

    /// Sets how the pattern that a router found for the path is found. Default: not at all.
    pub fn route(self, find: impl Fn(&Extensions) -> Option<String> + Send + Sync + 'static) -> Self {
        self.set(|options| options.route = Arc::new(find))
    }

    /// Sets the header that identifies a request, or that there is none. Default: `x-request-id`.
    ///
    /// Up to 128 visible ASCII characters are taken over from the request; otherwise, it gets a random
    /// UUID. The response has the same header, unless the service set one.
    pub fn request_id_header(self, name: impl Into<Option<HeaderName>>) -> Self {
        self.set(|options| options.request_id_header = name.into())
    }

    /// Sets the scheme of requests that do not tell it, as a server that ends TLS itself knows it.
    /// Default: unknown.
    pub fn scheme(self, scheme: impl Into<Cow<'static, str>>) -> Self {
        self.set(|options| options.scheme = Some(scheme.into()))
    }

    /// Sets the levels of events; `level` must not panic. Default: `ERROR` from status 500 and for what failed or panicked,
    /// `WARN` from 400 and for what was broken off, `INFO` otherwise.
    pub fn level(self, level: impl Fn(&HttpContext<'_>, Outcome) -> Level + Send + Sync + 'static) -> Self {
        self.set(|options| options.level = Arc::new(level))
    }

    /// Sets which requests are logged; `filter` must not panic. Default: all.
    ///
    /// It is asked at the end, so that failures of a health check can be kept:
    /// `.filter(|http, _| http.path.as_deref() != Some("/health") || http.status != Some(200))`.
    pub fn filter(self, filter: impl Fn(&HttpContext<'_>, Outcome) -> bool + Send + Sync + 'static) -> Self {
        self.set(|options| options.filter = Arc::new(filter))
    }

    fn set(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(Arc::make_mut(&mut self.options));
        self
    }
}

impl Default for AccessLogLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AccessLogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLogLayer")
            .field("redaction", &self.options.redaction)
            .field("request_headers", &self.options.request_headers)
            .field("trusted_proxies", &self.options.proxies)
            .field("request_id_header", &self.options.request_id_header)
            .field("scheme", &self.options.scheme)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> AccessLog<S> {
        AccessLog::new(inner, Arc::clone(&self.options))
    }
}

/// What the methods of the layer set.
#[derive(Clone)]
pub(super) struct Options {
    /// Where events go, if not to `tracing`.
    pub(super) emit: Option<Arc<Emit>>,
    pub(super) redaction: Redaction,
    pub(super) request_headers: Vec<HeaderName>,
    pub(super) proxies: TrustedProxies,
    pub(super) peer_address: Arc<Find<IpAddr>>,
    pub(super) route: Arc<Find<String>>,
    pub(super) request_id_header: Option<HeaderName>,
    pub(super) scheme: Option<Cow<'static, str>>,
    pub(super) level: Arc<Judge<Level>>,
    pub(super) filter: Arc<Judge<bool>>,
}

type Emit = dyn Fn(&Event<'_>) + Send + Sync;
type Find<T> = dyn Fn(&Extensions) -> Option<T> + Send + Sync;
type Judge<T> = dyn Fn(&HttpContext<'_>, Outcome) -> T + Send + Sync;

impl Default for Options {
    fn default() -> Self {
        Self {
            emit: None,
            redaction: Redaction::new(),
            request_headers: Vec::new(),
            proxies: TrustedProxies::none(),
            peer_address: Arc::new(address_among),
            route: Arc::new(|_| None),
            request_id_header: Some(X_REQUEST_ID),
            scheme: None,
            level: Arc::new(level_of),
            filter: Arc::new(|_, _| true),
        }
    }
}

fn address_among(extensions: &Extensions) -> Option<IpAddr> {
    let of_socket = extensions.get::<SocketAddr>().map(SocketAddr::ip);
    of_socket.or_else(|| extensions.get::<IpAddr>().copied())
}

fn level_of(http: &HttpContext<'_>, outcome: Outcome) -> Level {
    match (outcome, http.status) {
        (Outcome::Failed | Outcome::Panicked, _) | (_, Some(500..)) => Level::Error,
        (Outcome::Aborted | Outcome::Cancelled, _) | (_, Some(400..)) => Level::Warn,
        (Outcome::Complete, _) => Level::Info,
    }
}
