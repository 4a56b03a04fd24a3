//! `message % arguments`, as Python's logging does it.

use super::repr::Repr;
use super::value::{PickleEntries, PickleItems, PickleValue};
use std::fmt::{self, Write as _};

/// The text; none where Python would raise an error, or where it would be unreasonably long.
pub(super) fn percent(format: &str, arguments: PickleValue<'_>) -> Option<String> {
    let mut arguments = match arguments {
        PickleValue::Tuple(items) => Arguments { positional: Some(items), named: None, single: None },
        PickleValue::Dict(entries) => {
            Arguments { positional: None, named: Some(entries), single: Some(arguments) }
        }
        other => Arguments { positional: None, named: None, single: Some(other) },
    };
    let mut out = Bounded(String::with_capacity(format.len()));
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        out.write_str(before).ok()?;
        rest = Specifier::apply(behind, &mut arguments, &mut out)?;
    }
    out.write_str(rest).ok()?;
    arguments.are_used().then_some(out.0)
}

struct Arguments<'p> {
    positional: Option<PickleItems<'p>>,
    named: Option<PickleEntries<'p>>,
    /// What is one argument by itself.
    single: Option<PickleValue<'p>>,
}

impl<'p> Arguments<'p> {
    fn next(&mut self) -> Option<PickleValue<'p>> {
        match &mut self.positional {
            Some(items) => items.next(),
            None => self.single.take(),
        }
    }

    /// A dictionary need not be used.
    fn are_used(&self) -> bool {
        match &self.positional {
            Some(items) => items.is_empty(),
            None => self.named.is_some() || self.single.is_none(),
        }
    }
}

/// What stands between `%` and the letter of a conversion.
#[derive(Default)]
struct Specifier {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

impl Specifier {
    /// Writes an argument by the conversion at the front of `rest`, and returns what is behind it.
    fn apply<'f>(mut rest: &'f str, arguments: &mut Arguments<'_>, out: &mut Bounded) -> Option<&'f str> {
        let mut specifier = Self::default();
        let mut value = None;
        if let Some(named) = rest.strip_prefix('(') {
            let (name, behind) = named.split_once(')')?;
            value = Some(arguments.named?.value(name)?);
            rest = behind;
        }
        loop {
            match rest.as_bytes().first()? {
                b'-' => specifier.minus = true,
                b'+' => specifier.plus = true,
                b' ' => specifier.space = true,
                b'0' => specifier.zero = true,
                b'#' => specifier.alternate = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        specifier.width = match rest.strip_prefix('*') {
            Some(behind) => {
                rest = behind;
                specifier.starred(arguments.next()?)?
            }
            None => digits(&mut rest)?,
        };
        if let Some(behind) = rest.strip_prefix('.') {
            rest = behind;
            specifier.precision = Some(match rest.strip_prefix('*') {
                Some(behind) => {
                    rest = behind;
                    Self::default().starred(arguments.next()?)?
                }
                None => digits(&mut rest)?,
            });
        }
        rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
        let conversion = rest.chars().next()?;
        rest = &rest[conversion.len_utf8()..];
        if specifier.width > LONGEST_FIELD || specifier.precision > Some(LONGEST_FIELD) {
            return None;
        }
        if conversion == '%' {
            out.write_char('%').ok()?;
            return Some(rest);
        }
        let value = match value {
            Some(value) => value,
            None => arguments.next()?,
        };
        specifier.convert(conversion, value, out)?;
        Some(rest)
    }

    fn starred(&mut self, value: PickleValue<'_>) -> Option<usize> {
        let PickleValue::Int(value) = value else {
            return None;
        };
        self.minus |= value < 0;
        usize::try_from(value.unsigned_abs()).ok()
    }

    fn convert(&self, conversion: char, value: PickleValue<'_>, out: &mut Bounded) -> Option<()> {
        match conversion {
            's' => self.text(&value, out),
            'r' | 'a' => self.text(&Repr(value), out),
            'c' => match value {
                PickleValue::Int(code) => self.text(&u32::try_from(code).ok().and_then(char::from_u32)?, out),
                PickleValue::Str(text) if text.chars().count() == 1 => self.text(&text, out),
                _ => None,
            },
            'd' | 'i' | 'u' => {
                let value = integer(value).or_else(|| match value {
                    PickleValue::Float(value) if value.is_finite() && value.abs() < 1e38 => {
                        Some(value.trunc() as i128)
                    }
                    _ => None,
                })?;
                self.number(value < 0, "", &self.padded(value.unsigned_abs().to_string()), out)
            }
            'x' | 'X' | 'o' => {
                let value = integer(value)?;
                let magnitude = value.unsigned_abs();
                let (prefix, digits) = match conversion {
                    'x' => ("0x", format!("{magnitude:x}")),
                    'X' => ("0X", format!("{magnitude:X}")),
                    _ => ("0o", format!("{magnitude:o}")),
                };
                let prefix = if self.alternate { prefix } else { "" };
                self.number(value < 0, prefix, &self.padded(digits), out)
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let value = match value {
                    PickleValue::Float(value) => value,
                    other => integer(other)? as f64,
                };
                let digits = self.float(conversion.to_ascii_lowercase(), value.abs());
                let digits =
                    if conversion.is_ascii_uppercase() { digits.to_ascii_uppercase() } else { digits };
                self.number(value.is_sign_negative() && !value.is_nan(), "", &digits, out)
            }
            _ => None,
        }
    }

    fn text(&self, value: &dyn fmt::Display, out: &mut Bounded) -> Option<()> {
        let mut text = Bounded(String::new());
        write!(text, "{value}").ok()?;
        let mut text = text.0;
        if let Some(precision) = self.precision
            && let Some((end, _)) = text.char_indices().nth(precision)
        {
            text.truncate(end);
        }
        let width = self.width;
        if self.minus { write!(out, "{text:<width$}") } else { write!(out, "{text:>width$}") }.ok()
    }

    /// Digits, as many as the precision asks for.
    fn padded(&self, digits: String) -> String {
        let missing = self.precision.unwrap_or(0).saturating_sub(digits.len());
        if missing == 0 { digits } else { "0".repeat(missing) + &digits }
    }

    fn number(&self, is_negative: bool, prefix: &str, digits: &str, out: &mut Bounded) -> Option<()> {
        let sign = match is_negative {
            true => "-",
            false if self.plus => "+",
            false if self.space => " ",
            false => "",
        };
        let missing = self.width.saturating_sub(sign.len() + prefix.len() + digits.len());
        if self.minus {
            write!(out, "{sign}{prefix}{digits}{:missing$}", "")
        } else if self.zero {
            write!(out, "{sign}{prefix}{:0>missing$}{digits}", "")
        } else {
            write!(out, "{:missing$}{sign}{prefix}{digits}", "")
        }
        .ok()
    }

    /// A number that is not negative, by `e`, `f` or `g`.
    fn float(&self, conversion: char, value: f64) -> String {
        if value.is_nan() {
            return "nan".to_owned();
        }
        if value.is_infinite() {
            return "inf".to_owned();
        }
        let precision = self.precision.unwrap_or(6);
        match conversion {
            'f' => format!("{value:.precision$}"),
            'e' => scientific(value, precision).0,
            _ => {
                let precision = precision.max(1);
                let (text, exponent) = scientific(value, precision - 1);
                let is_fixed = usize::try_from(exponent).map_or(exponent >= -4, |up| up < precision);
                if !is_fixed {
                    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, ""));
                    return format!("{}e{exponent}", self.without_zeros(mantissa));
                }
                let decimals = usize::try_from(precision as i64 - 1 - i64::from(exponent)).unwrap_or(0);
                self.without_zeros(&format!("{value:.decimals$}")).to_owned()
            }
        }
    }

    fn without_zeros<'t>(&self, digits: &'t str) -> &'t str {
        if self.alternate || !digits.contains('.') {
            return digits;
        }
        digits.trim_end_matches('0').trim_end_matches('.')
    }
}

/// `1.5e+03`, and its exponent.
fn scientific(value: f64, precision: usize) -> (String, i32) {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    (format!("{mantissa}e{sign}{:02}", exponent.abs()), exponent)
}

fn integer(value: PickleValue<'_>) -> Option<i128> {
    match value {
        PickleValue::Int(value) => Some(value),
        PickleValue::Bool(value) => Some(value.into()),
        _ => None,
    }
}

/// The number at the front, which is taken; 0 if there is none.
fn digits(rest: &mut &str) -> Option<usize> {
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, behind) = rest.split_at(length);
    *rest = behind;
    if number.is_empty() { Some(0) } else { number.parse().ok() }
}

/// A text that does not grow endlessly.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST_TEXT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Characters to which one argument is padded.
const LONGEST_FIELD: usize = 1024;

/// Bytes of a message.
const LONGEST_TEXT: usize = 1024 * 1024;
