//! Decides on colors and applies them. Texts must be safe to show before.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::LazyLock;

use colored::{ColoredString, Colorize as _};

use crate::cli::ColorMode;
use crate::output::columns::is_carets;
use qmpsh::json::Part;

/// A kind of text with a color of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tint {
    Key,
    Text,
    Number,
    Literal,
    /// The label of an error.
    Error,
    /// The name of an event.
    Event,
    /// The heading of a column.
    Heading,
}

/// All of them; the palette is in this order.
const TINTS: [Tint; 7] = [Tint::Key, Tint::Text, Tint::Number, Tint::Literal, Tint::Error, Tint::Event, Tint::Heading];

/// The escape sequence that ends any tint.
pub(crate) const PLAIN: &str = "\x1b[0m";

/// The colors of one of the program's outputs: on or off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colors {
    mode: ColorMode,
    on: bool,
}

impl Colors {
    /// None, whatever the output is.
    pub(crate) const OFF: Self = Self { mode: ColorMode::Never, on: false };

    /// As `--color` says, for what stdout is.
    pub(crate) fn of_stdout(mode: ColorMode) -> Self {
        Self { mode, on: decide(mode, std::io::stdout().is_terminal(), |name| std::env::var_os(name)) }
    }

    /// As `--color` says, for what stderr is.
    pub(crate) fn of_stderr(mode: ColorMode) -> Self {
        Self { mode, on: decide(mode, std::io::stderr().is_terminal(), |name| std::env::var_os(name)) }
    }

    /// As these, for what stderr is.
    pub(crate) fn for_stderr(self) -> Self {
        Self::of_stderr(self.mode)
    }

    pub(crate) fn are_on(self) -> bool {
        self.on
    }

    /// The text in its color, if there are any.
    pub(crate) fn paint(self, tint: Tint, text: &str) -> String {
        if self.on { format!("{}{text}{PLAIN}", start(tint)) } else { text.to_owned() }
    }

    /// An error message: its labels (`FILE:LINE: CLASS: `) and carets are colored.
    pub(crate) fn failure(self, message: &str) -> String {
        if !self.on {
            return message.to_owned();
        }
        let mut lines = message.split('\n');
        let first = lines.next().unwrap_or_default();
        let labels = first.split_inclusive(' ').take_while(|word| word.len() > 2 && word.ends_with(": "));
        let (labels, sentence) = first.split_at(labels.map(str::len).sum());
        let mut out = match labels.strip_suffix(": ") {
            Some(labels) => format!("{}: {sentence}", self.paint(Tint::Error, labels)),
            None => first.to_owned(),
        };
        for line in lines {
            out.push('\n');
            out.push_str(&if is_carets(line) { self.paint(Tint::Error, line) } else { line.to_owned() });
        }
        out
    }

    /// Adds a part of JSON text in its color to `out`.
    pub(crate) fn json(self, part: Part, text: &[u8], out: &mut Vec<u8>) {
        let tint = match part {
            Part::Key => Tint::Key,
            Part::Text => Tint::Text,
            Part::Number => Tint::Number,
            Part::Literal => Tint::Literal,
            Part::Between => return out.extend_from_slice(text),
        };
        if self.on {
            out.extend_from_slice(start(tint).as_bytes());
        }
        out.extend_from_slice(text);
        if self.on {
            out.extend_from_slice(PLAIN.as_bytes());
        }
    }
}

/// Returns true if there are colors. An empty variable counts as unset. Source: no-color.org,
/// bixense.com/clicolors.
fn decide(mode: ColorMode, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    match mode {
        ColorMode::Always => true,
        ColorMode::Never => false,
        ColorMode::Auto if set("NO_COLOR").is_some() => false,
        ColorMode::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        ColorMode::Auto => {
            terminal
                && set("CLICOLOR").is_none_or(|value| value != "0")
                && set("TERM").is_some_and(|term| term != "dumb")
        }
    }
}

fn styled(tint: Tint, text: &str) -> ColoredString {
    match tint {
        Tint::Key => text.blue(),
        Tint::Text => text.green(),
        Tint::Number => text.cyan(),
        Tint::Literal => text.magenta(),
        Tint::Error => text.red().bold(),
        Tint::Event => text.yellow(),
        Tint::Heading => text.bold(),
    }
}

/// The escape sequence that begins a tint.
pub(crate) fn start(tint: Tint) -> &'static str {
    /// The library paints whole strings only, so one is painted once, and cut at its text.
    static PALETTE: LazyLock<[String; TINTS.len()]> = LazyLock::new(|| {
        // `colored` must not decide: each output has its own answer.
        colored::control::set_override(true);
        TINTS.map(|tint| format!("{}", styled(tint, "\n")).split('\n').next().unwrap_or_default().to_owned())
    });
    PALETTE.get(tint as usize).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColorMode::{Always, Auto, Never};
    use qmpsh::json::Indenter;

    const ON: Colors = Colors { mode: ColorMode::Auto, on: true };

    #[test]
    fn when_there_are_colors() {
        let check = |mode, terminal, variables: &[(&str, &str)], expected| {
            let variable = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
            assert_eq!(decide(mode, terminal, variable), expected, "{mode:?}, terminal {terminal}, {variables:?}");
        };
        let xterm = ("TERM", "xterm");
        check(Auto, true, &[xterm], true);
        check(Auto, false, &[xterm], false);
        check(Auto, true, &[("TERM", "dumb")], false);
        check(Auto, true, &[], false);
        check(Auto, true, &[xterm, ("NO_COLOR", "1")], false);
        check(Auto, true, &[xterm, ("NO_COLOR", "")], true);
        check(Auto, true, &[xterm, ("CLICOLOR", "0")], false);
        check(Auto, false, &[xterm, ("CLICOLOR_FORCE", "1")], true);
        check(Auto, false, &[xterm, ("CLICOLOR_FORCE", "0")], false);
        check(Auto, false, &[xterm, ("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false);
        check(Auto, true, &[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true);
        check(Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")], true);
        check(Never, true, &[xterm, ("CLICOLOR_FORCE", "1")], false);
    }

    #[test]
    fn every_tint_is_in_the_palette() {
        for (index, tint) in TINTS.into_iter().enumerate() {
            assert_eq!(tint as usize, index);
            assert_eq!(ON.paint(tint, "x"), format!("{}x{PLAIN}", start(tint)));
            assert_eq!(styled(tint, "x").to_string(), ON.paint(tint, "x"));
            assert!(start(tint).starts_with("\x1b["), "{tint:?}");
        }
    }

    #[test]
    fn failures_in_colors() {
        let check = |message: &str, expected: &str| {
            let expected = expected.replace('<', start(Tint::Error)).replace('>', PLAIN);
            assert_eq!(ON.failure(message), expected);
            assert_eq!(Colors { on: false, ..ON }.failure(message), message);
        };
        check("GenericError: no device: x", "<GenericError>: no device: x");
        check("f.txt:3: CommandNotFound: The command x", "<f.txt:3: CommandNotFound>: The command x");
        check("qmpsh: cannot: x", "<qmpsh: cannot>: x");
        check("not sent: not connected", "not sent: not connected");
        check("bad\n  x = 1\n    ^^\n  expected: y", "bad\n  x = 1\n<    ^^>\n  expected: y");
        check("", "");
        check("GenericError: ", "<GenericError>: ");
    }

    #[test]
    fn json_in_colors() {
        let shown = |colors: Colors| {
            let mut out = Vec::new();
            let mut indenter = Indenter::new();
            for piece in [&br#"{"a": ["b", 1"#[..], b"2, null]}"] {
                indenter.feed(piece, |part, text| colors.json(part, text, &mut out));
            }
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(Colors { on: false, ..ON }), "{\n  \"a\": [\n    \"b\",\n    12,\n    null\n  ]\n}");
        assert_eq!(
            shown(ON),
            "{\n  \x1b[34m\"a\"\x1b[0m: [\n    \x1b[32m\"b\"\x1b[0m,\n    \x1b[36m1\x1b[0m\x1b[36m2\x1b[0m,\n    \
             \x1b[35mnull\x1b[0m\n  ]\n}"
        );
    }
}
