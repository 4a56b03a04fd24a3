use serde::Deserialize;

/// How an output writes events. JSON documents and Beats events pass as they came in any case.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FormatName {
    /// Documents of the Elastic Common Schema.
    Ecs,
    /// Documents as pipelines of Logstash know them.
    #[default]
    Logstash,
    /// The message as it came, and nothing else.
    Raw,
}
