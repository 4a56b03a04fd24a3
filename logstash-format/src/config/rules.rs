use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Rules;

/// Rules as they are written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RulesFields {
    drop: Vec<String>,
    mask: Vec<String>,
    mask_secrets: bool,
    rename: BTreeMap<String, String>,
    #[cfg(feature = "regex")]
    mask_pattern: Vec<String>,
}

impl TryFrom<RulesFields> for Rules {
    type Error = String;

    fn try_from(fields: RulesFields) -> Result<Self, String> {
        let mut rules = Self::new();
        rules = fields.drop.iter().fold(rules, |rules, field| rules.drop(field));
        rules = fields.mask.iter().fold(rules, |rules, field| rules.mask(field));
        rules = fields.rename.iter().fold(rules, |rules, (field, name)| rules.rename(field, name));
        if fields.mask_secrets {
            rules = rules.mask_secrets();
        }
        #[cfg(feature = "regex")]
        for pattern in &fields.mask_pattern {
            rules = rules.mask_pattern(pattern).map_err(|error| chain(&error))?;
        }
        Ok(rules)
    }
}

/// The error and its causes, which the formats of files do not pass on.
#[cfg(feature = "regex")]
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
