use std::net::SocketAddr;

use super::super::sink::Destination;
use super::{Job, Task};

/// Everything as it is by default, in a rule set without a queue of its own.
pub(super) fn config(task: &Task<'_>, listen: SocketAddr) -> String {
    let template = if task.case.job == Job::Json { JSON } else { AS_IT_CAME };
    let output = match task.output {
        Destination::File(path) => format!("type=\"omfile\" file=\"{}\"", path.display()),
        Destination::Tcp(address) => {
            format!("type=\"omfwd\" protocol=\"tcp\" target=\"{}\" port=\"{}\"", address.ip(), address.port())
        }
    };
    format!(
        "module(load=\"imtcp\")\n{template}ruleset(name=\"all\") {{ action({output} template=\"line\") }}\n\
         input(type=\"imtcp\" address=\"{}\" port=\"{}\" ruleset=\"all\")\n",
        listen.ip(),
        listen.port()
    )
}

const AS_IT_CAME: &str = "template(name=\"line\" type=\"string\" string=\"%rawmsg%\\n\")\n";

/// What the relay writes for Logstash too.
const JSON: &str = r#"template(name="line" type="list") {
    constant(value="{")
    property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
    constant(value=",\"@version\":\"1\",")
    property(outname="message" name="msg" format="jsonf")
    constant(value=",")
    property(outname="host" name="hostname" format="jsonf")
    constant(value=",")
    property(outname="severity" name="syslogseverity" format="jsonf")
    constant(value=",")
    property(outname="severity_label" name="syslogseverity-text" format="jsonf")
    constant(value=",")
    property(outname="facility" name="syslogfacility" format="jsonf")
    constant(value=",")
    property(outname="facility_label" name="syslogfacility-text" format="jsonf")
    constant(value=",")
    property(outname="priority" name="pri" format="jsonf")
    constant(value=",")
    property(outname="program" name="programname" format="jsonf")
    constant(value=",")
    property(outname="pid" name="procid" format="jsonf")
    constant(value=",")
    property(outname="msgid" name="msgid" format="jsonf")
    constant(value=",")
    property(outname="peer" name="fromhost-ip" format="jsonf")
    constant(value=",")
    property(outname="received" name="timegenerated" dateFormat="rfc3339" format="jsonf")
    constant(value="}\n")
}
"#;
