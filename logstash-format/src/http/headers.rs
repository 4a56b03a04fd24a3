use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Headers as an object; values of one name, which a header may have several of, are joined as RFC 9110 has
/// it.
pub(crate) struct Headers<'a>(pub(crate) &'a [(Cow<'a, str>, Cow<'a, str>)]);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_map(None)?;
        for (at, (name, _)) in self.0.iter().enumerate() {
            let is_first = self.0[..at].iter().all(|(earlier, _)| earlier != name);
            if is_first {
                object.serialize_entry(name, &Joined { name, pairs: self.0 })?;
            }
        }
        object.end()
    }
}

struct Joined<'a> {
    name: &'a str,
    pairs: &'a [(Cow<'a, str>, Cow<'a, str>)],
}

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.pairs.iter().filter(|(name, _)| name == self.name).map(|(_, value)| value);
        if let Some(first) = values.next() {
            f.write_str(first)?;
        }
        values.try_for_each(|value| write!(f, ", {value}"))
    }
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
