use super::exit::{Outcome, Trouble};
use super::output::{self, Output};
use crate::relay::text::text;
use crate::relay::{Extent, Frame, Framer, FramerOptions, Framing, SyslogParser, SyslogZone, TooLong};
use crate::{DropReason, Handler, SledQueue};
use bytes::BytesMut;
use clap::{Args, ValueEnum};
use logstash_format::{EcsFormatter, Event, Fields, Formatter, Level, LogstashFormatter, Value};
use logstash_transport::human::Size;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Reads to the end, waits until all is delivered, and says what became of it.
///
/// An empty line is no event. A line that is not what `--input` says is sent whole, as text, and tagged
/// `_jsonparsefailure` or `_syslog_parse_failure`.
#[derive(Args, Debug)]
pub(super) struct Send {
    #[command(flatten)]
    output: Output,
    /// What lines are
    #[arg(long, value_enum, default_value = "text")]
    input: Input,
    /// How events look that are not JSON already
    #[arg(long, value_enum, default_value = "logstash")]
    format: Format,
    /// The type of events, in the format of Logstash
    #[arg(long = "type", value_name = "TYPE")]
    message_type: Option<String>,
    /// A tag for all events; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A field for all events; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
    /// The time zone of syslog timestamps without one: `local`, `UTC`, `+02:00`, `Europe/Berlin`
    #[arg(long, value_name = "ZONE", default_value = "local")]
    zone: SyslogZone,
    /// The longest line; longer ones come in several events, tagged `_message_split`
    #[arg(long, value_name = "SIZE", default_value = "64 KiB")]
    max_length: Size,
    /// Keeps events on disk, in this directory, until they are delivered; what is left is for the next run
    #[arg(long, value_name = "DIR")]
    queue: Option<PathBuf>,
    /// Files to read, one after the other; `-` is the standard input
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Input {
    /// Text as it is
    Text,
    /// JSON objects, which are sent as they are
    Json,
    /// Syslog messages, as log files have them or with a priority
    Syslog,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// Documents of the Elastic Common Schema
    Ecs,
    /// Documents as pipelines of Logstash know them
    Logstash,
    /// The line and nothing else
    Raw,
}

impl Send {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let mut builder = self.output.handler(self.formatter())?;
        if let Some(queue) = &self.queue {
            let queue = SledQueue::open(queue);
            builder = builder.queue(queue.map_err(|error| Trouble::new("no queue").because(error))?);
        }
        let (handler, guard) = output::start(builder)?;
        let sender =
            Sender { send: &self, handler: &handler, parser: SyslogParser::new().zone(self.zone.clone()) };
        let mut trouble = None;
        for file in &self.files {
            if let Err(error) = sender.file(file) {
                trouble = Some(error);
                break;
            }
        }
        // What was read before is sent in any case.
        let outcome = self.output.finish(&handler, guard);
        trouble.map_or(Ok(outcome), Err)
    }

    fn formatter(&self) -> Box<dyn Formatter> {
        let fields = self.fields.iter();
        match self.format {
            Format::Ecs => {
                let formatter = EcsFormatter::new().tags(&self.tags);
                Box::new(fields.fold(formatter, |formatter, (name, value)| formatter.field(name, value)))
            }
            // Lines as they are need none.
            Format::Logstash | Format::Raw => {
                let formatter = LogstashFormatter::new().tags(&self.tags);
                let formatter = match &self.message_type {
                    Some(message_type) => formatter.message_type(message_type),
                    None => formatter,
                };
                Box::new(fields.fold(formatter, |formatter, (name, value)| formatter.extra(name, value)))
            }
        }
    }
}

/// Makes events of lines.
struct Sender<'a> {
    send: &'a Send,
    handler: &'a Handler,
    parser: SyslogParser,
}

impl Sender<'_> {
    fn file(&self, path: &Path) -> Result<(), Trouble> {
        let unreadable = |error| Trouble::new(format!("cannot read {}", path.display())).because(error);
        if path == Path::new("-") {
            return self.lines(io::stdin().lock(), unreadable);
        }
        self.lines(File::open(path).map_err(unreadable)?, unreadable)
    }

    fn lines(&self, mut source: impl Read, unreadable: impl Fn(io::Error) -> Trouble) -> Result<(), Trouble> {
        let options = FramerOptions::new(Framing::Lines)
            .max_length(self.send.max_length.in_memory())
            .too_long(TooLong::Split);
        let (mut framer, mut buffer) = (Framer::new(options), BytesMut::new());
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = match source.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            buffer.extend_from_slice(&chunk[..length]);
            while let Some(frame) = framer.next(&mut buffer) {
                self.line(&frame)?;
            }
        }
        while let Some(frame) = framer.finish(&mut buffer) {
            self.line(&frame)?;
        }
        Ok(())
    }

    fn line(&self, frame: &Frame) -> Result<(), Trouble> {
        let line = &*frame.content;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let now = SystemTime::now();
        let is_whole = frame.extent == Extent::Whole;
        let taken = match self.send.input {
            _ if self.send.format == Format::Raw => self.handler.emit_raw(line),
            Input::Json if is_whole && is_json_object(line) => self.handler.emit_raw(line.trim_ascii()),
            Input::Json => self.text(frame, Some("_jsonparsefailure"), now),
            Input::Text => self.text(frame, None, now),
            Input::Syslog => {
                let message = self.parser.parse(line, now);
                let fields = Tagged { tags: frame.extent.tag().into_iter().collect(), fields: &message };
                self.handler.try_emit(&message.event(now).fields(&fields))
            }
        };
        match taken {
            // The books have it, and tell it in the end.
            Ok(()) | Err(DropReason::Oversized | DropReason::Unformattable) => Ok(()),
            Err(DropReason::Overflow) => {
                let error = self.handler.stats().last_error;
                let error = error.unwrap_or_else(|| "no error so far".to_owned());
                Err(Trouble::new(format!(
                    "the output has taken nothing for {:?}",
                    self.send.output.timeout()
                ))
                .because(error))
            }
            Err(reason) => Err(Trouble::new("an event was not taken").because(reason)),
        }
    }

    fn text(&self, frame: &Frame, tag: Option<&'static str>, now: SystemTime) -> Result<(), DropReason> {
        let text = text(&frame.content);
        let not_utf8 = matches!(text, Cow::Owned(_)).then_some("_not_utf8");
        let tags = tag.into_iter().chain(not_utf8).chain(frame.extent.tag()).collect();
        let fields = Tagged { tags, fields: &() };
        self.handler.try_emit(&Event::new(Level::Info, "logstash-relay", &*text).at(now).fields(&fields))
    }
}

/// Fields and what else is to be said of the event.
struct Tagged<'a> {
    tags: Vec<&'static str>,
    fields: &'a dyn Fields,
}

impl Fields for Tagged<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        // Besides those of the fields.
        if !self.tags.is_empty() {
            visit("tags", Value::serialize(&self.tags));
        }
        self.fields.for_each(visit);
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}

fn is_json_object(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is written as NAME=VALUE"),
    }
}

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;
