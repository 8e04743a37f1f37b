//! Decides on colors and applies them. Texts must be safe to show before.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::OnceLock;

use colored::{Color, ColoredString, Styles};

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
    /// What is not typed yet, and descriptions.
    Hint,
    Prompt,
}

/// All of them, by the names that the configuration file has for those that it sets; the palette is in this order.
const TINTS: [(Tint, Option<&str>); 9] = [
    (Tint::Key, Some("key")),
    (Tint::Text, Some("string")),
    (Tint::Number, Some("number")),
    (Tint::Literal, Some("literal")),
    (Tint::Error, Some("error")),
    (Tint::Event, Some("event")),
    (Tint::Heading, None),
    (Tint::Hint, Some("hint")),
    (Tint::Prompt, Some("prompt")),
];

impl Tint {
    /// Returns the tint that the configuration file calls so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TINTS.iter().find(|(_, known)| *known == Some(name)).map(|(tint, _)| *tint)
    }

    /// Returns the names that the configuration file has.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        TINTS.iter().filter_map(|(_, name)| *name)
    }

    /// Returns its default style. Each color has a contrast of at least 3:1 on black and on white. Green, cyan and yellow of the
    /// 16 colors have not on white, nor has blue on black; those of the cube of 256 colors look the same in every theme.
    fn style(self) -> Style {
        let in_color = |color| Style { foreground: Some(color), ..Style::default() };
        let bold = Style::default().attributes.bold();
        match self {
            Tint::Key => in_color(Color::BrightBlue),
            Tint::Text => in_color(Color::AnsiColor(28)),
            Tint::Number => in_color(Color::AnsiColor(30)),
            Tint::Literal => in_color(Color::Magenta),
            Tint::Error => Style { attributes: bold, ..in_color(Color::Red) },
            Tint::Event => in_color(Color::AnsiColor(136)),
            Tint::Heading => Style { attributes: bold, ..Style::default() },
            Tint::Hint => in_color(Color::BrightBlack),
            Tint::Prompt => Style::default(),
        }
    }
}

/// How a text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    foreground: Option<Color>,
    background: Option<Color>,
    attributes: colored::Style,
}

impl Style {
    /// Returns the escape sequence that begins it; empty if it changes nothing.
    fn start(self) -> String {
        // `colored` must not decide: each output has its own answer.
        colored::control::set_override(true);
        let mut text = ColoredString::from("\n");
        (text.fgcolor, text.bgcolor, text.style) = (self.foreground, self.background, self.attributes);
        // The library paints whole strings only, so one is painted, and cut at its text.
        format!("{text}").split('\n').next().unwrap_or_default().to_owned()
    }
}

/// Reads a style as git's configuration has it: `bold red`, `brightblue`, `#ff8800`, `dim`. The first color is that of the text,
/// the second that of the background.
pub(crate) fn parse_style(text: &str) -> Option<Style> {
    let mut style = Style::default();
    let mut colors = Vec::new();
    let words = text.to_ascii_lowercase();
    let mut words = words.split_whitespace().peekable();
    words.peek()?;
    for word in words {
        let attribute = match word {
            "bold" => Styles::Bold,
            "dim" => Styles::Dimmed,
            "italic" => Styles::Italic,
            "ul" => Styles::Underline,
            "blink" => Styles::Blink,
            "reverse" => Styles::Reversed,
            "strike" => Styles::Strikethrough,
            color => {
                colors.push(parse_color(color)?);
                continue;
            }
        };
        style.attributes.add(attribute);
    }
    let [foreground, background] = match colors[..] {
        [] => [None, None],
        [foreground] => [foreground, None],
        [foreground, background] => [foreground, background],
        _ => return None,
    };
    Some(Style { foreground, background, ..style })
}

/// Reads a color; `None` in it is that of the terminal.
#[allow(clippy::option_option, reason = "a color that is not set is something else than no color")]
fn parse_color(word: &str) -> Option<Option<Color>> {
    const NAMES: [[Color; 2]; 8] = [
        [Color::Black, Color::BrightBlack],
        [Color::Red, Color::BrightRed],
        [Color::Green, Color::BrightGreen],
        [Color::Yellow, Color::BrightYellow],
        [Color::Blue, Color::BrightBlue],
        [Color::Magenta, Color::BrightMagenta],
        [Color::Cyan, Color::BrightCyan],
        [Color::White, Color::BrightWhite],
    ];
    if matches!(word, "normal" | "default") {
        return Some(None);
    }
    if let Some(digits) = word.strip_prefix('#').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        let part = |at: usize, length: usize| u8::from_str_radix(&digits[at * length..(at + 1) * length], 16).ok();
        let [r, g, b] = match digits.len() {
            6 => [part(0, 2)?, part(1, 2)?, part(2, 2)?],
            3 => [part(0, 1)? * 17, part(1, 1)? * 17, part(2, 1)? * 17],
            _ => return None,
        };
        return Some(Some(Color::TrueColor { r, g, b }));
    }
    if let Ok(index) = word.parse() {
        return Some(Some(Color::AnsiColor(index)));
    }
    let (name, is_bright) = word.strip_prefix("bright").map_or((word, 0), |name| (name, 1));
    let names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
    let index = names.iter().position(|known| *known == name)?;
    Some(Some(NAMES[index][is_bright]))
}

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
        if self.on { painted(tint, text) } else { text.to_owned() }
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

/// The escape sequences that begin the tints.
static PALETTE: OnceLock<[String; TINTS.len()]> = OnceLock::new();

fn palette(chosen: &[(Tint, Style)]) -> [String; TINTS.len()] {
    TINTS.map(|(tint, _)| {
        let style =
            chosen.iter().rfind(|(chosen, _)| *chosen == tint).map_or_else(|| tint.style(), |(_, style)| *style);
        style.start()
    })
}

/// Sets the styles of these tints, before any was used.
pub(crate) fn choose(chosen: &[(Tint, Style)]) {
    // A palette that is in use stays.
    let _ = PALETTE.set(palette(chosen));
}

/// The escape sequence that begins a tint; empty for one without a style.
pub(crate) fn start(tint: Tint) -> &'static str {
    PALETTE.get_or_init(|| palette(&[])).get(tint as usize).map_or("", String::as_str)
}

/// The text in its color.
pub(crate) fn painted(tint: Tint, text: &str) -> String {
    match start(tint) {
        "" => text.to_owned(),
        start => format!("{start}{text}{PLAIN}"),
    }
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
        for (index, (tint, name)) in TINTS.into_iter().enumerate() {
            assert_eq!(tint as usize, index);
            assert_eq!(name.map(Tint::named), name.map(|_| Some(tint)));
            assert_eq!(start(tint), tint.style().start());
        }
        assert_eq!(ON.paint(Tint::Heading, "x"), "\x1b[1mx\x1b[0m");
        assert_eq!(ON.paint(Tint::Prompt, "x"), "x");
        let [red, cyan] = ["red", "cyan"].map(|color| (Tint::Key, parse_style(color).unwrap()));
        let chosen = palette(&[red, cyan]);
        assert_eq!(chosen[..2], ["\x1b[36m".to_owned(), start(Tint::Text).to_owned()]);
    }

    #[test]
    fn styles_are_those_of_gits_configuration() {
        let check = |text: &str, expected: Option<&str>| {
            let found = parse_style(text).map(Style::start);
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("red", Some("\x1b[31m"));
        check("bold red", Some("\x1b[1;31m"));
        check("Bold  RED", Some("\x1b[1;31m"));
        check("brightblue", Some("\x1b[94m"));
        check("208 ul", Some("\x1b[4;38;5;208m"));
        check("white black", Some("\x1b[40;37m"));
        check("normal red", Some("\x1b[41m"));
        check("dim", Some("\x1b[2m"));
        check("normal", Some(""));
        for wrong in ["", "  ", "orange", "brightorange", "#ggg", "#aéaé", "#ffff", "256", "red green blue"] {
            check(wrong, None);
        }
        // A terminal that does not say that it has all colors gets the nearest one.
        let orange = Some(Color::TrueColor { r: 255, g: 136, b: 0 });
        for text in ["#ff8800", "#F80"] {
            assert_eq!(parse_style(text).map(|style| style.foreground), Some(orange), "{text}");
        }
    }

    /// A color as xterm shows it, by default: red, green and blue.
    fn in_xterm(color: Color) -> [u8; 3] {
        const BASIC: [[u8; 3]; 16] = [
            [0, 0, 0],
            [205, 0, 0],
            [0, 205, 0],
            [205, 205, 0],
            [0, 0, 238],
            [205, 0, 205],
            [0, 205, 205],
            [229, 229, 229],
            [127, 127, 127],
            [255, 0, 0],
            [0, 255, 0],
            [255, 255, 0],
            [92, 92, 255],
            [255, 0, 255],
            [0, 255, 255],
            [255, 255, 255],
        ];
        let index = match color {
            Color::AnsiColor(index) => index,
            Color::TrueColor { r, g, b } => return [r, g, b],
            // 30 to 37, and 90 to 97 for the bright ones.
            basic => match basic.to_fg_str().parse().unwrap() {
                code @ 30..=37 => code - 30,
                code => code - 90 + 8,
            },
        };
        match index {
            0..16 => BASIC[usize::from(index)],
            16..232 => {
                let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
                let cube = index - 16;
                [level(cube / 36), level(cube / 6 % 6), level(cube % 6)]
            }
            gray => [8 + 10 * (gray - 232); 3],
        }
    }

    /// The contrast of two colors, 1 to 21. Source: WCAG 2.1, "contrast ratio".
    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let luminance = |color: [u8; 3]| {
            let linear = color.map(|part| {
                let part = f64::from(part) / 255.0;
                if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05
        };
        let (one, other) = (luminance(one), luminance(other));
        if one > other { one / other } else { other / one }
    }

    #[test]
    fn every_color_is_legible_on_black_and_on_white() {
        let least = |color: Color| {
            let shown = in_xterm(color);
            contrast(shown, [0; 3]).min(contrast(shown, [255; 3]))
        };
        for (tint, _) in TINTS {
            if let Some(color) = tint.style().foreground {
                assert!(least(color) >= 3.0, "{tint:?}: {}", least(color));
            }
        }
        for color in [Color::Blue, Color::Yellow, Color::Green, Color::Cyan] {
            assert!(least(color) < 3.0, "{color:?}");
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
            "{\n  \x1b[94m\"a\"\x1b[0m: [\n    \x1b[38;5;28m\"b\"\x1b[0m,\n    \x1b[38;5;30m1\x1b[0m\x1b[38;5;30m2\x1b[0m,\n    \
             \x1b[35mnull\x1b[0m\n  ]\n}"
        );
    }
}
