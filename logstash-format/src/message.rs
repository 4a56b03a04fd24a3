use std::fmt;

/// The text of an event, formatted only when a document is written.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub enum Message<'a> {
    /// No message; documents hold an empty string.
    #[default]
    None,
    /// A text that is ready.
    Str(&'a str),
    /// What `format_args!` makes.
    Arguments(fmt::Arguments<'a>),
    /// Anything that can be displayed.
    Display(&'a dyn fmt::Display),
}

impl Message<'_> {
    /// The text, if it needs no formatting.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::None => Some(""),
            Self::Str(text) => Some(text),
            Self::Arguments(arguments) => arguments.as_str(),
            Self::Display(_) => None,
        }
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Str(text) => f.write_str(text),
            Self::Arguments(arguments) => f.write_fmt(*arguments),
            Self::Display(value) => value.fmt(f),
        }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({self})")
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Str(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::Str(text)
    }
}

impl<'a> From<fmt::Arguments<'a>> for Message<'a> {
    fn from(arguments: fmt::Arguments<'a>) -> Self {
        Self::Arguments(arguments)
    }
}
