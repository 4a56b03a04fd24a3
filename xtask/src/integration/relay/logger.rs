//! `logger` of util-linux in all its framings and formats.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::documents::{TWO_LINES, same, texts};
use super::rig::Rig;
use crate::failure::{Failure, Trying};
use crate::integration::case::Case;
use crate::peers::Logger;
use crate::relay::Program;

pub(in super::super) fn cases(logger: &Arc<Logger>, program: &Arc<Program>, scratch: &Path) -> Vec<Case> {
    WAYS.iter()
        .map(|way| {
            let (logger, program) = (Arc::clone(logger), Arc::clone(program));
            let folder = scratch.join(format!("logger-{}", way.name.replace([' ', ','], "-")));
            Case::new(format!("to our relay, {}", way.name), move || {
                Trial { logger, program, folder, way }.run()
            })
        })
        .collect()
}

const WAYS: &[Way] = &[
    Way { name: "UDP", carrier: "udp", options: &["--udp"], framing: Framing::Datagrams },
    Way { name: "TCP, lines", carrier: "tcp", options: &["--tcp"], framing: Framing::Lines },
    Way {
        name: "TCP, octet counting",
        carrier: "tcp",
        options: &["--tcp", "--octet-count"],
        framing: Framing::Counted,
    },
    Way { name: "unix socket", carrier: "unix", options: &[], framing: Framing::Datagrams },
];

/// How its messages get to the relay.
#[derive(Debug)]
struct Way {
    name: &'static str,
    carrier: &'static str,
    options: &'static [&'static str],
    framing: Framing,
}

#[derive(Debug, PartialEq)]
enum Framing {
    Counted,
    Datagrams,
    Lines,
}

struct Trial {
    logger: Arc<Logger>,
    program: Arc<Program>,
    folder: PathBuf,
    way: &'static Way,
}

/// One call, and what has to come of it.
struct Call {
    arguments: Vec<String>,
    /// On standard input.
    lines: String,
    expected: Vec<Value>,
}

impl Trial {
    fn run(self) -> Result<String, Failure> {
        let mut relay = Rig::listening(&self.program, &self.folder, &format!("syslog+{}", self.way.carrier))?;
        let mut to: Vec<String> = self.way.options.iter().map(|&option| option.to_owned()).collect();
        match self.way.carrier {
            "unix" => to.push(format!("--socket={}", self.folder.join("socket").display())),
            _ => to.extend(["--server=127.0.0.1".into(), format!("--port={}", relay.address()?.port())]),
        }

        let calls = self.calls()?;
        let mut expected = Vec::new();
        let lines = self.folder.join("lines");
        for call in &calls {
            fs::write(&lines, &call.lines).trying(format_args!("cannot write {}", lines.display()))?;
            self.logger.log(&[&to[..], &call.arguments].concat(), &lines)?;
            expected.extend(call.expected.iter().cloned());
            // Each call is a connection of its own: without this, order would be chance.
            relay.wait_for(expected.len())?;
        }
        same(&expected, &relay.finish(expected.len())?)?;
        Ok(format!("{} calls, {} events, each with all its parts", calls.len(), expected.len()))
    }

    fn calls(&self) -> Result<Vec<Call>, Failure> {
        let mut calls = self.formats();
        calls.extend([named_priorities(), structured_data(), pieces()]);
        calls.extend(all_priorities());
        calls.extend(self.texts()?);
        if self.way.carrier == "unix" {
            // It fails then if the socket does not take the message.
            calls.push(call(
                &["--tag=app", "--socket-errors=on", "taken"],
                "",
                [json!({"message": "taken"})],
            ));
        }
        if self.way.framing == Framing::Lines {
            // What stands behind the line feed is no message of syslog, and is kept nevertheless.
            let rest =
                json!({"message": "\tsecond line", "priority": null, "tags": ["_syslog_parse_failure"]});
            calls.push(call(&["--tag=app", TWO_LINES], "", [json!({"message": "first line"}), rest]));
        } else {
            calls.push(call(&["--tag=app", TWO_LINES], "", [json!({"message": TWO_LINES})]));
        }
        Ok(calls)
    }

    /// Every form of a header, with everything in it.
    fn formats(&self) -> Vec<Call> {
        let is_local = self.way.carrier == "unix";
        let formats: [(&[&str], bool, bool, bool); 7] = [
            (&[], !is_local, true, !is_local),
            (&["--rfc3164"], true, true, false),
            (&["--rfc5424"], true, true, true),
            (&["--rfc5424=notq"], true, true, false),
            (&["--rfc5424=notime"], true, false, false),
            (&["--rfc5424=nohost"], false, true, true),
            (&["--rfc5424=notime,nohost"], false, false, false),
        ];
        let each = formats.into_iter().map(|(options, has_host, has_time, has_quality)| {
            let fixed = ["--tag=shop.orders", "--id=4711", "--priority=local3.warning", "order placed"];
            let quality = if has_quality { json!("1") } else { Value::Null };
            let mut expected = json!({
                "message": "order placed", "level": "WARNING", "priority": 156, "facility": 19,
                "facility_label": "local3", "severity": 4, "severity_label": "Warning",
                "appname": "shop.orders", "logger_name": "shop.orders", "procid": "4711", "pid": 4711, "msgid": null,
                "/structured_data/timeQuality/tzKnown": quality, "input": "in",
            });
            if !has_host {
                expected["hostname"] = Value::Null;
            }
            if !has_time {
                expected["received_at"] = Value::Null;
            }
            if !is_local {
                expected["host"] = json!("127.0.0.1");
            }
            call(&[options, &fixed].concat(), "", [expected])
        });
        each.collect()
    }

    /// All texts, from standard input and from a file; empty lines are messages, too.
    fn texts(&self) -> Result<[Call; 3], Failure> {
        let mut lines: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
        lines.insert(1, String::new());
        let content = lines.join("\n");
        let file = self.folder.join("texts");
        fs::write(&file, &content).trying(format_args!("cannot write {}", file.display()))?;
        let from_file = format!("--file={}", file.display());

        let expected = |lines: &[String]| -> Vec<Value> {
            lines.iter().map(|line| json!({"message": line, "appname": "app", "priority": 13})).collect()
        };
        let all = expected(&lines);
        lines.remove(1);
        Ok([
            call(&["--tag=app", "--size=16KiB"], &content, all.clone()),
            call(&["--tag=app", "--size=16KiB", "--rfc3164", &from_file], "", all),
            call(&["--tag=app", "--size=16KiB", "--skip-empty"], &content, expected(&lines)),
        ])
    }
}

fn call(arguments: &[&str], lines: &str, expected: impl Into<Vec<Value>>) -> Call {
    Call {
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        lines: lines.to_owned(),
        expected: expected.into(),
    }
}

/// Facility and severity by their names.
fn named_priorities() -> Call {
    let expected = json!({
        "message": "by name", "priority": 83, "facility_label": "security/authorization", "severity_label": "Error",
        "level": "ERROR",
    });
    call(&["--tag=app", "--priority=authpriv.err", "by name"], "", [expected])
}

/// All but those of the kernel, which `logger` gives to nobody, in front of the lines; no more at once than the buffer of
/// a socket holds as datagrams.
fn all_priorities() -> impl Iterator<Item = Call> {
    (8..192).step_by(46).map(|first| {
        let priorities = first..first + 46;
        let lines = priorities.clone().map(|priority| format!("<{priority}>number {priority}\n"));
        let expected = priorities.clone().map(|priority| {
            json!({
                "message": format!("number {priority}"), "priority": priority, "facility": priority / 8,
                "severity": priority % 8,
            })
        });
        call(&["--tag=app", "--prio-prefix"], &lines.collect::<String>(), expected.collect::<Vec<_>>())
    })
}

fn structured_data() -> Call {
    let arguments = [
        "--rfc5424=notq",
        "--tag=app",
        "--msgid=ORDER-7",
        "--sd-id=order@32473",
        r#"--sd-param=id="17""#,
        r#"--sd-param=note="für \"12\" € \]""#,
        "--sd-id=origin@32473",
        r#"--sd-param=ip="192.0.2.1""#,
        "placed",
    ];
    let data =
        json!({"order@32473": {"id": "17", "note": "für \"12\" € ]"}, "origin@32473": {"ip": "192.0.2.1"}});
    let expected = json!({"message": "placed", "msgid": "ORDER-7", "structured_data": data});
    call(&arguments, "", [expected])
}

/// A line that is longer than `logger` may send comes in several messages.
fn pieces() -> Call {
    let line = "0123456789".repeat(25);
    let expected: Vec<Value> =
        [&line[..100], &line[100..200], &line[200..]].iter().map(|piece| json!({"message": piece})).collect();
    call(&["--tag=app", "--size=100"], &line, expected)
}
