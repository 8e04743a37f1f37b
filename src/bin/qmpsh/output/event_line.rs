//! An event as a line for a person: `17:47:33.185 JOB_STATUS_CHANGE id=b1 status=running`.
//!
//! The data is written as this shell reads it, so that a part of the line can be copied behind `.wait`.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::output::color::{Colors, Tint};
use crate::output::columns;
use qmpsh::json::{compact, decode, elements, escape, members};
use qmpsh::language::syntax::written;
use qmpsh::language::syntax::{Key, KeyPart, Span};
use qmpsh::message::Event;
use qmpsh::text;

/// How deep the data is unfolded. What is deeper is shown as JSON, so that nothing is read too often.
const DEPTH: usize = 12;

/// The most bytes that one column of a value can come from: those of a character written as two escapes.
const BYTES: usize = 12;

/// The indentation of the further rows of a line.
const INDENT: usize = 2;

/// The most rows of a line that is longer than the terminal is wide.
const ROWS: usize = 4;

/// Returns the line for an event, with its time in this zone, wrapped to `width` columns. What is beyond the last row is cut.
pub(super) fn line(event: &Event, zone: TimeZone, width: usize, colors: Colors) -> String {
    let room = width.saturating_mul(ROWS);
    let time = time(event, zone).map_or_else(String::new, |time| time + " ");
    let name_end = time.len();
    let mut line = time + &text::line(&event.name());
    let name = name_end..line.len();
    if let Some(data) = event.raw_data() {
        let data = match data {
            Cow::Borrowed(data) => event.bytes().slice_ref(data),
            Cow::Owned(data) => Bytes::from(data),
        };
        if members(&data).is_some_and(|mut members| members.next().is_some()) {
            Writer { room, line: &mut line }.value(&mut String::new(), &data, 0);
        }
    }
    let mut rows = columns::wrapped(columns::cut(&line, room).as_ref(), INDENT, width)
        .into_iter()
        .map(Cow::into_owned)
        .collect::<Vec<_>>();
    if rows.len() > ROWS {
        rows.truncate(ROWS);
        rows[ROWS - 1] = columns::beginning(&rows[ROWS - 1], width);
    }
    // A terminal that is too narrow for the name has it without color.
    if let Some(colored) = rows[0].get(name.clone()) {
        let colored = colors.paint(Tint::Event, colored);
        rows[0].replace_range(name, &colored);
    }
    rows.join("\n")
}

/// Returns the time of day of an event, unless the server's clock failed.
fn time(event: &Event, zone: TimeZone) -> Option<String> {
    let (seconds, microseconds) = event.timestamp()?;
    let nanoseconds = u32::try_from(microseconds).ok().filter(|micro| *micro < 1_000_000)? * 1000;
    let since = u64::try_from(seconds).ok()?;
    let time = Timestamp::new(i64::try_from(since).ok()?, i32::try_from(nanoseconds).ok()?).ok()?;
    Some(time.to_zoned(zone).strftime("%H:%M:%S%.3f").to_string())
}

struct Writer<'a> {
    room: usize,
    line: &'a mut String,
}

impl Writer<'_> {
    /// Adds ` PATH=VALUE` for each value in `value`, until the line is full. `path` is its path, with a dot behind it.
    fn value(&mut self, path: &mut String, value: &Bytes, depth: usize) {
        let start = path.len();
        if depth < DEPTH
            && let Some(members) = members(value)
        {
            let mut is_empty = true;
            for (key, member) in members {
                is_empty = false;
                path.push_str(&self.key(key));
                path.push('.');
                self.value(path, &value.slice_ref(member), depth + 1);
                path.truncate(start);
                if self.is_full() {
                    return;
                }
            }
            if !is_empty {
                return;
            }
        } else if depth < DEPTH
            && let Some(elements) = elements(value)
        {
            let mut count = 0;
            for element in elements {
                path.extend([&*count.to_string(), "."]);
                count += 1;
                self.value(path, &element, depth + 1);
                path.truncate(start);
                if self.is_full() {
                    return;
                }
            }
            if count > 0 {
                return;
            }
        }
        let value = self.written(value);
        self.line.push(' ');
        self.line.push_str(path.trim_end_matches('.'));
        self.line.push('=');
        self.line.push_str(&value);
    }

    /// Returns the name of a member, given without its quotes.
    fn key(&self, raw: &[u8]) -> String {
        let text = decode(&[b"\"", self.beginning(raw), b"\""].concat()).unwrap_or_default().into_owned();
        let span = Span::new(0, 0);
        let key = Key { parts: vec![KeyPart { text, quoted: false, span }], span };
        text::line(&key.to_string()).into_owned()
    }

    fn written(&self, value: &Bytes) -> String {
        let beginning = self.beginning(value);
        if !value.starts_with(b"\"") {
            return String::from_utf8_lossy(&escape(&compact(beginning))).into_owned();
        }
        let decoded = if beginning.len() < value.len() {
            // The cut removed the closing quote.
            decode(&[beginning, b"\""].concat()).unwrap_or_default().into_owned()
        } else {
            decode(beginning).unwrap_or_default().into_owned()
        };
        written(&decoded).into_owned()
    }

    /// Returns as many bytes as the line can have room for.
    fn beginning<'v>(&self, value: &'v [u8]) -> &'v [u8] {
        &value[..value.len().min(self.room.saturating_add(2).saturating_mul(BYTES))]
    }

    fn is_full(&self) -> bool {
        self.line.len() > self.room && columns::width(self.line) > self.room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmpsh::json::Document;
    use qmpsh::message::Message;

    fn shown(text: &str, room: usize) -> String {
        let document = Document::parse(text.as_bytes()).unwrap();
        let Message::Event(event) = Message::from_document(document).unwrap() else { panic!("{text}") };
        line(&event, TimeZone::fixed(jiff::tz::offset(2)), room, Colors::OFF)
    }

    #[test]
    fn data_is_written_as_this_shell_reads_it() {
        let check = |data: &str, expected: &str| {
            let text = format!(r#"{{"timestamp": {{"seconds": 1, "microseconds": 2345}}, "event": "E"{data}}}"#);
            assert_eq!(shown(&text, 1000), format!("02:00:01.002 E{expected}"), "{data}");
        };
        check("", "");
        check(r#", "data": {}"#, "");
        check(r#", "data": {"id": "b1", "status": "running"}"#, " id=b1 status=running");
        check(
            r#", "data": {"n": 18446744073709551615, "x": 0.10, "ok": true, "no": null}"#,
            " n=18446744073709551615 x=0.10 ok=true no=null",
        );
        check(
            r#", "data": {"info": {"a": [{"b": 1}, "c"], "e": {}, "l": []}, "z": 1}"#,
            " info.a.0.b=1 info.a.1=c info.e={} info.l=[] z=1",
        );
        check(r#", "data": {"a": "", "b": "two words", "c": "a\nb"}"#, r#" a="" b="two words" c="a\nb""#);
        check(
            r#", "data": {"a": "it's", "b": "{x}", "c": "[1]", "d": "@f", "e": "=x", "f": "\"q\""}"#,
            r#" a=it's b="{x}" c="[1]" d="@f" e="=x" f="\"q\"""#,
        );
        check(r#", "data": {"path": "/machine/peripheral/a[0]", "s": "a=b"}"#, " path=/machine/peripheral/a[0] s=a=b");
        check(r#", "data": {"a.b": 1, "c d": 2}"#, r#" "a.b"=1 "c d"=2"#);
        // Nothing drives the terminal.
        check(r#", "data": {"a": "\u001b[2J", "b": "\u202e"}"#, r#" a="\u001b[2J" b="\u202e""#);
        check(", \"data\": {\"a\": \"\u{202e}\u{200b}\"}", r#" a="\u202e\u200b""#);
        let deep = format!(r#", "data": {}1{}"#, r#"{"a":"#.repeat(14), "}".repeat(14));
        check(&deep, &format!(" {}={}", ["a"; 12].join("."), r#"{"a":{"a":1}}"#));
    }

    #[test]
    fn a_time_that_is_not_valid_is_left_out() {
        let check = |timestamp: &str, expected: &str| {
            assert_eq!(shown(&format!(r#"{{"event": "E"{timestamp}}}"#), 80), expected, "{timestamp}");
        };
        check(r#", "timestamp": {"seconds": -1, "microseconds": -1}"#, "E");
        check(r#", "timestamp": {"seconds": 1, "microseconds": 1000000}"#, "E");
        check(r#", "timestamp": {"seconds": 9223372036854775807, "microseconds": 0}"#, "E");
        check("", "E");
        check(r#", "timestamp": {"seconds": 1700000000, "microseconds": 999999}"#, "00:13:20.999 E");
    }

    #[test]
    fn a_line_is_wrapped_to_the_width_and_a_very_long_one_is_cut() {
        let text = r#"{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"#;
        assert_eq!(shown(text, 44), "SHUTDOWN guest=true reason=guest-shutdown");
        assert_eq!(shown(text, 30), "SHUTDOWN guest=true\n  reason=guest-shutdown");
        assert_eq!(shown(text, 5), "SHU\n  TDO\n  WN\n  gu…");
        let long = format!(r#"{{"event": "E", "data": {{"a": "{}"}}}}"#, "\\u65e5".repeat(1_000_000));
        assert_eq!(shown(&long, 10), "E a=日日日\n  日日日日\n  日日日日\n  日日日…");
        let many = format!(r#"{{"event": "E", "data": [{}1]}}"#, "1,".repeat(1_000_000));
        assert_eq!(shown(&many, 10), "E");
        let many = format!(r#"{{"event": "E", "data": {{"l": [{}1]}}}}"#, "1,".repeat(1_000_000));
        assert_eq!(shown(&many, 10), "E l.0=1\n  l.1=1\n  l.2=1\n  l.3=1…");
    }

    #[test]
    fn the_name_has_a_color() {
        let event = r#"{"event": "STOP"}"#;
        let document = Document::parse(event.as_bytes()).unwrap();
        let Message::Event(event) = Message::from_document(document).unwrap() else { panic!() };
        let colors = Colors::of_stdout(crate::cli::ColorMode::Always);
        let line = |room| line(&event, TimeZone::UTC, room, colors);
        assert_eq!(line(80), colors.paint(Tint::Event, "STOP"));
        assert_eq!(line(3), "ST\n OP");
    }
}
