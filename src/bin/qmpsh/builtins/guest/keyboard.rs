//! `.type`, `.keys` and `.click`: input for the guest.

use std::io;
use std::time::Duration;

use async_trait::async_trait;

use super::super::arguments::{Refusal, Words};
use super::{of_guest, whole};
use crate::input::secret;
use crate::screen::keyboard::{click, press};
use crate::screen::layouts::{self, Chord, LAYOUTS, Layout};
use crate::screen::look::picture;
use crate::session::{Builtin, Frontend, attend};
use crate::status::{Status, Stop};
use qmpsh::error::describe;
use qmpsh::language::syntax::Span;
use qmpsh::schema::nearest;
use qmpsh::text;

/// How long each press and each release of a key takes. A USB keyboard tells the guest of one of them each 8 or 10 ms.
const PACE: Duration = Duration::from_millis(10);

/// The buttons of a pointer.
const BUTTONS: [&str; 5] = ["left", "middle", "right", "wheel-up", "wheel-down"];

/// What people call keys, and what QEMU does.
const OTHER_NAMES: [(&str, &str); 11] = [
    ("enter", "ret"),
    ("return", "ret"),
    ("escape", "esc"),
    ("space", "spc"),
    ("del", "delete"),
    ("ins", "insert"),
    ("bksp", "backspace"),
    ("control", "ctrl"),
    ("pageup", "pgup"),
    ("pagedown", "pgdn"),
    ("win", "meta_l"),
];

/// `.type [delay=MS] [layout=us|gb|de|fr|es] TEXT|@?`
#[derive(Clone)]
pub(in super::super) struct Type {
    pace: Duration,
    layout: &'static Layout,
    /// The keys; `None` to ask for the text.
    chords: Option<Vec<Chord>>,
}

/// The text may be a password.
impl std::fmt::Debug for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Type").field("layout", &self.layout.name).finish_non_exhaustive()
    }
}

impl Type {
    pub(in super::super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let Some(mut rest) = Some(words.rest()).filter(|rest| !rest.trim().is_empty()) else {
            return Err(words.refusal("a text is missing"));
        };
        let (mut pace, mut layout) = (PACE, &LAYOUTS[0]);
        loop {
            let word = rest.split([' ', '\t']).next().unwrap_or_default();
            let after = rest[word.len()..].trim_start_matches([' ', '\t']);
            if let Some(delay) = word.strip_prefix("delay=") {
                let delay = delay.parse().ok().filter(|delay| (1..=10_000).contains(delay));
                pace =
                    Duration::from_millis(delay.ok_or_else(|| words.refusal("delay= takes 1 to 10000 milliseconds"))?);
            } else if let Some(name) = word.strip_prefix("layout=") {
                layout = layouts::find(name).ok_or_else(|| {
                    let names: Vec<_> = LAYOUTS.iter().map(|layout| layout.name).collect();
                    words.refusal(format!("no such layout (there are {})", names.join(", ")))
                })?;
            } else {
                if word == "--" {
                    rest = after;
                }
                break;
            }
            rest = after;
        }
        if rest.is_empty() {
            return Err(words.refusal("a text is missing"));
        }
        if rest == "@?" {
            return Ok(Self { pace, layout, chords: None });
        }
        let text = if rest.starts_with('"') {
            serde_json::from_str(rest.trim_end()).map_err(|_| {
                words.refusal(
                    "a text that begins with a double quote must be a JSON string: write \\\" for quotes in it",
                )
            })?
        } else {
            unescaped(rest)
        };
        let chords = chords(layout, &text).map_err(|message| words.refusal(message))?;
        Ok(Self { pace, layout, chords: Some(chords) })
    }
}

/// Reads `\n`, `\t` and `\\`. Other backslashes are themselves.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (c, length) = match rest.as_bytes().get(at + 1) {
            Some(b'n') => ('\n', 2),
            Some(b't') => ('\t', 2),
            Some(b'\\') => ('\\', 2),
            _ => ('\\', 1),
        };
        out.push(c);
        rest = &rest[at + length..];
    }
    out + rest
}

/// Returns the key presses of a text. An error tells the place of a character and not the character: the text may be a password.
fn chords(layout: &Layout, text: &str) -> Result<Vec<Chord>, String> {
    let mut chords = Vec::new();
    for (at, c) in text.chars().enumerate() {
        let missing = || format!("the layout {} has no key for character {} of the text", layout.name, at + 1);
        chords.extend(layout.chords(c).ok_or_else(missing)?);
    }
    Ok(chords)
}

#[async_trait(?Send)]
impl Builtin for Type {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let what = "the keys";
        let asked;
        let chords = match &self.chords {
            Some(chords) => chords,
            None => {
                let ask = tokio::task::spawn_blocking(|| secret::ask("text to type"));
                let answer = attend(frontend, ask, None, "the text").await?;
                let answer = answer.map_or_else(
                    || Err(io::ErrorKind::Interrupted.into()),
                    |answer| answer.unwrap_or_else(|error| Err(io::Error::other(error))),
                );
                let answer = answer.map_err(|error| match error.kind() {
                    io::ErrorKind::Interrupted => Stop::silent(Status::Interrupted),
                    _ => Stop::new(Status::Usage, format!("cannot ask for the text: {}", describe(&error))),
                })?;
                asked = self::chords(self.layout, &answer).map_err(|message| Stop::new(Status::Usage, message))?;
                &asked
            }
        };
        let client = frontend.session().client.clone();
        of_guest(frontend, press(&client, chords, self.pace), None, what).await.map(drop)
    }
}

/// `.keys CHORD...`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Keys {
    chords: Vec<Chord>,
}

impl Keys {
    pub(in super::super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let mut next = Some(words.required("a key")?);
        let mut chords = Vec::new();
        while let Some((word, span)) = next {
            chords.push(chord(&word, span)?);
            next = words.next()?;
        }
        Ok(Self { chords })
    }
}

/// Reads keys that are pressed together.
fn chord(word: &str, span: Span) -> Result<Chord, Refusal> {
    let keys: Chord = word.split('-').map(str::to_ascii_lowercase).collect();
    for key in &keys {
        if let Some((_, name)) = OTHER_NAMES.iter().find(|(other, _)| other == key) {
            return Err(Refusal::new(span, format!("no key `{key}` (QEMU calls it `{name}`)")));
        }
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Refusal::new(
                span,
                "not keys with `-` between them, such as ctrl-alt-f2 (`-` itself is `minus`)",
            ));
        }
    }
    Ok(keys)
}

#[async_trait(?Send)]
impl Builtin for Keys {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let client = frontend.session().client.clone();
        let schema = frontend.session().schema.clone();
        let fetched = attend(frontend, schema.fetch(&client), None, "the schema").await?;
        if let Some(Ok(Some(schema))) = fetched
            && let Some(names) = schema.key_names()
        {
            for key in self.chords.iter().flatten() {
                if !names.contains(&&**key) {
                    let near = nearest(key, names.iter().copied());
                    let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
                    let message = format!("no key `{}`{hint}; no key was pressed", text::line(key));
                    return Err(Stop::new(Status::Usage, message));
                }
            }
        }
        of_guest(frontend, press(&client, &self.chords, PACE), None, "the keys").await.map(drop)
    }
}

/// `.click X Y [BUTTON]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Click {
    place: (usize, usize),
    button: &'static str,
}

impl Click {
    pub(in super::super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        let mut number = |what: &str| {
            let (text, span) = words.required(what)?;
            text.parse().map_err(|_| Refusal::new(span, "not a number of pixels"))
        };
        let place = (number("X")?, number("Y")?);
        let button = match words.next()? {
            None => BUTTONS[0],
            Some((text, span)) => BUTTONS
                .into_iter()
                .find(|button| *button == text)
                .ok_or_else(|| Refusal::new(span, format!("not a button: {}", BUTTONS.join(", "))))?,
        };
        Ok(Self { place, button })
    }
}

#[async_trait(?Send)]
impl Builtin for Click {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let what = "the pointer";
        let client = frontend.session().client.clone();
        let looked = client.clone();
        let work = async move { picture(&looked, None).await.map(|picture| (picture.width, picture.height)) };
        let Some(size) = whole(frontend, work, None, what).await? else { return Ok(()) };
        let ((x, y), button) = (self.place, self.button);
        if x >= size.0 || y >= size.1 {
            let message = format!("{x}, {y} is outside of the guest's screen, which has {}x{} pixels", size.0, size.1);
            return Err(Stop::new(Status::Usage, message));
        }
        let work = async move { click(&client, (x, y), size, button).await };
        whole(frontend, work, None, what).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::arguments::read_line;
    use super::*;

    fn typed(words: &str) -> Result<String, String> {
        let read = read_line(&format!(".type {words}"), Type::read)?;
        let shown: Vec<_> = read.chords.iter().flatten().map(|chord| chord.join("-")).collect();
        Ok(format!("{} {} {}", read.pace.as_millis(), read.layout.name, shown.join(" ")).trim_end().to_owned())
    }

    #[test]
    fn a_text_is_the_rest_of_the_line() {
        for (words, expected) in [
            ("ab", "10 us a b"),
            ("a  #b", "10 us a spc spc shift-3 b"),
            ("info | x", "10 us i n f o spc shift-backslash spc x"),
            (r"a\n\t\\\x", "10 us a ret tab backslash backslash x"),
            (r#""a\"\u0062 ""#, "10 us a shift-apostrophe b spc"),
            ("delay=30 layout=de yz", "30 de z y"),
            ("-- delay=1", "10 us d e l a y equal 1"),
            ("a delay=1", "10 us a spc d e l a y equal 1"),
            ("@?", "10 us"),
            ("@?x", "10 us shift-2 shift-slash x"),
        ] {
            assert_eq!(typed(words).as_deref(), Ok(expected), "{words}");
        }
        for (words, expected) in [
            ("", "a text is missing (usage: .type"),
            ("delay=5", "a text is missing"),
            ("delay=x a", "delay= takes 1 to 10000 milliseconds"),
            ("layout=xx a", "no such layout (there are us, gb, de, fr, es)"),
            ("abc\u{4e2d}", "the layout us has no key for character 4 of the text"),
            ("\"a", "must be a JSON string"),
        ] {
            let message = typed(words).unwrap_err();
            assert!(message.contains(expected), "{words}: {message}");
        }
    }

    #[test]
    fn chords_are_read() {
        let read = |words: &str| {
            read_line(&format!(".keys {words}"), Keys::read).map(|keys| keys.chords.join(&"|".to_owned()))
        };
        assert_eq!(read("Ctrl-Alt-F2 ret").unwrap().join(" "), "ctrl alt f2 | ret");
        assert_eq!(read("enter").unwrap_err(), "no key `enter` (QEMU calls it `ret`)");
        assert!(read("ctrl--").unwrap_err().contains("`minus`"));
        assert!(read("ctrl+c").unwrap_err().contains("with `-` between them"));
        assert!(read("").unwrap_err().contains("a key is missing"));
    }

    #[test]
    fn a_place_and_a_button_are_read() {
        let read = |words: &str| read_line(&format!(".click {words}"), Click::read);
        assert_eq!(read("3 4"), Ok(Click { place: (3, 4), button: "left" }));
        assert_eq!(read("3 4 right"), Ok(Click { place: (3, 4), button: "right" }));
        assert!(read("3").unwrap_err().contains("Y is missing"));
        assert_eq!(read("3 x").unwrap_err(), "not a number of pixels");
        assert_eq!(read("3 4 side").unwrap_err(), "not a button: left, middle, right, wheel-up, wheel-down");
    }
}
