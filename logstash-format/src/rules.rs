mod inside;
#[cfg(feature = "regex")]
mod pattern;

#[cfg(feature = "regex")]
pub(crate) use pattern::{NextMatch, Pattern, mask};
#[cfg(feature = "regex")]
pub use pattern::{PatternError, PatternErrorKind};

use crate::json::{Digest, Digests, ascii_only, escape};

/// Which fields of an event are left out, renamed or masked; the same for every formatter of this
/// crate.
///
/// A rule names a field as it was logged, without the prefix that a formatter puts before it. The
/// standard fields of a document are meant too, under the names they have in it. What stands inside
/// a structured value has the name of the value, a dot, and its own name, and so on inwards; lists
/// add nothing, so that `users.token` is the token of each user in a list. With `*.` before it a
/// name is meant wherever it stands, at the top or inside. Upper and lower case of ASCII are the
/// same.
///
/// | rule | meets |
/// | --- | --- |
/// | `password` | the field `password` |
/// | `user.password` | the field of that name, and `password` inside of the field `user` |
/// | `*.password` | `password` anywhere |
///
/// Where several rules meet a field, leaving out goes before masking; a masked field can be renamed.
/// Of two new names for a field the one that was given last counts. Values that are shown by
/// `Debug` or `Display` are one text, inside of which no name is known. What stands in several fields is
/// to be named in each, as the query of a request in `url.query` and `url.original`, or the message of an
/// error in `error_message` and `stack_trace`.
///
/// ```
/// use logstash_format::{Event, Formatter, Level, LogstashFormatter, Rules, Value};
///
/// let rules = Rules::new().drop("line").mask("*.password").rename("ip", "client_ip");
/// let formatter = LogstashFormatter::new().rules(rules);
/// let fields = [("password", Value::from("secret")), ("ip", Value::from("192.0.2.7"))];
/// let mut out = Vec::new();
/// formatter.format(&Event::new(Level::Info, "shop", "login").fields(&fields), &mut out)?;
/// # let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
/// # assert_eq!(document["extra"]["password"], "[masked]");
/// # assert_eq!(document["extra"]["client_ip"], "192.0.2.7");
/// # Ok::<(), logstash_format::FormatError>(())
/// ```
///
/// In configuration files (feature `serde`) it is a table: `drop` and `mask` are lists of fields, `rename` is a
/// table of fields and their new names, `mask_secrets` is `true` or `false`, and with the feature `regex`
/// `mask_pattern` is a list of patterns.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "crate::config::RulesFields"))]
pub struct Rules {
    /// Also in the order in which they apply: a later one goes before an earlier one of its kind.
    rules: Vec<Rule>,
    /// All of theirs: most fields are met by none.
    digests: Digests,
    /// Whether a rule can meet a name inside of a structured value.
    reach_inside: bool,
    /// Whether characters beyond ASCII are escaped.
    is_ascii: bool,
    #[cfg(feature = "regex")]
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// As it stands in JSON, where it is compared; without the `*.`.
    path: Box<[u8]>,
    /// Of its last part.
    digest: Digest,
    /// Whether it is meant wherever it stands.
    anywhere: bool,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Drop,
    Mask,
    Rename(Box<str>),
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate<'r> {
    Drop,
    /// Written, as far as these say under another name and masked.
    Write {
        name: Option<&'r str>,
        is_masked: bool,
    },
}

impl Fate<'_> {
    pub(crate) const KEEP: Self = Fate::Write { name: None, is_masked: false };
}

impl Rules {
    /// No rules, which cost nothing.
    pub const fn new() -> Self {
        Self {
            rules: Vec::new(),
            digests: Digests::none(),
            reach_inside: false,
            is_ascii: false,
            #[cfg(feature = "regex")]
            patterns: Vec::new(),
        }
    }

    /// Leaves a field out.
    pub fn drop(self, field: &str) -> Self {
        self.rule_by(field, Action::Drop)
    }

    /// Writes `[masked]` in place of the value of a field, whatever its type.
    pub fn mask(self, field: &str) -> Self {
        self.rule_by(field, Action::Mask)
    }

    /// Masks fields anywhere whose name says that they hold a secret: `authorization`, `password`,
    /// `token` and the like, words joined by `_`, `-` or nothing, as in `accessToken`; see the source of this
    /// method for all of them.
    ///
    /// What is like a secret but has no such name is found by patterns only.
    pub fn mask_secrets(self) -> Self {
        let names = [
            "access_token",
            "api_key",
            "auth_token",
            "authorization",
            "client_secret",
            "cookie",
            "credential",
            "credentials",
            "id_token",
            "jwt",
            "oauth_token",
            "passphrase",
            "passwd",
            "password",
            "private_key",
            "proxy_authorization",
            "pwd",
            "refresh_token",
            "secret",
            "secret_key",
            "security_token",
            "session_token",
            "set_cookie",
            "token",
            "x_amz_security_token",
            "x_api_key",
            "x_auth_token",
            "x_csrf_token",
            "x_xsrf_token",
        ];
        names.into_iter().fold(self, |rules, name| {
            let rules = rules.rule(name, true, Action::Mask);
            match name.contains('_') {
                // As in headers, and in camel case.
                true => ["-", ""].into_iter().fold(rules, |rules, between| {
                    rules.rule(&name.replace('_', between), true, Action::Mask)
                }),
                false => rules,
            }
        })
    }

    /// Gives a field another name, in the object in which it stands.
    ///
    /// If that object has a field of this name already, the one that comes first counts.
    pub fn rename(self, field: &str, name: &str) -> Self {
        self.rule_by(field, Action::Rename(name.into()))
    }

    fn rule_by(self, field: &str, action: Action) -> Self {
        match field.strip_prefix("*.") {
            Some(path) => self.rule(path, true, action),
            None => self.rule(field, false, action),
        }
    }

    fn rule(mut self, path: &str, anywhere: bool, action: Action) -> Self {
        let mut escaped = Vec::new();
        escape(path, false, &mut escaped);
        self.reach_inside |= anywhere || path.contains('.');
        let digest = Digest::ignoring_case(last_part(&escaped));
        self.digests.add(digest);
        self.rules.push(Rule { path: escaped.into(), digest, anywhere, action });
        self
    }

    /// For documents in which characters beyond ASCII are escaped.
    pub(crate) fn for_ascii(mut self) -> Self {
        self.digests = Digests::none();
        for rule in &mut self.rules {
            let mut path = Vec::new();
            ascii_only(&String::from_utf8_lossy(&rule.path), &mut path);
            rule.digest = Digest::ignoring_case(last_part(&path));
            self.digests.add(rule.digest);
            rule.path = path.into();
        }
        self.is_ascii = true;
        self
    }

    /// A name as it stands in JSON.
    fn escaped(&self, name: &str) -> Vec<u8> {
        let mut escaped = Vec::new();
        escape(name, self.is_ascii, &mut escaped);
        escaped
    }

    /// Whether no field is met by name.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether neither names nor values are met.
    pub(crate) fn are_none(&self) -> bool {
        #[cfg(feature = "regex")]
        if !self.patterns.is_empty() {
            return false;
        }
        self.is_empty()
    }

    /// Whether names inside of structured values have to be looked at.
    pub(crate) fn reach_inside(&self) -> bool {
        self.reach_inside
    }

    /// What becomes of the field with this path, which is escaped as in JSON.
    #[inline]
    pub(crate) fn fate(&self, path: &[u8]) -> Fate<'_> {
        // Without such rules a path is met only as a whole.
        let part = if self.reach_inside { last_part(path) } else { path };
        let digest = Digest::ignoring_case(part);
        match self.digests.may_have(digest) {
            true => self.fate_by_rules(path, digest),
            false => Fate::KEEP,
        }
    }

    fn fate_by_rules(&self, path: &[u8], digest: Digest) -> Fate<'_> {
        let (mut new_name, mut is_masked) = (None, false);
        for rule in &self.rules {
            if rule.digest == digest && rule.meets(path) {
                match &rule.action {
                    Action::Drop => return Fate::Drop,
                    Action::Mask => is_masked = true,
                    Action::Rename(name) => new_name = Some(&**name),
                }
            }
        }
        Fate::Write { name: new_name, is_masked }
    }

    #[cfg(feature = "regex")]
    pub(crate) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }
}

impl Rule {
    fn meets(&self, path: &[u8]) -> bool {
        let Some(before) = path.len().checked_sub(self.path.len()) else { return false };
        let (before, end) = path.split_at(before);
        let is_whole = before.is_empty() || self.anywhere && before.ends_with(b".");
        is_whole && end.eq_ignore_ascii_case(&self.path)
    }
}

/// What stands behind the last dot, or all if there is none. A rule that meets a path has the same, but for the case.
fn last_part(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'.').map_or(path, |dot| &path[dot + 1..])
}

/// In place of a value that is not to be seen.
pub(crate) const MASK: &str = "[masked]";

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digests_hide_no_rule(paths in vec("(\\*\\.)?[aAk.é]{0,9}", 0..4), name in "[aAk.éÉ]{0,12}", is_ascii: bool) {
            let rules = paths.iter().fold(Rules::new(), |rules, path| rules.drop(path));
            let rules = if is_ascii { rules.for_ascii() } else { rules };
            let name = rules.escaped(&name);
            let is_met = rules.rules.iter().any(|rule| rule.meets(&name));
            prop_assert_eq!(rules.fate(&name) == Fate::Drop, is_met);
        }
    }
}
