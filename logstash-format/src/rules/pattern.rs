use std::error::Error;
use std::fmt;

use regex_automata::meta::{BuildError, Regex};
use regex_automata::{Input, util::syntax};

use super::{MASK, Rules};

impl Rules {
    /// Writes `[masked]` in place of what `pattern` matches in the message and in texts of fields,
    /// also inside of structured values.
    ///
    /// The syntax is that of the crate [regex](https://docs.rs/regex/latest/regex/#syntax). Names,
    /// numbers and what the formatter itself was given are not searched.
    ///
    /// # Cost
    ///
    /// The engine takes time in proportion to the text, whatever the pattern; there is no
    /// backtracking. Of each event 64 KiB of text are searched; a text that is longer than what is
    /// left of this is cut there and ends in `...[truncated]`, so that nothing is written unseen. A
    /// pattern that matches very often in a long text would have the rest of it searched again for
    /// each match: beyond 4 MiB of that the rest of the text is masked as a whole.
    ///
    /// # Errors
    ///
    /// The pattern cannot be read, or needs more than 1 MiB together with those before it.
    pub fn mask_pattern(mut self, pattern: &str) -> Result<Self, PatternError> {
        self.patterns.add(pattern)?;
        Ok(self)
    }
}

/// Patterns of texts that are not to be seen.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    sources: Vec<String>,
    regex: Option<Regex>,
}

impl Default for Patterns {
    fn default() -> Self {
        Self::new()
    }
}

impl Patterns {
    pub(super) const fn new() -> Self {
        Self { sources: Vec::new(), regex: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.regex.is_none()
    }

    fn add(&mut self, pattern: &str) -> Result<(), PatternError> {
        self.sources.push(pattern.to_owned());
        match build(&self.sources) {
            Ok(regex) => {
                self.regex = Some(regex);
                Ok(())
            }
            Err(source) => Err(PatternError { pattern: pattern.to_owned(), source }),
        }
    }

    /// Calls `write` with the pieces of `text`, the mask in place of each match. Gives up, with the
    /// mask for what is left, when `effort` is used up. What is not masked is shown up to `visible`.
    pub(crate) fn pieces(&self, text: &str, visible: usize, effort: &mut usize, mut write: impl FnMut(&str)) {
        let Some(regex) = &self.regex else { return write(text) };
        // A match may begin where the last one ended, but an empty one hides nothing.
        let (mut written, mut at) = (0, 0);
        while at <= text.len() {
            let Some(left) = effort.checked_sub(text.len() - at) else {
                write(MASK);
                return;
            };
            *effort = left;
            let Some(found) = regex.search(&Input::new(text).range(at..)) else { break };
            if found.is_empty() {
                at = found.end() + text[found.end()..].chars().next().map_or(1, char::len_utf8);
                continue;
            }
            if found.start() > visible {
                break;
            }
            write(&text[written..found.start()]);
            write(MASK);
            (written, at) = (found.end(), found.end());
        }
        write(&text[written..visible.max(written)]);
    }
}

fn build(patterns: &[String]) -> Result<Regex, Box<BuildError>> {
    Regex::builder()
        .syntax(syntax::Config::new().nest_limit(MAX_NESTING))
        .configure(Regex::config().nfa_size_limit(Some(MAX_BYTES)).hybrid_cache_capacity(MAX_BYTES))
        .build_many(patterns)
        .map_err(Box::new)
}

/// A pattern that cannot be used; the source says why.
#[derive(Debug)]
pub struct PatternError {
    pattern: String,
    source: Box<BuildError>,
}

impl PatternError {
    /// What is wrong with it.
    pub fn kind(&self) -> PatternErrorKind {
        match self.source.syntax_error() {
            Some(_) => PatternErrorKind::Syntax,
            None => PatternErrorKind::TooLarge,
        }
    }

    /// The pattern, as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// It cannot be read.
    Syntax,
    /// It needs more memory than patterns may have.
    TooLarge,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pattern `{}` for masking cannot be used", self.pattern)
    }
}

impl Error for PatternError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// What an automaton, and what the cache for its states, may take.
const MAX_BYTES: usize = 1024 * 1024;

/// Parentheses within parentheses.
const MAX_NESTING: u32 = 64;
