use super::line::line;
use super::listen::ListenError;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used; its message names file, line and key, as far as there are any, and what to
/// do.
#[derive(Debug)]
pub struct ConfigError {
    file: Option<PathBuf>,
    line: Option<usize>,
    /// The outermost first.
    keys: Vec<String>,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { file: None, line: None, keys: Vec::new(), message: message.into(), source: None }
    }

    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same, said to be of a key; entries of lists count from 1.
    pub(super) fn at(mut self, key: impl fmt::Display) -> Self {
        self.keys.insert(0, key.to_string());
        self
    }

    /// The same, said to be in a text: that of its key there.
    pub(super) fn in_text(mut self, text: &str) -> Self {
        let unknown = quoted_behind("unknown field ", &self.message).next();
        self.line = line(text, self.keys.iter().map(String::as_str).chain(unknown));
        self
    }

    /// The same, said to be in a file.
    pub(super) fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// What the reader of TOML found, with a suggestion where a key looks like a known one.
    pub(super) fn of_toml(error: &toml::de::Error) -> Self {
        let message = in_words(error.message());
        let text = error.to_string();
        let (first, last) = (text.lines().next(), text.lines().last());
        let mut found = match (error.span(), first) {
            // The line that it shows may hold a password.
            (Some(_), Some(place)) => Self::new(format!("{place}: {message}")),
            _ => Self::new(message),
        };
        let keys = last.filter(|_| error.span().is_none());
        if let Some(keys) = keys.and_then(|last| last.strip_prefix("in `")?.strip_suffix('`')) {
            found.keys = keys.split('.').map(str::to_owned).collect();
        }
        if let Some(name) = suggestion(error.message()) {
            found.message.push_str(&format!("; did you mean `{name}`?"));
        }
        found
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.keys.is_empty() {
            write!(f, "{}: ", self.keys.join("."))?;
        }
        f.write_str(&self.message)
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<ListenError> for ConfigError {
    fn from(error: ListenError) -> Self {
        Self::new(error.to_string())
    }
}

/// What the reader of TOML says, without the names of types that only Rust knows.
fn in_words(message: &str) -> String {
    let words = [
        ("expected usize", "expected a whole number, without quotes"),
        ("expected u32", "expected a whole number, without quotes"),
        ("u64 value was too large", "the number is too large, there are none above 9223372036854775807"),
    ];
    let known = words.iter().find_map(|(from, to)| Some(format!("{}{to}", message.strip_suffix(from)?)));
    known.unwrap_or_else(|| message.to_owned())
}

/// The nearest of the names that serde lists behind one that is unknown.
fn suggestion(message: &str) -> Option<&str> {
    let mut quoted = quoted_behind("unknown ", message);
    let unknown = quoted.next()?;
    nearest(unknown, quoted)
}

/// What is between backticks in a message, behind some words.
fn quoted_behind<'a>(words: &str, message: &'a str) -> impl Iterator<Item = &'a str> {
    let rest = message.split_once(words).map_or("", |(_, rest)| rest);
    rest.split('`').skip(1).step_by(2)
}

/// The candidate that a name was meant to be, if there is one.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &'a str| (strsim::osa_distance(name, candidate), candidate);
    let (distance, candidate) = candidates.into_iter().map(distance).min()?;
    (distance <= 2 && distance < candidate.len()).then_some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_none_that_is_far() {
        let message = "unknown field `endpont`, expected one of `endpoint`, `several`, `format`";
        assert_eq!(suggestion(message), Some("endpoint"));
        assert_eq!(suggestion("unknown variant `rwa`, expected one of `ecs`, `raw`"), Some("raw"));
        assert_eq!(suggestion("unknown field `colour`, expected `endpoint` or `format`"), None);
        assert_eq!(suggestion("invalid type: integer `1`"), None);
    }
}
