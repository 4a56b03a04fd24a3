//! Documents of `EcsFormatter`.

mod documents;
mod fields;
mod policy;
mod properties;
mod spec;

use logstash_format::EcsFormatter;

/// A formatter that does not depend on the machine.
fn formatter() -> EcsFormatter {
    EcsFormatter::new().host("vm")
}
