use crate::json::{Json, ascii_only};
use crate::{Limits, Rules};

/// How values are written, whatever the schema of the document.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Whether characters beyond ASCII are written as `\uXXXX`.
    pub(crate) ascii: bool,
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
}

impl Policy {
    pub(crate) fn new(ascii: bool, limits: Limits, rules: Rules) -> Self {
        let rules = if ascii { rules.for_ascii() } else { rules };
        Self { ascii, limits, rules }
    }

    /// A text that stands in every document, as JSON.
    pub(crate) fn quoted(&self, text: &str) -> String {
        let mut out = Vec::new();
        let plain = if self.ascii { &PLAIN_ASCII } else { &PLAIN };
        Json::new(&mut out, plain).string(text);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// JSON that stands in every document under `name`, in ASCII if need be, and as the rules make what
    /// is inside of it.
    pub(crate) fn json(&self, name: &str, json: &str) -> String {
        let json = match self.ascii {
            true => {
                let mut out = Vec::new();
                ascii_only(json, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
            false => json.to_owned(),
        };
        let name = self.quoted(name);
        self.rules.inside(&name[1..name.len() - 1], json)
    }

    /// The object of `@metadata`, from names and values, these as JSON.
    pub(crate) fn metadata(&self, entries: &[(String, String)]) -> String {
        let entries: Vec<_> =
            entries.iter().map(|(name, value)| format!("{}:{value}", PLAIN.quoted(name))).collect();
        self.json("@metadata", &format!("{{{}}}", entries.join(",")))
    }
}

/// For values that are written on their own: no rules and no limits but that of depth.
pub(crate) static PLAIN: Policy =
    Policy { ascii: false, limits: Limits::none_but_depth(), rules: Rules::new() };

/// Likewise, in ASCII.
static PLAIN_ASCII: Policy = Policy { ascii: true, limits: Limits::none_but_depth(), rules: Rules::new() };
