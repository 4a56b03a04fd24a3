//! Where our documents differ from the original's on purpose, and why.

use serde_json::Value as Json;

use super::Difference;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    Logstash,
    Ecs,
}

/// A difference that is meant.
#[derive(Debug)]
pub(super) struct Deviation {
    schema: Schema,
    /// The name of a sample, the start of several before a `*`, or `*` for all of them.
    sample: &'static str,
    /// After `extra:` a name that may stand wherever extra fields go, also at the top level.
    path: &'static str,
    /// JSON, `*` for anything or `-` for nothing; likewise the next.
    theirs: &'static str,
    ours: &'static str,
    #[allow(dead_code, reason = "for those who read, also in the message when it no longer occurs")]
    reason: &'static str,
}

impl Deviation {
    pub(super) fn explains(&self, schema: Schema, sample: &str, difference: &Difference) -> bool {
        self.schema == schema
            && is_like(self.sample, sample)
            && is_at(self.path, &difference.path)
            && is_value(self.theirs, difference.theirs.as_ref())
            && is_value(self.ours, difference.ours.as_ref())
    }
}

fn is_like(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn is_at(pattern: &str, path: &str) -> bool {
    match pattern.strip_prefix("extra:") {
        Some(name) => path
            .strip_suffix(name)
            .is_some_and(|prefix| matches!(prefix, "" | "extra/" | "ctx/" | "app.ctx/" | "app/ctx/")),
        None => pattern == path,
    }
}

fn is_value(pattern: &str, value: Option<&Json>) -> bool {
    match (pattern, value) {
        ("-", None) => true,
        ("-", _) | (_, None) => false,
        ("*", Some(_)) => true,
        (json, Some(value)) => serde_json::from_str::<Json>(json).unwrap() == *value,
    }
}

const fn logstash(
    sample: &'static str,
    path: &'static str,
    theirs: &'static str,
    ours: &'static str,
    reason: &'static str,
) -> Deviation {
    Deviation { schema: Schema::Logstash, sample, path, theirs, ours, reason }
}

const fn ecs(
    sample: &'static str,
    path: &'static str,
    theirs: &'static str,
    ours: &'static str,
    reason: &'static str,
) -> Deviation {
    Deviation { schema: Schema::Ecs, sample, path, theirs, ours, reason }
}

/// What a Python interpreter and its frameworks have and a Rust program has not.
const OF_PYTHON: &str = "has no meaning in Rust";
/// What the program that runs these tests is called.
const OF_THE_PROCESS: &str = "of the process, where the original names one of multiprocessing";
/// The original shows half a document where nothing is known, and with it makes Elasticsearch refuse
/// the document where the field is an address or a number.
const NOTHING: &str = "what is not known is left out, instead of <none>, null or an empty text";
const RESERVED: &str = "a field of the event cannot pass for one of the document, nor displace it";
const OWN_TIME: &str = "times keep their zone and fraction; the original reads all of them as local time";
const TRACE: &str = "the causes of the error; tracebacks of Python have no counterpart";
const MESSAGE: &str = "the text of the error has a field of its own (E4)";
const TAGS: &str = "tags of an event add to those of the formatter";
const LEAK: &str = "shows the query, with the secrets in it";
const SECONDARY: &str = "the schema has these parts of a URL";

pub(super) const DEVIATIONS: &[Deviation] = &[
    // Both schemas, with the fields of Python where the extra fields go.
    logstash("*", "extra:interpreter", "*", "-", OF_PYTHON),
    logstash("*", "extra:interpreter_version", "*", "-", OF_PYTHON),
    logstash("*", "extra:logstash_async_version", "*", "-", OF_PYTHON),
    logstash("*", "extra:django_version", "*", "-", OF_PYTHON),
    logstash("*", "extra:flask_version", "*", "-", OF_PYTHON),
    logstash("template-error", "extra:tmpl_name", "*", "-", OF_PYTHON),
    logstash("template-error", "extra:tmpl_line", "*", "-", OF_PYTHON),
    logstash("template-error", "extra:tmpl_message", "*", "-", OF_PYTHON),
    logstash("template-error", "extra:tmpl_during", "*", "-", OF_PYTHON),
    logstash("taskname", "extra:task_name", "*", "-", OF_PYTHON),
    logstash("*", "extra:process_name", "*", "*", OF_THE_PROCESS),
    logstash(
        "level-error-other-thread",
        "@timestamp",
        r#""2025-10-09T08:53:21.000Z""#,
        r#""2025-10-09T08:53:20.999Z""#,
        "times are cut, not rounded, to the last nanosecond",
    ),
    logstash("extra-types", "extra/when", "*", r#""2025-10-09T08:53:20.123456""#, OWN_TIME),
    logstash("extra-types", "extra/aware", "*", r#""2025-10-09T08:53:20+02:00""#, OWN_TIME),
    logstash("extra-types", "extra/day", "*", r#""2025-10-09""#, OWN_TIME),
    logstash("extra-types", "extra/nested/a/b", "*", r#""2024-02-29""#, OWN_TIME),
    logstash(
        "extra-types",
        "extra/uid",
        r#""12345678123456781234567812345678""#,
        r#""12345678-1234-5678-1234-567812345678""#,
        "UUIDs have their hyphens",
    ),
    logstash(
        "extra-types",
        "extra/one",
        r#""frozenset()""#,
        "[]",
        "all sets are lists, instead of what only Python reads",
    ),
    logstash(
        "extra-types",
        "extra/big",
        "1180591620717411303424",
        r#""1180591620717411303424""#,
        "integers beyond 64 bits are text, because Elasticsearch refuses such numbers",
    ),
    logstash("extra-nonstring-keys", "extra/m/null", r#""none""#, "-", "keys are text; this one is None"),
    logstash("extra-nonstring-keys", "extra/m/None", "-", r#""none""#, "likewise"),
    logstash("extra-shadowing-top-level", "extra/host", "-", r#""other""#, RESERVED),
    logstash("extra-shadowing-top-level", "host", r#""other""#, r#""vm""#, RESERVED),
    logstash("extra-shadowing-top-level", "extra/level", "-", r#""WEIRD""#, RESERVED),
    logstash("extra-shadowing-top-level", "level", r#""WEIRD""#, r#""INFO""#, RESERVED),
    logstash("extra-shadowing-top-level", "extra/logsource", "-", r#""src""#, RESERVED),
    logstash("extra-shadowing-top-level", "logsource", r#""src""#, r#""vm""#, RESERVED),
    logstash("extra-shadowing-top-level", "extra/pid", "-", "1", RESERVED),
    logstash("extra-shadowing-top-level", "pid", "1", "4242", RESERVED),
    logstash("extra-shadowing-top-level", "extra/program", "-", r#""prog""#, RESERVED),
    logstash("extra-shadowing-top-level", "program", r#""prog""#, r#""/srv/app/main.py""#, RESERVED),
    logstash("extra-shadowing-top-level", "extra/type", "-", r#""mytype""#, RESERVED),
    logstash("extra-shadowing-top-level", "type", r#""mytype""#, r#""python-logstash""#, RESERVED),
    logstash("formatter-tags-and-record-tags", "tags", r#"["r1"]"#, r#"["prod","eu","r1"]"#, TAGS),
    logstash("extra-shadowing-inner", "extra/line_", "-", r#""x""#, "the original loses it"),
    logstash("extra-shadowing-inner", "extra/path_", "-", r#""y""#, "the original loses it"),
    logstash("extra-shadowing-inner", "extra/logger_name_", "-", r#""z""#, "the original loses it"),
    logstash("extra-shadowing-inner", "extra/given", "1", "-", "a field `extra` is one like any other"),
    logstash("extra-shadowing-inner", "extra/extra/given", "-", "1", "likewise"),
    logstash("static-extra", "extra/line", r#""overridden""#, "42", RESERVED),
    logstash("static-extra", "extra/line_", "-", r#""overridden""#, RESERVED),
    logstash("exception", "extra/stack_trace", "*", r#""bad é order\ncaused by: division by zero""#, TRACE),
    logstash("extra-prefix-empty-exception", "stack_trace", "*", "*", TRACE),
    logstash("request-exception", "extra/stack_trace", "*", "*", TRACE),
    logstash("exception-simple", "extra/stack_trace", "*", "-", "without causes the message says it all"),
    logstash("template-error", "extra/stack_trace", "*", "-", "without causes the message says it all"),
    logstash("*", "extra:error_message", "-", "*", MESSAGE),
    logstash("*", "extra:request", "*", "-", LEAK),
    logstash("*", "extra:response", "*", "-", LEAK),
    logstash("*", "extra:req_referer", r#""""#, "-", NOTHING),
    logstash("*", "extra:req_referer", "null", "-", NOTHING),
    logstash("*", "extra:req_remote_address", "null", "-", NOTHING),
    logstash("*", "extra:req_useragent", r#""<none>""#, "-", NOTHING),
    logstash("*", "extra:req_useragent", r#""""#, "-", NOTHING),
    logstash(
        "request-get",
        "extra/req_useragent",
        r#""""#,
        r#""Mozilla/5.0 (X11)""#,
        "the original never finds the user agent of a Flask request",
    ),
    logstash("*", "extra:req_user", r#""""#, "-", NOTHING),
    logstash("request-get", "extra/req_uri", "*", "*", "the query is as it was sent, not decoded"),
    logstash(
        "request-disallowed-host",
        "extra/req_uri",
        "null",
        "*",
        "the URL is known whether Django allows its host or not",
    ),
    logstash(
        "request-get",
        "extra/req_host",
        r#""shop.example""#,
        r#""shop.example:8000""#,
        "with the port in all cases, as for Django",
    ),
    // The Elastic Common Schema.
    ecs("*", "extra:interpreter", "*", "-", OF_PYTHON),
    ecs("*", "extra:interpreter_version", "*", "-", OF_PYTHON),
    ecs("*", "extra:logstash_async_version", "*", "-", OF_PYTHON),
    ecs("*", "extra:django_version", "*", "-", OF_PYTHON),
    ecs("*", "extra:flask_version", "*", "-", OF_PYTHON),
    ecs("template-error", "extra:tmpl_name", "*", "-", OF_PYTHON),
    ecs("template-error", "extra:tmpl_line", "*", "-", OF_PYTHON),
    ecs("template-error", "extra:tmpl_message", "*", "-", OF_PYTHON),
    ecs("template-error", "extra:tmpl_during", "*", "-", OF_PYTHON),
    ecs("taskname", "extra:task_name", "*", "-", OF_PYTHON),
    ecs("*", "process/executable", r#""/srv/app/main.py""#, "*", "the absolute path of the executable (E8)"),
    ecs("*", "process/name", "*", "*", "the name of the process (E9)"),
    ecs("*", "process/thread/id", "-", "*", "the number of the thread (E9)"),
    ecs("*", "host/name", "-", "*", "dashboards of the stack go by host.name"),
    ecs("*", "log/syslog/hostname", "*", "-", "only for events that came by syslog (E7)"),
    ecs(
        "*",
        "log/origin/file/name",
        r#""/srv/app/orders.py""#,
        r#""orders.py""#,
        "the name of the file, not its path (E10)",
    ),
    ecs(
        "level-error-other-thread",
        "@timestamp",
        r#""2025-10-09T08:53:21.000Z""#,
        r#""2025-10-09T08:53:20.999Z""#,
        "times are cut, not rounded, to the last nanosecond",
    ),
    ecs("extra-simple", "extra/note", "null", "-", "Elasticsearch takes null for nothing"),
    ecs("extra-types", "extra/when", "*", r#""2025-10-09T08:53:20.123456""#, OWN_TIME),
    ecs("extra-types", "extra/aware", "*", r#""2025-10-09T08:53:20+02:00""#, OWN_TIME),
    ecs("extra-types", "extra/day", "*", r#""2025-10-09""#, OWN_TIME),
    ecs("extra-types", "extra/nested/a/b", "*", r#""2024-02-29""#, OWN_TIME),
    ecs("extra-types", "extra/uid", "*", r#""12345678-1234-5678-1234-567812345678""#, "with hyphens"),
    ecs("extra-types", "extra/one", r#""frozenset()""#, "-", "Elasticsearch takes an empty list for nothing"),
    ecs(
        "extra-types",
        "extra/big",
        "1180591620717411303424",
        r#""1180591620717411303424""#,
        "integers beyond 64 bits are text, because Elasticsearch refuses such numbers",
    ),
    ecs("extra-shadowing-inner", "extra/given", "1", "-", "a field `extra` is one like any other"),
    ecs("extra-shadowing-inner", "extra/extra/given", "-", "1", "likewise"),
    ecs("formatter-tags-and-record-tags", "tags", r#"["r1"]"#, r#"["prod","eu","r1"]"#, TAGS),
    ecs(
        "extra-prefix-empty",
        "user",
        r#""u""#,
        "-",
        "`user` is an object of the schema; Elasticsearch refuses a text there (E17)",
    ),
    ecs("extra-prefix-empty", "user_", "-", r#""u""#, "likewise"),
    ecs(
        "dotted-extra-keys",
        "extra/http/request/method",
        r#""GET""#,
        "-",
        "fields of the schema stand where it has them (E14)",
    ),
    ecs("dotted-extra-keys", "http/request/method", "-", r#""GET""#, "likewise"),
    ecs("dotted-extra-keys-prefix-empty", "log/level", r#""mine""#, r#""INFO""#, RESERVED),
    ecs("dotted-extra-keys-prefix-empty", "labels/log_level", "-", r#""mine""#, RESERVED),
    ecs("exception", "error/stack_trace", "*", r#""bad é order\ncaused by: division by zero""#, TRACE),
    ecs("extra-prefix-empty-exception", "error/stack_trace", "*", "*", TRACE),
    ecs("request-exception", "error/stack_trace", "*", "*", TRACE),
    ecs("exception-simple", "error/stack_trace", "*", "-", "without causes the message says it all"),
    ecs("template-error", "error/stack_trace", "*", "-", "without causes the message says it all"),
    ecs("*", "error/message", "-", "*", MESSAGE),
    ecs("*", "extra:request", "*", "-", LEAK),
    ecs("*", "extra:response", "*", "-", LEAK),
    ecs("*", "client/domain", "*", "-", "the domain of the server is not that of the client (E11)"),
    ecs("*", "url/domain", "-", "*", "where the schema has it (E11)"),
    ecs("request-get", "url/port", "-", "8000", "not within the domain (E11)"),
    ecs("*", "client/ip", "null", "-", NOTHING),
    ecs("*", "client/address", "-", "*", "the schema wants the address beside client.ip"),
    ecs("*", "url/path", "-", "*", SECONDARY),
    ecs("*", "url/query", "-", "*", SECONDARY),
    ecs("*", "url/scheme", "-", "*", SECONDARY),
    ecs("*", "http/request/referrer", r#""""#, "-", NOTHING),
    ecs("*", "http/request/referrer", "null", "-", NOTHING),
    ecs("*", "user/name", r#""""#, "-", NOTHING),
    ecs("*", "user_agent/original", r#""<none>""#, "-", NOTHING),
    ecs("*", "user_agent/original", r#""""#, "-", NOTHING),
    ecs(
        "request-get",
        "user_agent/original",
        r#""""#,
        r#""Mozilla/5.0 (X11)""#,
        "the original never finds the user agent of a Flask request",
    ),
    ecs(
        "request-post-forwarded",
        "network/forwarded_ip",
        "-",
        r#""1.2.3.4""#,
        "where the schema has what a proxy says of the client (E13)",
    ),
    ecs("request-get", "url/original", "*", "*", "the query is as it was sent, not decoded"),
    ecs(
        "request-disallowed-host",
        "url/original",
        "null",
        "*",
        "the URL is known whether Django allows its host or not",
    ),
];
