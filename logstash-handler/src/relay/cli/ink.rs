use std::borrow::Cow;
use std::env;
use std::io::{self, IsTerminal};

/// Colours for people who look at a terminal; none in a pipe or a file, and none where `NO_COLOR` is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    is_coloured: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Colour {
    Bad,
    Dim,
    Good,
    #[default]
    Plain,
}

impl Ink {
    pub(super) fn of_stdout() -> Self {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self { is_coloured: io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb }
    }

    /// No colours.
    #[cfg(test)]
    pub(super) const fn none() -> Self {
        Self { is_coloured: false }
    }

    pub(super) fn paint(self, colour: Colour, text: &str) -> Cow<'_, str> {
        let code = match colour {
            Colour::Bad => "31",
            Colour::Dim => "2",
            Colour::Good => "32",
            Colour::Plain => return text.into(),
        };
        if self.is_coloured { format!("\x1b[{code}m{text}\x1b[0m").into() } else { text.into() }
    }
}

/// What others wrote, without what a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_control_characters_for_nobody() {
        let (terminal, pipe) = (Ink { is_coloured: true }, Ink::none());
        assert_eq!(terminal.paint(Colour::Bad, "no"), "\x1b[31mno\x1b[0m");
        assert_eq!(
            (terminal.paint(Colour::Plain, "x"), pipe.paint(Colour::Bad, "no")),
            ("x".into(), "no".into())
        );
        assert_eq!(printable("a\x1b[2Jb\r\n\u{9b}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c");
    }
}
