use super::{DeadLetter, DeadLetterStore};
use bytes::Bytes;
use serde_json::{Value, json};
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// Dead letters in a file, one JSON object a line:
///
/// ```text
/// {"at_ms":1790000000000,"error":"...","document":"{\"message\":\"...\"}"}
/// ```
///
/// `at_ms` is the time in milliseconds since 1970; a document that is not UTF-8 stands in
/// `document_hex` instead. Each letter is on disk when it counts as kept. When the file has grown to
/// half of [`max_bytes`](Self::max_bytes), it becomes `FILE.old`, in place of the one before: what is
/// oldest goes first.
///
/// ```
/// use logstash_handler::{DeadLetter, DeadLetterFile, DeadLetterStore};
///
/// let directory = tempfile::tempdir()?;
/// let file = DeadLetterFile::open(directory.path().join("rejected"))?;
/// file.put(&DeadLetter::new(r#"{"message":"a"}"#, "mapping conflict"))?;
/// let letters: Vec<_> = file.letters()?.collect::<Result<_, _>>()?;
/// assert_eq!(letters[0].document, r#"{"message":"a"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DeadLetterFile {
    path: PathBuf,
    max_bytes: u64,
    file: Mutex<Appended>,
}

#[derive(Debug)]
struct Appended {
    file: File,
    length: u64,
}

impl DeadLetterFile {
    /// Opens the file, which is created if it is not there, readable by its owner only.
    ///
    /// # Errors
    ///
    /// When it cannot be created or written.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = Mutex::new(Appended::open(&path)?);
        Ok(Self { path, max_bytes: 64 * 1024 * 1024, file })
    }

    /// Bytes that this file and the older one take together, one letter aside. Default: 64 MiB.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The letters, oldest first.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened.
    pub fn letters(&self) -> io::Result<DeadLetters> {
        let paths = [self.beside(REPLAYED), self.beside(OLD), self.path.clone()];
        DeadLetters::open(paths)
    }

    /// Sets the letters aside, so that new ones are apart from those that are delivered again.
    pub(crate) fn set_aside(&self) -> io::Result<DeadLetters> {
        let aside = self.beside(REPLAYED);
        let mut appended = self.appended();
        // One that was left behind by a run that was cut short comes first, and is added to.
        let mut whole = Appended::open(&aside)?;
        for path in [self.beside(OLD), self.path.clone()] {
            match File::open(&path) {
                Ok(mut file) => {
                    io::copy(&mut file, &mut whole.file)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            whole.file.sync_data()?;
            fs::remove_file(&path)?;
        }
        *appended = Appended::open(&self.path)?;
        drop(appended);
        DeadLetters::open([aside])
    }

    /// The letters that were set aside are delivered again, or stored to be.
    pub(crate) fn forget_aside(&self) -> io::Result<()> {
        fs::remove_file(self.beside(REPLAYED))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(self.path.as_os_str());
        name.push(suffix);
        name.into()
    }

    fn appended(&self) -> std::sync::MutexGuard<'_, Appended> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeadLetterStore for DeadLetterFile {
    fn put(&self, letter: &DeadLetter) -> io::Result<()> {
        let mut line = to_line(letter).into_bytes();
        line.push(b'\n');
        let mut appended = self.appended();
        if appended.length > 0 && appended.length + line.len() as u64 > self.max_bytes / 2 {
            fs::rename(&self.path, self.beside(OLD))?;
            *appended = Appended::open(&self.path)?;
        }
        appended.append(&line)
    }
}

impl Appended {
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let length = file.metadata()?.len();
        let mut appended = Self { length, file: file.try_clone()? };
        if length > 0 {
            // A line that a crash cut short must not run into the next one.
            let mut last = [0];
            io::Seek::seek(&mut file, io::SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                appended.append(b"\n")?;
            }
        }
        Ok(appended)
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(line) {
            // Half a line is no letter.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += line.len() as u64;
        self.file.sync_data()
    }
}

/// The letters of a [`DeadLetterFile`], oldest first.
#[derive(Debug)]
pub struct DeadLetters {
    files: std::vec::IntoIter<(PathBuf, BufReader<File>)>,
    current: Option<(PathBuf, BufReader<File>)>,
    line: u64,
}

impl DeadLetters {
    fn open(paths: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let mut files = Vec::new();
        for path in paths {
            match File::open(&path) {
                Ok(file) => files.push((path, BufReader::new(file))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files: files.into_iter(), current: None, line: 0 })
    }

    fn next_line(&mut self) -> Option<Result<DeadLetter, DeadLetterError>> {
        loop {
            if self.current.is_none() {
                self.current = Some(self.files.next()?);
                self.line = 0;
            }
            let (path, reader) = self.current.as_mut()?;
            self.line += 1;
            let mut line = Vec::new();
            match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) => self.current = None,
                Ok(_) if line == b"\n" => {}
                Ok(_) => {
                    let failure = || DeadLetterError { path: path.clone(), line: self.line, cause: None };
                    return Some(from_line(&line).ok_or_else(failure));
                }
                Err(cause) => {
                    let failure = DeadLetterError { path: path.clone(), line: self.line, cause: Some(cause) };
                    self.current = None;
                    return Some(Err(failure));
                }
            }
        }
    }
}

impl Iterator for DeadLetters {
    type Item = Result<DeadLetter, DeadLetterError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line()
    }
}

/// A line that is no dead letter, or cannot be read.
#[derive(Debug)]
pub struct DeadLetterError {
    path: PathBuf,
    line: u64,
    cause: Option<io::Error>,
}

impl fmt::Display for DeadLetterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, line) = (self.path.display(), self.line);
        match self.cause {
            None => write!(f, "line {line} of {path} is no dead letter"),
            Some(_) => write!(f, "cannot read line {line} of {path}"),
        }
    }
}

impl Error for DeadLetterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

fn to_line(letter: &DeadLetter) -> String {
    let since = letter.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let line = match std::str::from_utf8(&letter.document) {
        Ok(text) => json!({"at_ms": at, "error": letter.error, "document": text}),
        Err(_) => json!({"at_ms": at, "error": letter.error, "document_hex": hex(&letter.document)}),
    };
    line.to_string()
}

fn from_line(line: &[u8]) -> Option<DeadLetter> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let document = match line.get("document") {
        Some(text) => Bytes::copy_from_slice(text.as_str()?.as_bytes()),
        None => unhex(line.get("document_hex")?.as_str()?)?,
    };
    Some(DeadLetter {
        document,
        error: line.get("error")?.as_str()?.to_owned(),
        at: UNIX_EPOCH.checked_add(Duration::from_millis(line.get("at_ms")?.as_u64()?))?,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Bytes> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>().map(Bytes::from)
}

/// Letters before the current file.
const OLD: &str = ".old";

/// Letters that are being delivered again.
const REPLAYED: &str = ".replayed";

/// The largest event, with every byte escaped.
const MAX_LINE: u64 = 512 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> DeadLetter {
        DeadLetter {
            at: UNIX_EPOCH + Duration::from_millis(1_790_000_000_123),
            ..DeadLetter::new(text.to_owned(), "no")
        }
    }

    fn documents(file: &DeadLetterFile) -> Vec<String> {
        let documents = file.letters().unwrap().map(|letter| letter.unwrap().document);
        documents.map(|document| String::from_utf8_lossy(&document).into_owned()).collect()
    }

    #[test]
    fn what_was_put_comes_back_also_after_reopening_and_whatever_its_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dead");
        let letters = [
            letter("{\"a\":\"\\n \u{2028}\"}"),
            DeadLetter { document: Bytes::from_static(b"\xff\x00\x80"), ..letter("") },
        ];
        {
            let file = DeadLetterFile::open(&path).unwrap();
            letters.iter().for_each(|letter| file.put(letter).unwrap());
        }
        let file = DeadLetterFile::open(&path).unwrap();
        let back: Vec<DeadLetter> = file.letters().unwrap().map(Result::unwrap).collect();
        assert_eq!(back, letters);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let directory = tempfile::tempdir().unwrap();
        let file = DeadLetterFile::open(directory.path().join("dead")).unwrap().max_bytes(1000);
        for number in 0..100 {
            file.put(&letter(&number.to_string())).unwrap();
        }
        let kept = documents(&file);
        assert!(kept.len() > 5 && kept.len() < 20, "{kept:?}");
        let first: usize = kept[0].parse().unwrap();
        assert_eq!(kept, (first..100).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn half_a_line_is_told_with_its_place_and_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dead");
        DeadLetterFile::open(&path).unwrap().put(&letter("one")).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
        let file = DeadLetterFile::open(&path).unwrap();
        file.put(&letter("two")).unwrap();
        let letters: Vec<_> = file.letters().unwrap().collect();
        assert_eq!(letters.len(), 3);
        assert_eq!(letters[0].as_ref().unwrap().document, "one");
        let error = letters[1].as_ref().unwrap_err().to_string();
        assert!(error.starts_with("line 2 of ") && error.ends_with("dead is no dead letter"), "{error}");
        assert_eq!(letters[2].as_ref().unwrap().document, "two");
    }

    #[test]
    fn letters_that_are_set_aside_stay_until_they_are_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let file = DeadLetterFile::open(directory.path().join("dead")).unwrap();
        file.put(&letter("one")).unwrap();
        assert_eq!(file.set_aside().unwrap().count(), 1);
        file.put(&letter("two")).unwrap();
        assert_eq!(documents(&file), ["one", "two"]);
        // As if the run before had been cut short.
        assert_eq!(file.set_aside().unwrap().count(), 2);
        file.put(&letter("three")).unwrap();
        file.forget_aside().unwrap();
        assert_eq!(documents(&file), ["three"]);
    }
}
