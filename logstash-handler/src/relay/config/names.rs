use serde::{Deserialize, Deserializer, de::Error};

/// Names, at least one.
pub(super) fn some_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.is_empty() {
        // Without the key all are meant: what a template leaves empty must not open a door.
        return Err(D::Error::custom(
            "the list is empty: leave the key out where any will do, or give names",
        ));
    }
    Ok(names)
}
