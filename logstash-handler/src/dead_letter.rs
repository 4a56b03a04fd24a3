mod file;
pub use file::{DeadLetterError, DeadLetterFile, DeadLetters};

use bytes::Bytes;
use std::io;
use std::time::SystemTime;

/// An event that the peer refuses, whatever is tried.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The event as it was serialised.
    pub document: Bytes,
    /// What the peer said, with its causes.
    pub error: String,
    /// When the event was given up.
    pub at: SystemTime,
}

impl DeadLetter {
    /// An event that was given up at this moment.
    #[must_use]
    pub fn new(document: impl Into<Bytes>, error: impl Into<String>) -> Self {
        Self { document: document.into(), error: error.into(), at: SystemTime::now() }
    }
}

/// Where events go that the peer rejects; given to a handler with
/// [`dead_letters`](crate::HandlerBuilder::dead_letters).
///
/// [`DeadLetterFile`] is one. One of your own:
///
/// ```
/// use logstash_handler::{DeadLetter, DeadLetterStore};
/// use std::io;
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct Letters(Mutex<Vec<DeadLetter>>);
///
/// impl DeadLetterStore for Letters {
///     fn put(&self, letter: &DeadLetter) -> io::Result<()> {
///         let mut letters = self.0.lock().map_err(|_| io::Error::other("a thread panicked"))?;
///         if letters.len() == 1_000 {
///             return Err(io::Error::other("there is no room for more than 1000 letters"));
///         }
///         letters.push(letter.clone());
///         Ok(())
///     }
/// }
/// # assert!(Letters::default().put(&DeadLetter::new("{}", "no")).is_ok());
/// ```
pub trait DeadLetterStore: Send + Sync {
    /// Keeps a letter. Called on the sender thread: delivery goes on when it returns.
    ///
    /// # Errors
    ///
    /// When the letter is not kept: the event is lost then, which is told on stderr. It is counted as
    /// rejected in any case.
    fn put(&self, letter: &DeadLetter) -> io::Result<()>;
}

impl<T: DeadLetterStore + ?Sized> DeadLetterStore for std::sync::Arc<T> {
    fn put(&self, letter: &DeadLetter) -> io::Result<()> {
        (**self).put(letter)
    }
}
