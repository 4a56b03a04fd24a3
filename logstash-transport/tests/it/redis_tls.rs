//! [`RedisTransport`](logstash_transport::RedisTransport) over TLS, to a real redis-server: what of T-20
//! it can be made to show, behind the TLS server of the other transports, and once with its own TLS.

use crate::redis_server::RedisServer;
use crate::tls_matrix::{Rig, tls_matrix};
use bytes::Bytes;
use logstash_transport::{
    Batch, ConnectionOptions, Endpoint, RedisTransport, Scheme, Transport, error_chain,
};
use std::net::SocketAddr;
use std::time::Duration;

struct Redis(RedisServer);

impl Rig for Redis {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn transport(&self, host: &str, port: u16, tls: TlsConfig) -> Box<dyn Transport> {
        let options = ConnectionOptions::new().tls(tls);
        let options =
            options.connect_timeout(Duration::from_secs(1)).handshake_timeout(Duration::from_secs(2));
        Box::new(RedisTransport::to(Endpoint::new(Scheme::RedisTls, host, port)).connection(options))
    }

    /// A reply comes when the event is in the list, so that there is nothing to wait for.
    fn events(&self, _: usize) -> Vec<Bytes> {
        let list = self.0.run(&["LRANGE", "logstash", "0", "-1"]);
        list.texts().into_iter().map(|text| Bytes::from(text.to_owned())).collect()
    }
}

tls_matrix!(match RedisServer::start(&[]) {
    Some(server) => Redis(server),
    None => return,
});

/// The server's own TLS, with a client certificate that it demands.
#[test]
fn t30_redis_with_tls_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca.pem()).unwrap();
    let (certificate, key) = ca.server(&["localhost"]).write(folder.path(), "server");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = [
        ("--tls-port", port.to_string()),
        ("--tls-ca-cert-file", file.display().to_string()),
        ("--tls-cert-file", certificate.display().to_string()),
        ("--tls-key-file", key.display().to_string()),
        ("--requirepass", "secret".to_owned()),
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    let Some(server) = RedisServer::start(&settings) else { return };
    let url = format!("rediss://:secret@localhost:{port}/3?key=k");
    let with = |tls| RedisTransport::new(&url).unwrap().connection(ConnectionOptions::new().tls(tls));

    let mut transport = with(with_client(trusting(&ca), &ca.client("shipper")));
    transport.send(&mut Batch::from_events(["{}", "{}"])).unwrap();
    let report = transport.probe().unwrap();
    assert!(report.certificate.is_some());
    let mut client = server.client();
    client.run(&["AUTH", "secret"]);
    client.run(&["SELECT", "3"]);
    assert_eq!(client.run(&["LLEN", "k"]), crate::redis_server::Value::Integer(2));

    let error = with(trusting(&ca)).send(&mut Batch::from_events(["{}"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{}", error_chain(&error));
    let error = with(TlsConfig::new()).send(&mut Batch::from_events(["{}"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{}", error_chain(&error));
}
