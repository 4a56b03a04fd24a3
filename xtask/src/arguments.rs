use std::str::FromStr;

use crate::failure::Failure;
use crate::task::{Flag, Task};

/// What stands behind the name of a task, checked against the flags that the task has.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    flags: Vec<(&'static str, String)>,
    operands: Vec<String>,
}

impl Arguments {
    /// Accepts `--flag VALUE` and `--flag=VALUE`; after `--` everything is an operand.
    pub(crate) fn parse(task: &Task, given: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut parsed = Self::default();
        let mut given = given.into_iter();
        while let Some(argument) = given.next() {
            if argument == "--" {
                parsed.operands.extend(given.by_ref());
            } else if argument.starts_with('-') {
                let (name, inline) = match argument.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (argument.as_str(), None),
                };
                let flag = find(task, name)?;
                let value = match (flag.value, inline) {
                    ("", None) => String::new(),
                    ("", Some(_)) => return Err(usage(task, &format!("{name} takes no value"))),
                    (_, Some(value)) => value,
                    (value, None) => {
                        given.next().ok_or_else(|| usage(task, &format!("{name} needs a value: {value}")))?
                    }
                };
                parsed.flags.push((flag.name, value));
            } else {
                parsed.operands.push(argument);
            }
        }
        if task.operands.is_empty()
            && let Some(operand) = parsed.operands.first()
        {
            return Err(usage(task, &format!("unexpected argument `{operand}`")));
        }
        Ok(parsed)
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|(name, _)| *name == flag)
    }

    /// The last value given for the flag.
    pub(crate) fn value(&self, flag: &str) -> Option<&str> {
        self.values(flag).last()
    }

    /// The number given for the flag, or else `default`.
    pub(crate) fn number<N: FromStr>(&self, flag: &str, default: N) -> Result<N, Failure> {
        let Some(text) = self.value(flag) else { return Ok(default) };
        text.parse().map_err(|_| Failure::Usage(format!("{flag} takes a number, not `{text}`")))
    }

    /// All values of a flag; one that lists several with commas counts as several.
    pub(crate) fn values(&self, flag: &str) -> impl Iterator<Item = &str> {
        self.flags.iter().filter(move |(name, _)| *name == flag).flat_map(|(_, value)| value.split(','))
    }

    pub(crate) fn operands(&self) -> &[String] {
        &self.operands
    }
}

/// Refuses a name that is not among `known`.
pub(crate) fn one_of<'k>(what: &str, name: &str, known: &[&'k str]) -> Result<&'k str, Failure> {
    known
        .iter()
        .copied()
        .find(|candidate| *candidate == name)
        .ok_or_else(|| Failure::Usage(format!("there is no {what} `{name}`; there is: {}", known.join(", "))))
}

fn find<'t>(task: &'t Task, name: &str) -> Result<&'t Flag, Failure> {
    task.flags.iter().find(|flag| flag.name == name).ok_or_else(|| {
        let known: Vec<&str> = task.flags.iter().map(|flag| flag.name).collect();
        let known = if known.is_empty() {
            "it has no flags".to_owned()
        } else {
            format!("it has: {}", known.join(", "))
        };
        usage(task, &format!("unknown flag `{name}`; {known}"))
    })
}

fn usage(task: &Task, problem: &str) -> Failure {
    Failure::Usage(format!("{}: {problem} (see `cargo xtask help {}`)", task.name, task.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: Task = Task {
        name: "brew",
        summary: "",
        operands: "",
        flags: &[
            Flag { name: "--pot", value: "NAME", help: "" },
            Flag { name: "--hot", value: "", help: "" },
        ],
        help: "",
        run: |_| Ok(()),
    };

    fn parse(given: &[&str]) -> Result<Arguments, Failure> {
        Arguments::parse(&TASK, given.iter().map(|&argument| argument.to_owned()))
    }

    #[test]
    fn a_number_is_what_is_given_or_the_default_and_nothing_else() {
        let number = |given: &[&str]| parse(given).unwrap().number::<u32>("--pot", 7);
        assert!(matches!(number(&[]), Ok(7)));
        assert!(matches!(number(&["--pot", "12"]), Ok(12)));
        for text in ["-1", "large", "99999999999"] {
            assert!(matches!(number(&["--pot", text]), Err(Failure::Usage(said)) if said.contains(text)));
        }
    }

    #[test]
    fn values_come_inline_or_next_and_may_be_lists() {
        let arguments = parse(&["--pot", "a,b", "--hot", "--pot=c"]).unwrap();
        assert!(arguments.has("--hot"));
        assert_eq!(arguments.values("--pot").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(arguments.value("--pot"), Some("c"));
        assert_eq!(arguments.value("--lid"), None);
    }

    #[test]
    fn what_the_task_does_not_have_is_refused_with_what_it_has() {
        for (given, expected) in [
            (&["--cold"][..], "unknown flag `--cold`; it has: --pot, --hot"),
            (&["--pot"], "--pot needs a value: NAME"),
            (&["--hot=1"], "--hot takes no value"),
            (&["now"], "unexpected argument `now`"),
            (&["--", "--hot"], "unexpected argument `--hot`"),
        ] {
            let failure = parse(given).unwrap_err();
            assert!(matches!(failure, Failure::Usage(_)));
            assert!(failure.to_string().contains(expected), "{failure}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        assert_eq!(one_of("peer", "b", &["a", "b"]).unwrap(), "b");
        let failure = one_of("peer", "c", &["a", "b"]).unwrap_err();
        assert_eq!(failure.to_string(), "there is no peer `c`; there is: a, b");
    }
}
