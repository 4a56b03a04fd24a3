use super::SyslogMessage;
use logstash_format::{Fields, Value};

/// A message with the field names of the Elastic Common Schema, `log.syslog.priority` and so on; made by
/// [`SyslogMessage::ecs_fields`].
#[derive(Clone, Copy, Debug)]
pub struct SyslogEcsFields<'a>(&'a SyslogMessage<'a>);

impl<'a> SyslogEcsFields<'a> {
    pub(super) const fn new(message: &'a SyslogMessage<'a>) -> Self {
        Self(message)
    }
}

impl Fields for SyslogEcsFields<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        each(self.0, &ECS, visit);
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}

/// Visits the fields by the names of Logstash.
pub(super) fn logstash(message: &SyslogMessage<'_>, visit: &mut dyn FnMut(&str, Value<'_>)) {
    each(message, &LOGSTASH, visit);
}

fn each(message: &SyslogMessage<'_>, names: &Names, visit: &mut dyn FnMut(&str, Value<'_>)) {
    if let Some(priority) = message.priority {
        let facility = if names.has_labels { priority.facility_label() } else { priority.facility_name() };
        visit(names.priority, priority.value().into());
        visit(names.facility, priority.facility().into());
        visit(names.facility_label, facility.into());
        visit(names.severity, priority.severity().into());
        visit(names.severity_label, priority.severity_label().into());
    }
    let texts = [
        (names.hostname, message.hostname),
        (names.app_name, message.app_name),
        (names.proc_id, message.proc_id),
        (names.msg_id, message.msg_id),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            visit(name, text.into());
        }
    }
    if !message.structured_data.is_empty() {
        visit(names.structured_data, Value::serialize(&message.structured_data));
    }
    let tags: Vec<&str> = message.tags().collect();
    if !tags.is_empty() {
        visit("tags", Value::serialize(&tags));
    }
}

struct Names {
    priority: &'static str,
    facility: &'static str,
    facility_label: &'static str,
    severity: &'static str,
    severity_label: &'static str,
    hostname: &'static str,
    app_name: &'static str,
    proc_id: &'static str,
    msg_id: &'static str,
    structured_data: &'static str,
    /// Whether facilities are named as Logstash does.
    has_labels: bool,
}

const LOGSTASH: Names = Names {
    priority: "priority",
    facility: "facility",
    facility_label: "facility_label",
    severity: "severity",
    severity_label: "severity_label",
    hostname: "hostname",
    app_name: "appname",
    proc_id: "procid",
    msg_id: "msgid",
    structured_data: "structured_data",
    has_labels: true,
};

const ECS: Names = Names {
    priority: "log.syslog.priority",
    facility: "log.syslog.facility.code",
    facility_label: "log.syslog.facility.name",
    severity: "log.syslog.severity.code",
    severity_label: "log.syslog.severity.name",
    hostname: "log.syslog.hostname",
    app_name: "log.syslog.appname",
    proc_id: "log.syslog.procid",
    msg_id: "log.syslog.msgid",
    structured_data: "log.syslog.structured_data",
    has_labels: false,
};
