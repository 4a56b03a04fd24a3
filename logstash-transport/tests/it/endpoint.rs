use logstash_transport::{Endpoint, EndpointPart, Scheme, TransportOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

fn parse_as_beats(text: &str) -> Result<String, EndpointPart> {
    Endpoint::parse_as(text, Scheme::Beats).map(|endpoint| endpoint.to_string()).map_err(|error| error.part())
}

fn parse(text: &str) -> Endpoint {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_a_person_types() {
    for (text, read) in [
        ("logstash", "beats://logstash:5044"),
        ("logstash:1", "beats://logstash:1"),
        ("beats://10.0.0.1:65535", "beats://10.0.0.1:65535"),
        ("BEATS://logstash/", "beats://logstash:5044"),
        ("[::1]", "beats://[::1]:5044"),
        ("beats://[2001:db8::7]:5045", "beats://[2001:db8::7]:5045"),
        ("[fe80::1%25eth0]", "beats://[fe80::1%eth0]:5044"),
        ("[fe80::1%eth0]:5", "beats://[fe80::1%eth0]:5"),
        ("my_host-1.example.", "beats://my_host-1.example.:5044"),
        // A host may be called like a scheme.
        ("beats:7", "beats://beats:7"),
    ] {
        assert_eq!(parse_as_beats(text).as_deref(), Ok(read), "{text}");
    }
}

#[test]
fn every_scheme_is_read_and_written() {
    for (text, scheme, written) in [
        ("beats+tls://logstash", Scheme::BeatsTls, "beats+tls://logstash:5044"),
        ("tcp://logstash:5000", Scheme::Tcp, "tcp://logstash:5000"),
        ("tcp+tls://[::1]:5000/", Scheme::TcpTls, "tcp+tls://[::1]:5000"),
        ("udp://logstash:5000", Scheme::Udp, "udp://logstash:5000"),
        ("http://logstash", Scheme::Http, "http://logstash:80"),
        ("https://logstash/a%20b", Scheme::Https, "https://logstash:443/a%20b"),
        ("redis://cache/7?key=log%26stash", Scheme::Redis, "redis://cache:6379/7?key=log%26stash"),
        ("rediss://cache", Scheme::RedisTls, "rediss://cache:6379"),
        ("file:/var/log/a b%3F.log?keep=2", Scheme::File, "file:/var/log/a b%3F.log?keep=2"),
        ("file:relative.log", Scheme::File, "file:relative.log"),
        ("file:///var/log/x", Scheme::File, "file:/var/log/x"),
        ("stdout:", Scheme::Stdout, "stdout:"),
        ("stdout://", Scheme::Stdout, "stdout:"),
        ("discard:", Scheme::Discard, "discard:"),
    ] {
        let endpoint = parse(text);
        assert_eq!((endpoint.scheme(), endpoint.to_string().as_str()), (scheme, written), "{text}");
        assert_eq!(parse(written), endpoint, "{text}: what is written reads back as the same");
    }
}

#[test]
fn parts_are_decoded_where_they_mean_something_to_us() {
    let redis = parse("redis://log%40user:p%3Ass%2Fw@cache:1/15?key=a+b%20c&type=stream&max_length=100000");
    assert_eq!((redis.user(), redis.password()), (Some("log@user"), Some("p:ss/w")));
    assert_eq!((redis.host(), redis.port(), redis.database()), ("cache", 1, 15));
    assert_eq!((redis.option("key"), redis.option("type")), (Some("a+b c"), Some("stream")));
    assert_eq!((redis.number("max_length"), redis.number("key")), (Some(100_000), None));
    assert_eq!((redis.option("other"), redis.query()), (None, None));

    // A password alone is how Redis before ACL is addressed.
    let redis = parse("redis://:secret@cache");
    assert_eq!((redis.user(), redis.password(), redis.database()), (None, Some("secret"), 0));
    // The last '@' is the one, whatever is in the password.
    assert_eq!(parse("redis://u:p@ss@cache").password(), Some("p@ss"));

    // A server reads its path and its query as they were typed.
    let http = parse("http://u@logstash:8080/in%20put//x?token=a%26b&x");
    assert_eq!((http.user(), http.password()), (Some("u"), None));
    assert_eq!((http.path(), http.query()), ("/in%20put//x", Some("token=a%26b&x")));

    let file = parse("file:/var/log/100%25 %C3%BC.log?rotate=10MB&keep=3&sync=batch");
    assert_eq!(file.path(), "/var/log/100% ü.log");
    assert_eq!((file.number("rotate"), file.number("keep")), (Some(10_000_000), Some(3)));
    for (size, bytes) in [("1", 1), ("64KiB", 65536), ("64kib", 65536), ("2GiB", 2 << 30), ("7kB", 7000)] {
        assert_eq!(parse(&format!("file:x?rotate={size}")).number("rotate"), Some(bytes), "{size}");
    }
}

#[test]
fn an_error_names_the_part_that_is_wrong() {
    use EndpointPart::{Host, Path, Port, Query, Scheme, UserInfo};
    for (text, part) in [
        ("", Host),
        (":5044", Host),
        ("beats://", Host),
        ("log stash", Host),
        ("::1", Host),
        ("[::1", Host),
        ("[nonsense]:5044", Host),
        ("[fe80::1%]", Host),
        ("me@logstash:5044", UserInfo),
        ("logstash:", Port),
        ("logstash:0", Port),
        ("logstash:+1", Port),
        ("logstash:65536", Port),
        ("[::1]5044", Port),
        ("beats://logstash:5044/path", Path),
        ("beats://logstash?key=1", Query),
        ("beats://logstash#top", Path),
        ("gopher://logstash", Scheme),
        ("tcp://logstash:1", Scheme),
        ("file:x", Scheme),
    ] {
        assert_eq!(parse_as_beats(text), Err(part), "{text}");
    }
}

#[test]
fn an_error_points_at_what_is_wrong_and_says_what_to_do() {
    use EndpointPart::{Host, Path, Port, Query, Scheme, UserInfo};
    for (text, part, position, cause) in [
        ("logstash:5044", Scheme, 0, "no scheme, such as beats://"),
        ("beats:logstash", Scheme, 0, "beats: is followed by //"),
        ("beat://logstash", Scheme, 0, "did you mean beats"),
        ("tcp+ssl://logstash:1", Scheme, 0, "did you mean tcp+tls"),
        ("ftp+telnet://logstash", Scheme, 0, "known are beats, beats+tls, discard, file, http"),
        ("beats://log stash", Host, 11, "white space in the host"),
        ("beats://lögstash", Host, 9, "xn--"),
        ("beats://log%20stash", Host, 11, "'%' in the host"),
        ("beats://lög:x", Host, 9, "xn--"),
        ("beats://logstash:x", Port, 17, "a number from 1 to 65535"),
        ("tcp://logstash", Port, 14, "tcp:// has no default port; write HOST:PORT"),
        ("udp://u@logstash:1", UserInfo, 6, "udp:// takes no user name"),
        ("http://@logstash", UserInfo, 7, "nothing stands before '@'"),
        ("http://logstash/a b", Path, 17, "%20"),
        ("http://logstash/100%", Path, 19, "%25"),
        ("http://logstash/?a b", Query, 18, "%20"),
        ("redis://user@cache", UserInfo, 8, "without a password"),
        ("redis://cache/zero", Path, 14, "the number of a database"),
        ("redis://cache/0/1", Path, 14, "the number of a database"),
        ("beats://logstash?level=10", Query, 23, "level is a number from 0 to 9"),
        ("beats://logstash?tls_ca=x", Query, 17, "beats:// takes level, in_flight, window"),
        ("beats+tls://logstash?tls_verify=no", Query, 32, "one of full, certificate, danger_none"),
        ("redis://cache?kye=x", Query, 14, "did you mean key"),
        ("redis://cache?key=x&colour=red", Query, 20, "redis:// takes key, type, max_length"),
        ("redis://cache?key=x&key=y", Query, 20, "key is given twice"),
        ("redis://cache?key", Query, 14, "key has no value"),
        ("redis://cache?key=", Query, 18, "key is empty"),
        ("redis://cache?key=%zz", Query, 18, "'%' without two hexadecimal digits"),
        ("redis://cache?key=%ff", Query, 18, "not UTF-8"),
        ("redis://cache?type=steam", Query, 19, "one of list, stream, channel; did you mean stream"),
        ("redis://cache?max_length=0", Query, 25, "a number from 1 on"),
        ("file:", Path, 5, "the path is empty"),
        ("file:?keep=1", Path, 5, "the path is empty"),
        ("file://host/path", Host, 5, "write file:PATH"),
        ("file:a%00b", Path, 5, "NUL"),
        ("file:x?rotate=10XB", Query, 14, "64KiB"),
        ("file:x?rotate=99999999999GiB", Query, 14, "64KiB"),
        ("file:x?keep=-1", Query, 12, "from 0 to 10000"),
        ("file:x\ny", Path, 6, "control character"),
        ("stdout:x", Path, 7, "nothing follows stdout:"),
        ("discard:x", Path, 8, "nothing follows discard:"),
        ("stdout:?x=1", Query, 8, "stdout: takes no options"),
        ("redis://cache?key=x#y", Query, 19, "%23"),
    ] {
        let error = text.parse::<Endpoint>().unwrap_err();
        assert_eq!((error.part(), error.position()), (part, position), "{error}");
        let message = error.to_string();
        assert!(message.contains(cause), "{message}");
        assert!(message.contains(&format!("{text:?}")) || message.contains("***"), "{message}");
        assert!(
            message.contains(&format!("at character {}", text[..position].chars().count() + 1)),
            "{message}"
        );
    }
}

#[test]
fn no_secret_is_shown() {
    for text in
        ["redis://u:hunter2@cache/1", "http://u:hunter2@logstash/?token=hunter2", "redis://:hunter2@c"]
    {
        let endpoint = parse(text);
        let shown = format!("{endpoint} {endpoint:?} {endpoint:#?}");
        assert!(!shown.contains("hunter2") && shown.contains("***"), "{shown}");
    }
    for text in [
        "redis://u:hunter2@cache:port",
        "redis://u:hunter2@cache?kye=1",
        "redis://u:hunter2%@cache",
        "redis://u:%zzhunter2@cache",
        "redis://u:hun/hunter2@cache",
        "redis://:hunter2",
        "redis://u:hunter2/0",
        "tcp://u:hunter2@logstash:1",
        "gopher://u:hunter2@logstash",
        "u:hunter2@logstash",
        "https://logstash:x/?token=hunter2",
        "https://u:hunter2@logstash:x/?token=hunter2",
        "https://logstash:x/?token=hunter2@hunter2",
        "https://logstash/ a?token=hunter2@hunter2",
        "http://u:a?hunter2@logstash:x",
        "redis://cache?password=hunter2&key=x",
        "beats://logstash?level=10&token=hunter2",
        "logstash?token=hunter2",
    ] {
        let error = text.parse::<Endpoint>().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2") && shown.contains("***"), "{text}: {shown}");
    }
}

#[test]
fn a_transport_says_which_schemes_it_takes() {
    let either = |text| Endpoint::parse_as_one_of(text, Scheme::Tcp, &[Scheme::TcpTls]);
    assert_eq!(either("logstash:1").unwrap().scheme(), Scheme::Tcp);
    assert_eq!(either("tcp+tls://logstash:1").unwrap().scheme(), Scheme::TcpTls);
    assert_eq!(either("beats://logstash").unwrap_err().part(), EndpointPart::Scheme);
    assert!(Scheme::TcpTls.is_tls() && Scheme::RedisTls.is_tls() && !Scheme::Tcp.is_tls());
}

#[cfg(feature = "beats")]
#[test]
fn an_address_with_tls_is_refused_where_there_is_none() {
    let made = logstash_transport::BeatsTransport::new("beats+tls://logstash");
    assert_eq!(made.is_ok(), cfg!(feature = "tls"));
    assert!(made.err().is_none_or(|error| error.to_string().contains("needs the feature tls")));
}

#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "beats://", "redis://", "http:", "file:", "//", "[", "]", ":", "@", "%", "%2", "?", "&", "=", "#",
        "ü", "1", "x", "key=",
    ];
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..100_000 {
        let text: String = (0..random.usize(0..9)).map(|_| pieces[random.usize(0..pieces.len())]).collect();
        match text.parse::<Endpoint>() {
            // What is shown lacks the password and the query of HTTP, and is otherwise an address.
            Ok(endpoint) => assert!(endpoint.to_string().parse::<Endpoint>().is_ok(), "{text}: {endpoint}"),
            Err(error) => assert!(text.is_char_boundary(error.position()), "{text}: {error}"),
        }
    }
}

#[test]
fn every_address_becomes_a_transport_or_tells_the_feature_that_is_missing() {
    let features = [
        ("beats", cfg!(feature = "beats")),
        ("file", cfg!(feature = "file")),
        ("http", cfg!(feature = "http")),
        ("redis", cfg!(feature = "redis")),
        ("stdout", cfg!(feature = "stdout")),
        ("tcp", cfg!(feature = "tcp")),
        ("tls", cfg!(feature = "tls")),
        ("udp", cfg!(feature = "udp")),
    ];
    for (text, needed) in [
        ("beats://logstash?level=0&in_flight=5&window=10000", &["beats"][..]),
        ("beats+tls://logstash?tls_ca=/none/ca.pem", &["tls", "beats"]),
        ("discard:", &[]),
        ("file:/none/events.log?rotate=1MiB&keep=0&sync=batch", &["file"]),
        ("http://logstash/path", &["http"]),
        ("https://logstash/path?token=1", &["tls", "http"]),
        ("redis://cache/0?key=logstash", &["redis"]),
        ("rediss://cache/0?key=logstash&tls_verify=certificate", &["tls", "redis"]),
        ("stdout:", &["stdout"]),
        ("tcp://logstash:5000", &["tcp"]),
        ("tcp+tls://logstash:5000?tls_server_name=other", &["tls", "tcp"]),
        ("udp://logstash:5000", &["udp"]),
    ] {
        let missing = needed.iter().find(|name| !features.contains(&(**name, true)));
        match (parse(text).into_transport(&TransportOptions::new()), missing) {
            (Ok(_), None) => {}
            (Err(error), Some(feature)) => {
                assert_eq!(error.part(), EndpointPart::Scheme);
                let cause = format!("needs the feature {feature} of logstash-transport");
                assert!(error.to_string().ends_with(&cause), "{error}");
            }
            (Ok(_), Some(feature)) => panic!("{text} does without {feature}"),
            (Err(error), None) => panic!("{error}"),
        }
    }
}

#[cfg(all(feature = "beats", feature = "testing"))]
#[test]
fn what_an_address_says_reaches_its_transport() {
    use crate::support::numbered;
    use logstash_transport::Batch;
    use logstash_transport::testing::Receiver;

    let receiver = Receiver::start().unwrap();
    let text = format!("beats://{}?window=10&level=0", receiver.address());
    let mut transport = parse(&text).into_transport(&TransportOptions::new()).unwrap();
    transport.send(&mut Batch::from_events(numbered(0..100))).unwrap();
    assert_eq!((receiver.events(), receiver.windows()), (numbered(0..100), 10));
}

#[cfg(all(feature = "beats", feature = "testing", feature = "tls"))]
#[test]
fn what_an_address_says_about_tls_has_precedence_and_plain_schemes_stay_plain() {
    use crate::authority::Authority;
    use crate::support::numbered;
    use crate::tls_server::TlsServer;
    use logstash_transport::testing::Receiver;
    use logstash_transport::{Batch, ConnectionOptions, TlsConfig};

    let receiver = Receiver::start().unwrap();
    let (ca, other) = (Authority::new("ca"), Authority::new("other"));
    let front = TlsServer::new(&ca.server(&["logstash.test"])).in_front_of(receiver.address());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca.pem()).unwrap();
    let options = TransportOptions::new()
        .connection(ConnectionOptions::new().tls(TlsConfig::new().ca_bytes(other.pem())));
    let send = |text: String| {
        let mut transport = parse(&text).into_transport(&options).unwrap();
        transport.send(&mut Batch::from_events(numbered(0..1))).map_err(|error| error.kind())
    };
    let (address, file) = (front.address(), file.display());
    let tls = format!("beats+tls://{address}?tls_ca={file}");
    send(format!("{tls}&tls_server_name=logstash.test")).unwrap();
    send(format!("{tls}&tls_verify=certificate")).unwrap();
    assert!(send(tls).is_err(), "the name is wrong");
    assert!(
        send(format!("beats+tls://{address}?tls_server_name=logstash.test")).is_err(),
        "the authority is wrong"
    );
    send(format!("beats://{}", receiver.address())).unwrap();
    assert_eq!(receiver.received(), 3);
}

/// Each way to fail has one sentence on what to do; what was meant for a human is of no use without it.
#[test]
fn whoever_probes_a_wrong_port_is_told_what_to_do() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hangs_up = peer(b"");
    let http = peer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let ssh = peer(b"SSH-2.0-OpenSSH_9.6\r\n");
    let schemes = ["beats", "beats+tls", "http", "https", "redis", "rediss", "tcp", "tcp+tls", "udp"];
    for scheme in schemes {
        for port in [gone, hangs_up, http, ssh].map(|address| address.port()) {
            let endpoint = parse(&format!("{scheme}://127.0.0.1:{port}"));
            let Ok(mut transport) = endpoint.into_transport(&TransportOptions::new()) else { continue };
            if let Err(error) = transport.probe() {
                assert!(error.advice().is_some_and(|advice| !advice.is_empty()), "{scheme} {error:?}");
            }
        }
    }
    for address in ["file:/no/such/folder/events.log", "file:/"] {
        let Ok(mut transport) = parse(address).into_transport(&TransportOptions::new()) else { continue };
        assert!(transport.probe().unwrap_err().advice().is_some(), "{address}");
    }
}

/// Answers whatever comes first with these bytes, and hangs up.
fn peer(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            // A probe that connects only to see whether that works sends nothing.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address
}
