use super::listen::ListenError;
use std::error::Error;
use std::fmt;

/// A configuration that cannot be used; its message names the key and what to do.
#[derive(Debug)]
pub struct ConfigError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same, said to be of a file or key.
    pub(super) fn within(mut self, place: &dyn fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// What the reader of TOML found, with a suggestion where a key looks like a known one.
    pub(super) fn of_toml(error: &toml::de::Error) -> Self {
        let text = error.to_string();
        let text = match text.split_once('\n') {
            // The line that it shows may hold a password.
            Some((place, _)) if error.span().is_some() => format!("{place}: {}", error.message()),
            _ => text.trim_end().to_owned(),
        };
        Self::new(match suggestion(error.message()) {
            Some(name) => format!("{text}; did you mean `{name}`?"),
            None => text,
        })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// The nearest of the names that serde lists behind one that is unknown.
fn suggestion(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("unknown ")?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    nearest(unknown, quoted)
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
