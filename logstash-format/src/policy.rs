use crate::{Limits, Rules};

/// How values are written, whatever the schema of the document.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Whether characters beyond ASCII are written as `\uXXXX`.
    pub(crate) ascii: bool,
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
}

impl Policy {
    pub(crate) fn new(ascii: bool, limits: Limits, rules: Rules) -> Self {
        let rules = if ascii { rules.for_ascii() } else { rules };
        Self { ascii, limits, rules }
    }
}

/// For values that are written on their own: no rules and no limits but that of depth.
pub(crate) static PLAIN: Policy =
    Policy { ascii: false, limits: Limits::none_but_depth(), rules: Rules::new() };

/// Likewise, in ASCII.
pub(crate) static PLAIN_ASCII: Policy =
    Policy { ascii: true, limits: Limits::none_but_depth(), rules: Rules::new() };
