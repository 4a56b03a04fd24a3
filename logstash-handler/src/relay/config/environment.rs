//! `${NAME}` and `${NAME:-DEFAULT}` in the texts of a configuration.

use super::error::ConfigError;
use toml::{Table, Value};

/// Puts variables where they are named; `variable` tells their values.
///
/// It works on values that are read already, so that no value can pass for more than one text.
pub(super) fn fill(table: &mut Table, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    for (key, value) in table.iter_mut() {
        fill_value(value, variable).map_err(|error| error.at(key))?;
    }
    Ok(())
}

fn fill_value(value: &mut Value, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    match value {
        Value::String(text) if text.contains("${") => *text = filled(text, variable)?,
        Value::Array(values) => values.iter_mut().try_for_each(|value| fill_value(value, variable))?,
        Value::Table(table) => fill(table, variable)?,
        _ => {}
    }
    Ok(())
}

fn filled(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, ConfigError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, named) = (rest.get(..at).unwrap_or_default(), rest.get(at + 2..).unwrap_or_default());
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = named;
            continue;
        }
        let Some((name, behind)) = named.split_once('}') else {
            return Err(ConfigError::new("${ without }: write $${ where it is meant as it stands"));
        };
        let (name, default) = match name.split_once(":-") {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (name, None),
        };
        // As a shell does: what is set to nothing counts as not set where there is a default.
        let value = variable(name).filter(|value| default.is_none() || !value.is_empty());
        let value = value.or(default).ok_or_else(|| {
            ConfigError::new(format!(
                "${{{name}}} is not set in the environment; write ${{{name}:-VALUE}} for a default, and $${{ for ${{ itself"
            ))
        })?;
        out.push_str(before);
        out.push_str(&value);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_text(text: &str) -> Result<String, String> {
        let variable = |name: &str| (name == "SECRET").then(|| "a\"b}".to_owned());
        filled(text, &variable).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_are_put_in_as_they_are_and_once() {
        assert_eq!(fill_text("redis://:${SECRET}@host"), Ok("redis://:a\"b}@host".to_owned()));
        assert_eq!(fill_text("${SECRET}${SECRET}"), Ok("a\"b}a\"b}".to_owned()));
        assert_eq!(fill_text("$${SECRET} costs $5"), Ok("${SECRET} costs $5".to_owned()));
    }

    #[test]
    fn a_default_takes_the_place_of_what_is_not_set() {
        assert_eq!(fill_text("${OTHER:-redis.example}:${PORT:-6379}"), Ok("redis.example:6379".to_owned()));
        assert_eq!(fill_text("${SECRET:-x}"), Ok("a\"b}".to_owned()));
        assert_eq!(fill_text("a${OTHER:-}b"), Ok("ab".to_owned()));
        let empty = filled("${EMPTY:-x} ${EMPTY}", &|_| Some(String::new()));
        assert_eq!(empty.map_err(|error| error.to_string()), Ok("x ".to_owned()));
    }

    #[test]
    fn what_is_not_set_or_not_closed_is_an_error() {
        assert!(fill_text("${OTHER}").unwrap_err().contains("${OTHER} is not set"));
        assert!(fill_text("${SECRET").unwrap_err().contains("without }"));
    }

    #[test]
    fn errors_name_the_key() {
        let mut table: Table = toml::from_str("[outputs.a]\nendpoint = ['x', '${OTHER}']").unwrap();
        let error = fill(&mut table, &|_| None).unwrap_err().to_string();
        assert!(error.starts_with("outputs.a.endpoint: ${OTHER}"), "{error}");
    }
}
