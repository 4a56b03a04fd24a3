use super::{HostStyle, Settings};
use crate::json::{Json, ascii_only};

/// The parts of a document that are the same for every event, as JSON.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// From the end of the timestamp to the level.
    pub(super) before_level: String,
    /// From the level to the message.
    pub(super) before_message: String,
    /// From the process id to the first field of `extra`.
    pub(super) before_extra: String,
    /// From the path to the thread name.
    pub(super) before_thread: String,
    /// Names, not yet JSON, and values.
    pub(super) extra: Vec<(String, String)>,
    /// What ends the document.
    pub(super) end: &'static str,
    pub(super) layout: Layout,
    pub(super) ascii: bool,
}

/// Where the fields of events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// To an object of their own.
    Prefixed,
    /// To the top level.
    Flat,
}

impl Template {
    pub(super) fn new(settings: &Settings) -> Self {
        let ascii = settings.ensure_ascii;
        let quoted = |text: &str| {
            let mut out = Vec::new();
            Json::new(&mut out, ascii).string(text);
            String::from_utf8_lossy(&out).into_owned()
        };
        let json = |json: &str| match ascii {
            true => {
                let mut out = Vec::new();
                ascii_only(json, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
            false => json.to_owned(),
        };

        let logsource = quoted(&settings.host);
        let host = match settings.host_style {
            HostStyle::String => logsource.clone(),
            HostStyle::Object => format!(r#"{{"name":{logsource}}}"#),
        };
        let mut before_extra =
            format!(r#","program":{},"type":{}"#, quoted(&settings.program), quoted(&settings.message_type));
        if !settings.metadata.is_empty() {
            let entries =
                settings.metadata.iter().map(|(name, value)| format!("{}:{}", quoted(name), json(value)));
            before_extra += &format!(r#","@metadata":{{{}}}"#, joined(entries));
        }
        if !settings.tags.is_empty() {
            let tags = settings.tags.iter().map(|tag| quoted(tag));
            before_extra += &format!(r#","tags":[{}]"#, joined(tags));
        }
        let (layout, end) = match &settings.extra_prefix {
            Some(prefix) => {
                let mut prefix = prefix.clone();
                while Layout::Prefixed.has_at_top(&prefix) {
                    prefix.push('_');
                }
                before_extra += &format!(",{}:{{", quoted(&prefix));
                (Layout::Prefixed, "}}")
            }
            None => {
                before_extra.push(',');
                (Layout::Flat, "}")
            }
        };

        Self {
            before_level: format!(r#"","@version":"1","host":{host},"level":""#),
            before_message: format!(r#"","logsource":{logsource},"message":"#),
            before_extra,
            before_thread: format!(r#","process_name":{},"thread_name":"#, quoted(&settings.process_name)),
            extra: settings.extra.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
            end,
            layout,
            ascii,
        }
    }
}

impl Layout {
    /// Whether the document itself may write `name` where fields go.
    pub(super) fn reserves(self, name: &str) -> bool {
        let is_extra = matches!(
            name,
            "func_name" | "line" | "logger_name" | "module_path" | "path" | "process_name" | "thread_name"
        );
        is_extra || self == Self::Flat && self.has_at_top(name)
    }

    /// Whether `name` is a standard field at the top level.
    fn has_at_top(self, name: &str) -> bool {
        matches!(
            name,
            "@timestamp"
                | "@version"
                | "@metadata"
                | "host"
                | "level"
                | "logsource"
                | "message"
                | "pid"
                | "program"
                | "tags"
                | "type"
        )
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}
