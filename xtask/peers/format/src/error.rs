use std::error::Error;
use std::fmt;
use std::io;

/// An error with two causes below it.
#[derive(Debug)]
pub(crate) struct OrderFailed {
    cause: StoreFailed,
}

impl OrderFailed {
    pub(crate) fn new() -> Self {
        Self { cause: StoreFailed { cause: io::Error::from(io::ErrorKind::ConnectionReset) } }
    }
}

impl fmt::Display for OrderFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("order 1001 cannot be stored")
    }
}

impl Error for OrderFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

#[derive(Debug)]
struct StoreFailed {
    cause: io::Error,
}

impl fmt::Display for StoreFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection to the store broke")
    }
}

impl Error for StoreFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
