use logstash_transport::{Endpoint, EndpointPart, Scheme};

fn parse(text: &str) -> Result<String, EndpointPart> {
    Endpoint::parse_as(text, Scheme::Beats).map(|endpoint| endpoint.to_string()).map_err(|error| error.part())
}

#[test]
fn what_a_person_types() {
    assert_eq!(parse("logstash").unwrap(), "beats://logstash:5044");
    assert_eq!(parse("logstash:1").unwrap(), "beats://logstash:1");
    assert_eq!(parse("beats://10.0.0.1:65535").unwrap(), "beats://10.0.0.1:65535");
    assert_eq!(parse("BEATS://logstash/").unwrap(), "beats://logstash:5044");
    assert_eq!(parse("[::1]").unwrap(), "beats://[::1]:5044");
    assert_eq!(parse("beats://[2001:db8::7]:5045").unwrap(), "beats://[2001:db8::7]:5045");
}

#[test]
fn an_error_names_the_part_that_is_wrong() {
    use EndpointPart::{Host, Path, Port, Scheme};
    for (text, part) in [
        ("", Host),
        (":5044", Host),
        ("beats://", Host),
        ("log stash", Host),
        ("::1", Host),
        ("[::1", Host),
        ("[nonsense]:5044", Host),
        ("me@logstash:5044", Host),
        ("logstash:", Port),
        ("logstash:0", Port),
        ("logstash:+1", Port),
        ("logstash:65536", Port),
        ("[::1]5044", Port),
        ("beats://logstash:5044/path", Path),
        ("beats://logstash?key=1", Path),
        ("gopher://logstash", Scheme),
    ] {
        assert_eq!(parse(text), Err(part), "{text}");
    }
    let error = "logstash:5044".parse::<Endpoint>().unwrap_err();
    assert_eq!(error.part(), Scheme);
    assert!(error.to_string().contains("logstash:5044"), "{error}");
}
