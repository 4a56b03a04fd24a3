use std::net::SocketAddr;

use super::super::sink::Destination;
use super::{Job, Prefix, Task};

/// Everything as it is by default, but for `flow-control`: without it, lines that do not find room are lost.
pub(super) fn config(task: &Task<'_>, listen: SocketAddr) -> String {
    let flags = match (task.case.job, task.case.prefix) {
        (Job::Lines, _) => "no-parse",
        (Job::Syslog, Prefix::Rfc3164) => "store-raw-message",
        (Job::Syslog, Prefix::Rfc5424) => "store-raw-message,syslog-protocol",
        (Job::Json, Prefix::Rfc3164) => "",
        (Job::Json, Prefix::Rfc5424) => "syslog-protocol",
    };
    let template = match task.case.job {
        Job::Lines => "$MSG\\n",
        Job::Syslog => "$RAWMSG\\n",
        Job::Json => JSON,
    };
    let output = match task.output {
        Destination::File(path) => format!("file(\"{}\" template(\"{template}\"))", path.display()),
        Destination::Tcp(address) => format!(
            "network(\"{}\" port({}) transport(tcp) template(\"{template}\"))",
            address.ip(),
            address.port()
        ),
    };
    format!(
        "source s {{ network(ip(\"{}\") port({}) transport(tcp) max-connections(100) flags({flags})); }};\n\
         destination d {{ {output}; }};\n\
         log {{ source(s); destination(d); flags(flow-control); }};\n",
        listen.ip(),
        listen.port()
    )
}

/// What the relay writes for Logstash too.
const JSON: &str = "$(format-json @timestamp=$ISODATE @version=1 message=$MSG host=$HOST severity=$LEVEL_NUM \
                    severity_label=$LEVEL facility=$FACILITY_NUM facility_label=$FACILITY priority=$PRI \
                    program=$PROGRAM pid=$PID msgid=$MSGID peer=$SOURCEIP received=$R_ISODATE)\\n";
