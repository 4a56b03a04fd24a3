use std::error::Error;
use std::fmt;
use std::ops::Range;

use regex_automata::meta::Regex;
use regex_automata::{Input, util::syntax};

use super::{MASK, Rules};

impl Rules {
    /// Writes `[masked]` in place of what `pattern` matches in the message and in texts of fields,
    /// also inside of structured values.
    ///
    /// The syntax is that of the crate [regex](https://docs.rs/regex/latest/regex/#syntax). Each
    /// pattern is searched for by itself, so that none hides another's match. Names, numbers and
    /// what the formatter itself was given are not searched.
    ///
    /// # Cost
    ///
    /// The engine takes time in proportion to the text, whatever the pattern; there is no
    /// backtracking. Of each event 64 KiB of text are searched; a text that is longer than what is
    /// left of this is cut there and ends in `...[truncated]`, so that nothing is written unseen. Its
    /// last 256 bytes are left out too, because they may be half of a secret; of a longer one that stands
    /// across the end the beginning is visible. A pattern that matches very often in a long text can have
    /// the rest of it searched again for each match: beyond 4 MiB of that, all patterns together, the rest
    /// of the text is masked as a whole.
    ///
    /// ```
    /// use logstash_format::{Event, Formatter, Level, LogstashFormatter, Rules};
    ///
    /// let rules = Rules::new().mask_pattern(r"\b\d{4}(-\d{4}){3}\b")?;
    /// let mut document = Vec::new();
    /// LogstashFormatter::new()
    ///     .rules(rules)
    ///     .format(&Event::new(Level::Info, "shop", "paid by 4111-1111-1111-1111"), &mut document)?;
    /// # let document: serde_json::Value = serde_json::from_slice(&document)?;
    /// assert_eq!(document["message"], "paid by [masked]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The pattern cannot be read, matches the empty text, or needs more than 1 MiB.
    pub fn mask_pattern(mut self, pattern: &str) -> Result<Self, PatternError> {
        match compile(pattern) {
            Ok(regex) => {
                self.patterns.push(regex);
                Ok(self)
            }
            Err((kind, source)) => Err(PatternError { pattern: pattern.to_owned(), kind, source }),
        }
    }
}

type Source = Option<Box<dyn Error + Send + Sync>>;

fn compile(pattern: &str) -> Result<Pattern, (PatternErrorKind, Source)> {
    let config = syntax::Config::new().nest_limit(MAX_NESTING);
    let syntax = syntax::parse_with(pattern, &config)
        .map_err(|error| (PatternErrorKind::Syntax, Some(Box::new(error) as _)))?;
    if syntax.properties().minimum_len() == Some(0) {
        return Err((PatternErrorKind::MatchesEmpty, None));
    }
    let config = Regex::config().nfa_size_limit(Some(MAX_BYTES)).hybrid_cache_capacity(MAX_BYTES);
    Regex::builder()
        .configure(config)
        .build_from_hir(&syntax)
        .map(Pattern)
        .map_err(|error| (PatternErrorKind::TooLarge, Some(Box::new(error) as _)))
}

/// A pattern of what is not to be seen.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

/// The next match of a pattern; none if it has no more.
pub(crate) type NextMatch = Option<Range<usize>>;

/// Calls `write` with the pieces of `text`, a mask in place of each match. What is not masked is
/// shown up to `visible`.
///
/// Gives up, with a mask for what is left, when `effort` is used up. `matches` is memory.
pub(crate) fn mask(
    patterns: &[Pattern],
    text: &str,
    visible: usize,
    effort: &mut usize,
    matches: &mut Vec<NextMatch>,
    mut write: impl FnMut(&str),
) {
    let mut search = |pattern: &Pattern, at: usize| -> Result<NextMatch, Exhausted> {
        *effort = effort.checked_sub(text.len() - at).ok_or(Exhausted)?;
        Ok(pattern.0.search(&Input::new(text).range(at..)).map(|found| found.range()))
    };
    let mut written = 0;
    let mut run = || -> Result<(), Exhausted> {
        matches.clear();
        for pattern in patterns {
            matches.push(search(pattern, 0)?);
        }
        while let Some(masked) = matches.iter().flatten().min_by_key(|found| found.start).cloned() {
            if masked.start >= visible {
                break;
            }
            write(&text[written..masked.start]);
            write(MASK);
            // Until no match begins inside of what is masked.
            let mut end = masked.end;
            let begins_inside =
                |found: &NextMatch, end| found.as_ref().is_some_and(|found| found.start < end);
            while let Some(at) = matches.iter().position(|found| begins_inside(found, end)) {
                if let Some(found) = matches[at].take() {
                    end = end.max(found.end);
                    written = end;
                    matches[at] = search(&patterns[at], found.end)?;
                }
            }
        }
        Ok(())
    };
    match run() {
        Ok(()) if written < visible => write(&text[written..visible]),
        Ok(()) => {}
        Err(Exhausted) => write(MASK),
    }
}

/// Searching took more than an event may take.
struct Exhausted;

/// A pattern that cannot be used; the source, if there is one, says why.
#[derive(Debug)]
pub struct PatternError {
    pattern: String,
    kind: PatternErrorKind,
    source: Source,
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternErrorKind {
    /// It cannot be read.
    Syntax,
    /// It matches the empty text, which hides nothing; `x*` should be `x+`.
    MatchesEmpty,
    /// It needs more memory than a pattern may have.
    TooLarge,
}

impl PatternError {
    /// What is wrong with it.
    pub fn kind(&self) -> PatternErrorKind {
        self.kind
    }

    /// The pattern, as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.kind {
            PatternErrorKind::Syntax => "cannot be read",
            PatternErrorKind::MatchesEmpty => "matches the empty text; have it match one character at least",
            PatternErrorKind::TooLarge => "needs more than 1 MiB; repeat less in it",
        };
        write!(f, "the pattern `{}` for masking {reason}", self.pattern)
    }
}

impl Error for PatternError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What an automaton, and what the cache for its states, may take.
const MAX_BYTES: usize = 1024 * 1024;

/// Parentheses within parentheses.
const MAX_NESTING: u32 = 64;
