use super::cursor::Mark;
use super::generation::{ContentsError, Generation, OLDEST_SEGMENT, OpenError};
use super::lane::{GENERATION, Known, MISSING, Shared, newer_format, set_aside};
use super::raw::Raw;
use super::scan::{Chain, Contents};
use super::span::{Seal, Span};
use super::store::{Reader, Source};
use super::{cannot_use, damaged, files, record};
use crate::queue::backlog::{Position, Stored};
use crate::queue::{QueueError, QueueErrorKind};
use std::collections::VecDeque;
use std::path::Path;

/// A lane that is being opened, or looked at.
pub(super) struct Opening<'s> {
    directory: &'s Path,
    pub(super) mark: Option<Mark>,
    pub(super) generations: VecDeque<Known>,
    seals: Vec<Option<Seal>>,
    chain: Chain,
}

impl<'s> Opening<'s> {
    /// Looks which generations there are. Changes nothing.
    pub(super) fn new(directory: &'s Path, mark: Option<Mark>) -> Result<Self, QueueError> {
        let mut generations = Vec::new();
        for (prefix, is_damaged) in [(GENERATION, false), (damaged::PREFIX, true)] {
            let numbers = files::numbered(directory, prefix).map_err(|cause| cannot_use(directory, cause))?;
            for number in numbers {
                let directory = directory.join(format!("{prefix}{number:010}"));
                generations.push(Known { number, directory, begin: None, end: None, is_damaged });
            }
        }
        generations.sort_by_key(|known| known.number);
        let mut seals = Vec::new();
        for known in &mut generations {
            let span = Span::read(&known.directory).map_err(|cause| cannot_use(&known.directory, cause))?;
            let span = span.map_err(|newer| newer_format(&known.directory, "span", newer))?;
            known.begin = span.begin;
            known.end = span.begin.and(span.seal).map(|seal| seal.end.event);
            seals.push(span.seal);
        }
        let head = mark.map(|mark| mark.head.event);
        let chain = Chain::new(head, head.unwrap_or(0));
        Ok(Self { directory, mark, generations: generations.into(), seals, chain })
    }

    /// The windows that are not done, oldest first, as far as they can be told without changing anything.
    pub(super) fn look(mut self) -> Result<Vec<Stored>, QueueError> {
        let head = self.mark.map_or(0, |mark| mark.head.event);
        for (known, seal) in self.generations.iter().zip(&self.seals) {
            match (known.begin, seal) {
                (Some(begin), Some(seal)) if begin.event >= head || seal.end.event <= head => {
                    self.chain.sealed(known.number, begin, seal);
                }
                _ => {
                    let raw =
                        Raw::open(&known.directory).map_err(|cause| cannot_use(&known.directory, cause))?;
                    self.chain.contents(known, &raw.contents());
                }
            }
        }
        self.end();
        Ok(self.chain.finish())
    }

    /// Reads what must be read; returns the last generation that was.
    pub(super) fn read_all(&mut self, shared: &Shared) -> Result<Option<Reader>, QueueError> {
        let mut reader = None;
        for index in 0..self.generations.len() {
            let Some(known) = self.generations.get(index).cloned() else { break };
            if let (Some(begin), Some(Some(seal))) = (known.begin, self.seals.get(index)) {
                self.chain.sealed(known.number, begin, seal);
                continue;
            }
            let end = match self.generations.get(index + 1) {
                Some(next) => next.begin,
                None => self.mark.map(|mark| mark.tail),
            };
            let (mut known, contents, source) = self.open(shared, known, end)?;
            self.chain.contents(&known, &contents);
            if let Some(end) = end {
                self.chain.end(known.number, end);
            }
            let end = self.chain.position();
            known.end = Some(end.event);
            if known.begin.is_some() {
                // On a full disk it is read once more the next time.
                let _ = Span::seal(&known.directory, &contents.totals().seal(end));
            }
            reader = Some(Reader { number: known.number, is_final: true, source });
            self.generations[index] = known;
        }
        self.end();
        Ok(reader)
    }

    pub(super) fn finish(self) -> (VecDeque<Known>, Chain) {
        (self.generations, self.chain)
    }

    /// What is missing at the end was lost, as far as the cursor knows of it.
    fn end(&mut self) {
        if let Some(mark) = self.mark {
            self.chain.end(self.generations.back().map_or(0, |last| last.number), mark.tail);
        }
    }

    /// Reads a generation that ought to reach up to `end`.
    fn open(
        &self,
        shared: &Shared,
        known: Known,
        end: Option<Position>,
    ) -> Result<(Known, Contents, Source), QueueError> {
        let mut known = known;
        let mut opened = Raw::open(&known.directory);
        if known.is_of_oldest_format(&opened) {
            match self.open_oldest_format(&known)? {
                Ok((contents, generation)) => return Ok((known, contents, Source::Sled(generation))),
                Err(reason) => known = set_aside(shared, &known, &reason),
            }
            opened = Raw::open(&known.directory);
        }
        let raw = opened.map_err(|cause| cannot_use(&known.directory, cause))?;
        let contents = raw.contents();
        let first = contents.windows.first().map_or(0, |(_, header)| header.first_event);
        let begin = known.begin.map_or(first, |begin| begin.event);
        let head = self.mark.map_or(0, |mark| mark.head.event);
        let is_whole = end.is_none_or(|end| end.event <= head || contents.is_whole(begin, end.event));
        if !is_whole && !known.is_damaged {
            known = set_aside(shared, &known, MISSING);
        }
        Ok((known, contents, Source::Raw(raw)))
    }

    /// Reads a generation whose values do not say what they are; or tells why that is not possible.
    fn open_oldest_format(
        &self,
        known: &Known,
    ) -> Result<Result<(Contents, Generation), String>, QueueError> {
        let generation = match Generation::open(&known.directory, OLDEST_SEGMENT) {
            Ok(generation) => generation,
            Err(OpenError::Damaged(reason)) => return Ok(Err(reason)),
            Err(OpenError::Disk(cause)) => return Err(cannot_use(self.directory, cause)),
        };
        match generation.contents() {
            Ok(contents) => Ok(Ok((contents, generation))),
            Err(ContentsError::Failed(failure)) => Ok(Err(failure.to_string())),
            Err(ContentsError::Newer(version)) => Err(newer_windows(&known.directory, version)),
        }
    }
}

fn newer_windows(directory: &Path, version: u8) -> QueueError {
    let path = directory.display();
    QueueError::new(
        QueueErrorKind::Misconfigured,
        format!(
            "store {path} holds windows of format {version}, this version reads {}; deliver them with the \
             version that wrote them, or choose another directory",
            record::VERSION
        ),
    )
}
