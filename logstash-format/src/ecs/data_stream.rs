use std::error::Error;
use std::fmt;

/// The data stream that an event belongs to: `logs-{dataset}-{namespace}`.
///
/// Elasticsearch routes by these fields, and the Elasticsearch output of Logstash does so by default.
///
/// ```
/// use logstash_format::DataStream;
///
/// let stream = DataStream::new("shop.orders", "production")?;
/// assert_eq!(stream.to_string(), "logs-shop.orders-production");
/// assert!(DataStream::new("shop-orders", "production").is_err());
/// # Ok::<(), logstash_format::DataStreamError>(())
/// ```
///
/// In configuration files (feature `serde`) it is a table of `dataset` and `namespace`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(try_from = "crate::config::DataStreamFields")
)]
pub struct DataStream {
    dataset: String,
    namespace: String,
}

impl DataStream {
    /// A data stream of type `logs`.
    ///
    /// Both parts make up the name of an index: 1 to 100 bytes each, in lower case, without spaces,
    /// control characters and any of `- \ / * ? " < > | , # :`.
    ///
    /// # Errors
    ///
    /// A part breaks a rule; the error names the part and the rule.
    pub fn new(dataset: &str, namespace: &str) -> Result<Self, DataStreamError> {
        check("dataset", dataset)?;
        check("namespace", namespace)?;
        Ok(Self { dataset: dataset.to_owned(), namespace: namespace.to_owned() })
    }

    /// Where the events come from, as `nginx.access`.
    pub fn dataset(&self) -> &str {
        &self.dataset
    }

    /// What keeps streams of one dataset apart, usually the environment.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl fmt::Display for DataStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "logs-{}-{}", self.dataset, self.namespace)
    }
}

/// Why a text cannot be part of the name of a data stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataStreamError {
    part: &'static str,
    text: String,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Empty,
    TooLong,
    Character(char),
}

impl fmt::Display for DataStreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, text, rule } = self;
        match rule {
            Rule::Empty => write!(f, "the {part} of a data stream must not be empty"),
            Rule::TooLong => {
                write!(f, "the {part} of a data stream has {} bytes, the limit is {MAX_LEN}", text.len())
            }
            Rule::Character(char) => {
                write!(f, "{char:?} cannot stand in the {part} {text:?} of a data stream")
            }
        }
    }
}

impl Error for DataStreamError {}

/// Whether `text` can be part of the name of a data stream.
pub(super) fn is_part(text: &str) -> bool {
    check("", text).is_ok()
}

fn check(part: &'static str, text: &str) -> Result<(), DataStreamError> {
    let is_forbidden = |char: &char| {
        r#"-\/*?"<>|,#:"#.contains(*char) || char.is_whitespace() || char.is_control() || char.is_uppercase()
    };
    let rule = match text.chars().find(is_forbidden) {
        _ if text.is_empty() => Rule::Empty,
        _ if text.len() > MAX_LEN => Rule::TooLong,
        Some(char) => Rule::Character(char),
        None => return Ok(()),
    };
    Err(DataStreamError { part, text: text.to_owned(), rule })
}

const MAX_LEN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(dataset: &str, namespace: &str, message: &str) {
        assert_eq!(DataStream::new(dataset, namespace).unwrap_err().to_string(), message);
    }

    #[test]
    fn names_of_indices_are_kept_valid() {
        check_refused("", "a", "the dataset of a data stream must not be empty");
        check_refused("a", &"ä".repeat(51), "the namespace of a data stream has 102 bytes, the limit is 100");
        check_refused("a-b", "c", "'-' cannot stand in the dataset \"a-b\" of a data stream");
        for char in "-\\/*?\"<>| ,#:A\n".chars() {
            assert!(DataStream::new("a", &format!("b{char}")).is_err(), "{char:?}");
        }
        let stream = DataStream::new(&"a".repeat(100), "b_2").unwrap();
        assert_eq!((stream.dataset().len(), stream.namespace()), (100, "b_2"));
    }
}
